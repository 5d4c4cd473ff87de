"""Strategies of entity classes: families that inherit from each other and refer to each other."""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Any, ForwardRef, Optional, Union, get_args, get_origin

from hypothesis import strategies as st
from pydantic import BaseModel, Field

from ecs_sql.entity import Entity
from ecs_sql.names import snake_case, table_name
from ecs_sql.strategies import hostile
from ecs_sql.strategies.annotations import plain_annotations, referring_annotations

_MAX_FIELDS = 4
_CONFIGS: tuple[dict[str, Any], ...] = ({}, {}, {}, {"extra": "allow"}, {"frozen": True})
_BASE = "ecs_sql_base"
_PLAIN_NAMES = ("a", "b", "c", "d", "number", "title")


def _usable_as_field(name: str) -> bool:
    """Whether pydantic takes the name for a field, without a word."""
    return (
        bool(name)
        and not (name.startswith(("_", "model_validate", "model_dump")) or hasattr(Entity, name))
        and name not in Entity.model_fields
    )


FIELD_NAMES = st.one_of(
    st.sampled_from(_PLAIN_NAMES),
    st.sampled_from(hostile.NAMES),
    st.text(hostile.CHARACTERS, min_size=1, max_size=70),
).filter(_usable_as_field)
CLASS_NAMES = st.one_of(
    st.sampled_from(("Thing", "Part", "Note")),
    st.sampled_from(hostile.NAMES),
    st.text(hostile.CHARACTERS, min_size=1, max_size=70),
)


def entity_classes(
    *, min_size: int = 1, max_size: int = 3
) -> st.SearchStrategy[tuple[type[Entity], ...]]:
    """Families of entity classes, none of them abstract, for `entities()` and for a storage of their own.

    They inherit from each other and from an abstract base, refer to each other and to themselves in every
    form that references have, hold annotations of every kind, and have names that databases use for
    themselves or cannot spell. Every family can be mapped as it is.

    Args:
        min_size: how many classes a family has at least.
        max_size: how many it has at most.

    Example:
        >>> from hypothesis import given
        >>> from ecs_sql import SqlAlchemyEntityStorage
        >>> @given(entity_classes())
        ... def test_every_family_is_mapped(classes):
        ...     SqlAlchemyEntityStorage("sqlite://", classes)
    """
    return _families(min_size, max_size)


@st.composite
def _families(draw: st.DrawFn, min_size: int, max_size: int) -> tuple[type[Entity], ...]:
    family = _Family(draw, draw(st.integers(min_size, max_size)))
    return family.made()


