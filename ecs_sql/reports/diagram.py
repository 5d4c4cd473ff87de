"""A mapping's classes as a mermaid class diagram."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ecs_sql.entity import Entity
from ecs_sql.fields import EntityClass, FieldSpec, is_abstract, referred_classes
from ecs_sql.identity import IdentifiedModel
from ecs_sql.mapping import EntityMapping
from ecs_sql.reports.multiplicity import multiplicity
from ecs_sql.reports.tables import field_title

_PLAIN_ID = re.compile(r"[A-Z][A-Za-z0-9_]*")
_PLAIN_TEXT = frozenset(" _-.,|'[]=")
"""What means nothing to mermaid, besides letters and digits."""


def class_diagram(mapping: EntityMapping) -> str:
    """The classes with their fields, their bases, and what they refer to.

    Abstract bases are shown without fields: these stand in the classes that have tables. A reference may
    hold any subclass of the class that it leads to.
    """
    concrete = mapping.entity_classes
    ids = _ids(_with_abstract(mapping))
    lines = ["classDiagram"]
    for entity_class, name in ids.items():
        fields = mapping.spec(entity_class).own_fields if entity_class in concrete else ()
        lines += _class(entity_class, name, fields)
    lines += [
        f"    {ids[base]} <|-- {name}" for item, name in ids.items() for base in _bases(item, ids)
    ]
    for entity_class in concrete:
        for field in mapping.spec(entity_class).own_fields:
            lines += _references(ids[entity_class], field, ids)
    return "\n".join(lines) + "\n"


def _with_abstract(mapping: EntityMapping) -> Iterator[EntityClass]:
    """The classes, their abstract bases, and abstract classes that fields refer to."""
    for entity_class in mapping.entity_classes:
        yield from (base for base in reversed(entity_class.__mro__) if _is_shown(base))
        yield from sorted(mapping.spec(entity_class).references, key=lambda item: item.__qualname__)


def _is_shown(base: type) -> bool:
    return issubclass(base, IdentifiedModel) and base not in (Entity, IdentifiedModel)


def _ids(classes: Iterable[EntityClass]) -> dict[EntityClass, str]:
    """A name for each class that mermaid takes: the class's own where that is plain and free."""
    ids: dict[EntityClass, str] = {}
    taken: set[str] = set()
    for number, entity_class in enumerate(dict.fromkeys(classes), 1):
        name = entity_class.__qualname__
        if not _PLAIN_ID.fullmatch(name) or name in taken:
            name = re.sub(r"[^A-Za-z0-9]+", "_", f"C{number} {name}")
        taken.add(name)
        ids[entity_class] = name
    return ids


def _class(entity_class: EntityClass, name: str, fields: Iterable[FieldSpec]) -> Iterator[str]:
    title = entity_class.__qualname__
    label = "" if title == name else f'["{escaped(title)}"]'
    members = [
        f"        {escaped(field_title(field.name))}: {escaped(field.node.name)}"
        for field in fields
    ]
    yield f"    class {name}{label}" + (" {" if members else "")
    if members:
        yield from members
        yield "    }"
    if is_abstract(entity_class):
        yield f"    <<abstract>> {name}"


def _bases(entity_class: EntityClass, shown: Iterable[EntityClass]) -> list[EntityClass]:
    """The nearest shown classes that a class derives from."""
    above = [base for base in entity_class.__mro__[1:] if base in shown]
    return [
        base
        for base in above
        if not any(other is not base and issubclass(other, base) for other in above)
    ]


def _references(name: str, field: FieldSpec, ids: dict[EntityClass, str]) -> Iterator[str]:
    for target in dict.fromkeys(referred_classes([field.node])):
        number = multiplicity(field.node, target)
        yield f'    {name} --> "{number}" {ids[target]} : {escaped(field.name)}'


def escaped(text: str) -> str:
    """The text on one line, with mermaid's codes in place of what would mean something to it."""
    return "".join(
        character if character.isalnum() or character in _PLAIN_TEXT else f"#{ord(character)};"
        for character in text or "?"
    )
