"""What an older version of a class wrote still reads, and is no change by itself."""

from __future__ import annotations

import enum
from typing import Any, Literal, cast
from uuid import UUID, uuid4

from pydantic import BaseModel, Field, create_model

from ecs_sql import Entity, SqlAlchemyEntityStorage


def _entity(annotation: Any) -> type[Entity]:
    return create_model("Evolving", __base__=Entity, value=(annotation, ...))


def _reread(tmp_path: Any, older: Any, value: Any, newer: Any) -> tuple[Any, bool]:
    """The value as the newer class reads it, and whether registering what was read made a version."""
    url = f"sqlite:///{tmp_path / 'evolving.db'}"
    first = SqlAlchemyEntityStorage(url, [old := _entity(older)])
    entity = first.register(cast("Any", old)(value=value))
    first.engine.dispose()
    second = SqlAlchemyEntityStorage(url, [new := _entity(newer)])
    loaded = second.get(entity.ecs_id, new)
    assert loaded is not None
    second.register(loaded)
    second.engine.dispose()
    return loaded.value, loaded.ecs_id != entity.ecs_id  # type: ignore[attr-defined]


class Old(enum.Enum):
    OLD = "o"


class New(enum.Enum):
    NEW = "o"
    OLD = "o"  # noqa: PIE796  (the old name, as an alias)


class Small(BaseModel):
    a: int


class Grown(BaseModel):
    a: int
    made: UUID = Field(default_factory=uuid4)


def test_a_nested_field_with_a_default_may_be_added(tmp_path: Any) -> None:
    value, forked = _reread(tmp_path, Small, Small(a=1), Grown)
    assert (type(value), value.a, forked) == (Grown, 1, False)


def test_a_literal_in_a_union_may_gain_a_choice(tmp_path: Any) -> None:
    older, newer = list[Literal["a", "b"] | int], list[Literal["a", "b", "c"] | int]
    assert _reread(tmp_path, older, ["a", 1], newer) == (["a", 1], False)


def test_a_renamed_member_of_an_enum_is_known_by_its_alias(tmp_path: Any) -> None:
    value, _ = _reread(tmp_path, Old, Old.OLD, New)
    assert value is New.NEW


def test_a_renamed_member_in_a_literal_is_known_by_its_alias(tmp_path: Any) -> None:
    value, _ = _reread(tmp_path, Literal[Old.OLD], Old.OLD, Literal[New.NEW])
    assert value is New.NEW