class _Family:
    """A family while it is being made: field names, and classes so far.

    A class that is not made yet is named by a forward reference to its place.
    """

    def __init__(self, draw: st.DrawFn, count: int) -> None:
        self._draw = draw
        self._count = count
        self._pending = draw(
            st.lists(
                FIELD_NAMES, unique=True, min_size=2 * count, max_size=_MAX_FIELDS * (count + 1)
            )
        )
        self._classes: list[type[Entity]] = []
        self._tables: set[str] = set()

    def made(self) -> tuple[type[Entity], ...]:
        """The concrete classes, complete."""
        base = self._class("Base", (Entity,), {"__abstract__": True}, {})
        for _ in range(self._count):
            self._classes.append(self._concrete(base))
        self._complete(base)
        return tuple(self._classes)

    def _concrete(self, base: type[Entity]) -> type[Entity]:
        name, chosen, redefined = self._draw(CLASS_NAMES), [Entity], {}
        if self._draw(st.booleans()):
            some = st.lists(st.sampled_from([base, *self._classes]), min_size=1, max_size=2)
            chosen = self._draw(some)
            redefined = self._redefined(chosen[0])
        own = {**self._table(name), **self._config()}
        return self._class(name, _bases(chosen, self._classes), own, redefined)

    def _redefined(self, base: type[Entity]) -> dict[str, Any]:
        """Perhaps a field of a base class once more, without the None that it may have had."""
        fields: dict[str, Any] = vars(base).get("__annotations__", {})
        field = self._draw(st.sampled_from([None, None, *fields]))
        return {} if field is None else {field: _without_none(fields[field])}

    def _table(self, name: str) -> dict[str, Any]:
        """A wish for another table name, where the class's own is taken."""
        wished, table = {}, table_name(snake_case(name))
        while table in self._tables:
            wished = {"__tablename__": f"{name}_{len(self._tables)}"}
            table = table_name(wished["__tablename__"])
        self._tables.add(table)
        return wished

    def _config(self) -> dict[str, Any]:
        config = self._draw(st.sampled_from(_CONFIGS))
        return {"model_config": config} if config else {}

    def _class(
        self,
        name: str,
        bases: tuple[type[Entity], ...],
        own: dict[str, Any],
        redefined: dict[str, Any],
    ) -> type[Entity]:
        count = self._draw(st.integers(0, min(_MAX_FIELDS, len(self._pending))))
        fields, self._pending = self._pending[:count], self._pending[count:]
        annotations = {field: self._draw(self._annotations()) for field in fields}
        body = {
            "__module__": __name__,
            "__qualname__": name,
            "__annotations__": {**annotations, **redefined},
            **self._defaults(annotations),
            **own,
        }
        return types.new_class(name, bases, {}, lambda namespace: namespace.update(body))

    def _defaults(self, annotations: dict[str, Any]) -> dict[str, Any]:
        """None for some of the fields that may be None; another name for some of the others."""
        found: dict[str, Any] = {}
        for place, (field, annotation) in enumerate(annotations.items()):
            choice = self._draw(st.integers(0, 3))
            if choice == 1 and type(None) in get_args(annotation):
                found[field] = None
            elif choice == 2:
                found[field] = Field(alias=f"alias {place}")
        return found

    def _annotations(self) -> st.SearchStrategy[Any]:
        later = [ForwardRef(_place(n)) for n in range(len(self._classes), self._count)]
        base = ForwardRef(_BASE)
        return st.one_of(
            plain_annotations(),
            referring_annotations([*later, *self._classes]),
            st.sampled_from([Optional[base], list[base]]),  # type: ignore[valid-type]  # noqa: UP045
        )

    def _complete(self, base: type[Entity]) -> None:
        """Resolve the forward references, in nested models first."""
        names = {_BASE: base, **{_place(n): made for n, made in enumerate(self._classes)}}
        models = [*_nested_models([base, *self._classes]), base, *self._classes]
        for raise_errors in (False, True):
            for model in models:
                model.model_rebuild(raise_errors=raise_errors, _types_namespace=names)


def _place(place: int) -> str:
    return f"ecs_sql_class_{place}"


def _without_none(annotation: Any) -> Any:
    """The alternatives of an optional annotation that are not None.

    A reference to the abstract base stays optional: no class may have inherited from it.
    """
    if get_origin(annotation) not in (Union, types.UnionType) or (
        ForwardRef(_BASE) in get_args(annotation)
    ):
        return annotation
    return Union[tuple(item for item in get_args(annotation) if item is not type(None))]  # noqa: UP007


def _bases(chosen: list[type[Entity]], made: Sequence[type[Entity]]) -> tuple[type[Entity], ...]:
    """The chosen classes without those that another of them inherits from.

    The newest stands first, so that an order of inheritance fits all classes of a family.
    """
    kept = [
        one
        for one in dict.fromkeys(chosen)
        if not any(other is not one and issubclass(other, one) for other in chosen)
    ]
    return tuple(sorted(kept, key=lambda one: -made.index(one) if one in made else 1))


def _nested_models(models: Sequence[type[BaseModel]]) -> list[type[BaseModel]]:
    """The plain models that the fields of these models name, innermost first."""
    found: list[type[BaseModel]] = []
    pending = [info.annotation for model in models for info in model.model_fields.values()]
    while pending:
        annotation: Any = pending.pop()
        pending += get_args(annotation)
        if (
            isinstance(annotation, type)
            and not get_args(annotation)
            and issubclass(annotation, BaseModel)
            and not issubclass(annotation, Entity)
            and annotation not in found
        ):
            found.insert(0, annotation)
            pending += [info.annotation for info in annotation.model_fields.values()]
    return found
