"""Generated families of classes can be mapped, and have all that makes mapping hard."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from ecs_sql import Entity, EntityMapping
from ecs_sql.fields import spec_of
from ecs_sql.nodes import RecordNode, ReferenceNode, all_nodes
from ecs_sql.strategies import entities, entity_classes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecs_sql.fields import FieldSpec

Classes = tuple[type[Entity], ...]


@given(classes=entity_classes(max_size=5))
def test_every_family_can_be_mapped(classes: Classes) -> None:
    mapping = EntityMapping()
    mapping.register(*classes)
    assert set(classes) == set(mapping.entity_classes)
    assert len(mapping.metadata.tables) == len(classes) + len(EntityMapping().metadata.tables)


@given(classes=entity_classes(min_size=2, max_size=2))
def test_a_family_is_as_large_as_asked(classes: Classes) -> None:
    assert len(classes) == 2


@given(classes=entity_classes(), data=st.data())
def test_every_class_has_instances(classes: Classes, data: st.DataObject) -> None:
    for entity_class in classes:
        data.draw(entities(entity_class, *classes, max_entities=2))


def traits(entity_class: type[Entity]) -> Iterator[str]:
    """What a class has, as counted below."""
    spec = spec_of(entity_class)
    if len(entity_class.__bases__) > 1:
        yield "two bases"
    if len(spec.table_classes) > 1:
        yield "a table of its parent"
    if "__tablename__" in vars(entity_class):
        yield "a table name of its own"
    if entity_class.model_config.get("extra") == "allow":
        yield "extra values"
    for item in spec.own_fields:
        yield from field_traits(entity_class, item)


def field_traits(entity_class: type[Entity], item: FieldSpec) -> Iterator[str]:
    """What a field has."""
    yield f"a column of kind {item.column.kind}"
    if item.column_name != item.name:
        yield "a column under another name"
    if item.column.kind == "plain" and item.holds_references:
        yield "references inside JSON"
    for node in all_nodes(item.node):
        if isinstance(node, RecordNode):
            yield f"a {node.kind}"
        if isinstance(node, ReferenceNode):
            yield "itself" if entity_class in node.classes else "another class"


def test_families_have_all_that_makes_mapping_hard() -> None:
    found: Counter[str] = Counter()

    @settings(max_examples=300, database=None, derandomize=True)
    @given(classes=entity_classes())
    def gather(classes: Classes) -> None:
        for entity_class in classes:
            found.update(traits(entity_class))

    gather()
    assert found.keys() >= {
        "two bases",
        "a table of its parent",
        "a table name of its own",
        "extra values",
        "a column of kind plain",
        "a column of kind id",
        "a column of kind ids",
        "a column under another name",
        "references inside JSON",
        "itself",
        "another class",
        "a model",
        "a dataclass",
        "a namedtuple",
        "a typeddict",
    }
