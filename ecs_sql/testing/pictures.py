"""Entities as plain data, so that a test can compare what was stored with what came back, and when."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Hashable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import UUID

from pydantic import BaseModel

from ecs_sql.identity import IdentifiedModel

Picture: TypeAlias = dict[UUID, dict[str, Hashable]]
"""Each version's class, bookkeeping and content, by id; references are ids."""

_BOOKKEEPING = ("ecs_id", "lineage_id", "parent_id", "old_ids", "created_at")


def picture(*roots: IdentifiedModel) -> Picture:
    """What the graphs below `roots` hold now, as plain data that later changes do not reach."""
    return {entity.ecs_id: _picture_of(entity) for entity in _walk(roots)}


def content(entity: IdentifiedModel) -> dict[str, Hashable]:
    """What this entity alone holds, without its bookkeeping."""
    return {name: plain(value) for name, value in _content_of(entity)}


def assert_same_graph(loaded: IdentifiedModel | None, expected: IdentifiedModel) -> None:
    """The loaded graph holds the same versions with the same content, each as one object."""
    assert loaded is not None, f"{expected.ecs_id} is not stored"
    assert loaded.ecs_id == expected.ecs_id, f"{loaded.ecs_id} came back for {expected.ecs_id}"
    assert_one_object_per_version(loaded)
    assert_same_picture(picture(loaded), picture(expected))


def assert_same_picture(actual: Picture, expected: Picture) -> None:
    """Two pictures hold the same versions with the same content."""
    assert actual.keys() == expected.keys(), (
        f"versions missing: {expected.keys() - actual.keys()}, versions too many: {actual.keys() - expected.keys()}"
    )
    for ecs_id, fields in expected.items():
        for name, value in fields.items():
            found = actual[ecs_id].get(name)
            assert found == value, f"{ecs_id}: {name} is {found!r}, not {value!r}"


def assert_one_object_per_version(*roots: IdentifiedModel) -> None:
    """Within these graphs, a version that is met twice is the same object."""
    met: dict[UUID, IdentifiedModel] = {}
    for entity in _walk(roots):
        assert met.setdefault(entity.ecs_id, entity) is entity, (
            f"{entity.ecs_id} came back as two objects"
        )


def assert_same_value(actual: object, expected: object) -> None:
    """Equal values of the same types at every depth; aware datetimes by their instant, -0.0 as 0.0."""
    assert plain(actual) == plain(expected), f"{actual!r} is not the same as {expected!r}"


def plain(value: Any) -> Hashable:
    """The value as nested tuples of types and immutable values; an entity is its id."""
    return _plain(value, [])


def _walk(roots: tuple[IdentifiedModel, ...]) -> list[IdentifiedModel]:
    met: dict[int, IdentifiedModel] = {}
    todo = list(reversed(roots))
    while todo:
        entity = todo.pop()
        if id(entity) not in met:
            met[id(entity)] = entity
            found: list[IdentifiedModel] = []
            for _, value in _content_of(entity):
                _plain(value, found)
            todo.extend(reversed(found))
    return list(met.values())


def _picture_of(entity: IdentifiedModel) -> dict[str, Hashable]:
    bookkeeping = {name: plain(getattr(entity, name)) for name in _BOOKKEEPING}
    described: dict[str, Any] = {"class": type(entity), **bookkeeping, **content(entity)}
    return described


def _content_of(model: BaseModel) -> list[tuple[str, Any]]:
    fields = type(model).model_fields
    named = [
        (name, model.__dict__[name])
        for name, field in fields.items()
        if not field.exclude and not (isinstance(model, IdentifiedModel) and name in _BOOKKEEPING)
    ]
    return named + list((model.model_extra or {}).items())


def _plain(value: Any, found: list[IdentifiedModel]) -> Hashable:
    match value:
        case IdentifiedModel():
            found.append(value)
            return ("entity", value.ecs_id)
        case Mapping():
            pairs = tuple((_plain(k, found), _plain(v, found)) for k, v in value.items())
            return (type(value), pairs)
        case set() | frozenset():
            return (type(value), frozenset(_plain(item, found) for item in value))
        case list() | tuple() | deque():
            items = tuple(_plain(item, found) for item in value)
            return (type(value), getattr(value, "maxlen", None), items)
        case _:
            record = _plain_record(value, found)
            return _plain_scalar(value) if record is None else record


def _plain_record(value: Any, found: list[IdentifiedModel]) -> Any:
    if isinstance(value, BaseModel):
        pairs = _content_of(value)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        pairs = [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
    else:
        return None
    return (type(value), tuple((name, _plain(item, found)) for name, item in pairs))


def _plain_scalar(value: Any) -> Hashable:
    match value:
        case float():
            return (type(value), repr(value + 0.0))
        case Decimal():
            return (type(value), str(value))
        case datetime() if value.tzinfo is not None:
            return (type(value), "aware", value.astimezone(UTC).replace(tzinfo=None).isoformat())
        case date() | time():
            return (type(value), "as it is", value.isoformat())
        case _:
            hashable: Hashable = value
            return (type(value), hashable)
