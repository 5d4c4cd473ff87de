"""Law 7, parity: every backend answers every sequence of operations as the memory backend does."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ecs_sql import Entity, EntityStorage, InMemoryEntityStorage
from ecs_sql.errors import EcsSqlError
from ecs_sql.strategies import changes as changes_of
from ecs_sql.testing import content
from tests.profiles import shares_storage
from tests.property.fresh import Classes, Fresh, families, graphs
from tests.property.models import PARTS, Part
from tests.property.strategies import (
    Blueprint,
    Change,
    ordered_blueprints,
    ordered_changes,
)
from tests.property.walking import reachable, set_sizes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

pytestmark = pytest.mark.law("7 parity")


class Stop(Exception):
    """Leaves a transaction."""


@dataclass(frozen=True)
class Step:
    """One operation; the numbers pick from what there is, and so pick alike on alike storages."""

    name: str
    at: int = 0
    other: int = 0
    change: Change | None = None


class Driver:
    """Takes steps on one storage, with objects of its own, and gives answers without random ids."""

    def __init__(self, storage: EntityStorage, blueprint: Blueprint) -> None:
        self.storage = storage
        self.parts = blueprint.build()
        storage.clear()

    def take(self, step: Step) -> list[Any]:
        """The answer of one step, and the state of everything after it."""
        try:
            answer = OPERATIONS[step.name](self, step)
        except EcsSqlError as error:
            answer = type(error).__name__
        return named([answer, self._stored(), [part.ecs_id for part in self.parts]])

    def pick(self, at: int) -> Part:
        return self.parts[at % len(self.parts)]

    def pick_stored(self, at: int) -> UUID:
        ids = [part.ecs_id for part in self.storage.list_by_type(Part)] or [UUID(int=0)]
        return ids[at % len(ids)]

    def _stored(self) -> list[Any]:
        status = self.storage.get_registry_status()
        versions = [_shown(part) for part in self.storage.list_by_type(Part)]
        return [status.versions, status.lineages, status.entity_types, versions]


def named(answer: Any) -> Any:
    """The answer with each id replaced by its place among all ids in it."""
    names: dict[UUID, str] = {}

    def rename(value: Any) -> Any:
        if isinstance(value, UUID):
            return names.setdefault(value, f"id {len(names)}")
        if isinstance(value, list | tuple):
            return [rename(item) for item in value]
        if isinstance(value, dict):
            return {key: rename(item) for key, item in value.items()}
        if isinstance(value, frozenset):
            return sorted(repr(rename(item)) for item in value)
        return value

    return rename(answer)


def _shown(entity: Entity | None) -> Any:
    if entity is None:
        return None
    return [
        type(entity),
        entity.ecs_id,
        entity.lineage_id,
        entity.parent_id,
        entity.old_ids,
        content(entity),
    ]


def _all_shown(entities: Sequence[Entity | None]) -> list[Any]:
    return [_shown(entity) for entity in entities]


def _change(driver: Driver, step: Step) -> None:
    assert step.change is not None
    step.change.apply(driver.parts)


def _register(driver: Driver, step: Step) -> Any:
    return _shown(driver.storage.register(driver.pick(step.at)))


def _register_many(driver: Driver, step: Step) -> Any:
    return _all_shown(driver.storage.register_many([driver.pick(step.at), driver.pick(step.other)]))


def _register_refused(driver: Driver, step: Step) -> Any:
    part = driver.pick(step.at)
    label, part.label = part.label, "\x00"
    try:
        return _shown(driver.storage.register(driver.pick(step.other)))
    finally:
        part.label = label


def _reload(driver: Driver, step: Step) -> Any:
    loaded = driver.storage.get(driver.pick_stored(step.at), Part)
    if loaded is not None:
        driver.parts = reachable(loaded)
    return _shown(loaded)


def _get_as(driver: Driver, step: Step) -> Any:
    return _shown(driver.storage.get(driver.pick_stored(step.at), PARTS[step.other % len(PARTS)]))


def _get_many(driver: Driver, step: Step) -> Any:
    ids = [driver.pick_stored(step.at), UUID(int=7), driver.pick_stored(step.other)]
    return _all_shown(driver.storage.get_many(ids))


def _copy(driver: Driver, step: Step) -> None:
    part = driver.pick(step.at)
    driver.parts.append(part.model_copy(update={"label": "copy"} if step.other % 2 else {}))


def _list(driver: Driver, step: Step) -> Any:
    return _all_shown(driver.storage.list_by_type(PARTS[step.at % len(PARTS)]))


def _lineage(driver: Driver, step: Step) -> Any:
    lineage_id = driver.pick(step.at).lineage_id
    ids = list(driver.storage.get_lineage_ids(lineage_id))
    shown = _all_shown(driver.storage.get_lineage_entities(lineage_id))
    return [driver.storage.has_lineage_id(lineage_id), ids, shown]


def _roll_back(driver: Driver, step: Step) -> Any:
    inside: Any = None
    try:
        with driver.storage.transaction():
            driver.storage.register(driver.pick(step.at))
            inside = driver._stored()
            raise Stop  # noqa: TRY301 - rolls back
    except Stop:
        return inside


def _commit(driver: Driver, step: Step) -> Any:
    with driver.storage.transaction():
        driver.storage.register(driver.pick(step.at))
        with driver.storage.transaction():
            driver.storage.register(driver.pick(step.other))
        return driver._stored()


def _clear(driver: Driver, _step: Step) -> None:
    driver.storage.clear()


OPERATIONS: dict[str, Callable[[Driver, Step], Any]] = {
    "change": _change,
    "register": _register,
    "register many": _register_many,
    "register refused": _register_refused,
    "reload": _reload,
    "get as": _get_as,
    "get many": _get_many,
    "copy": _copy,
    "list": _list,
    "lineage": _lineage,
    "roll back": _roll_back,
    "commit": _commit,
    "clear": _clear,
}

operations = st.one_of(
    st.builds(Step, st.just("change"), change=ordered_changes),
    st.builds(Step, st.just("register"), at=st.integers(0, 9)),
    st.builds(
        Step, st.sampled_from(list(OPERATIONS)[1:]), at=st.integers(0, 9), other=st.integers(0, 9)
    ),
)


@shares_storage
@given(blueprint=ordered_blueprints, steps=st.lists(operations, min_size=1, max_size=10))
def test_every_backend_answers_alike(
    storage: EntityStorage, blueprint: Blueprint, steps: list[Step]
) -> None:
    reference, tested = Driver(InMemoryEntityStorage(), blueprint), Driver(storage, blueprint)
    for step in steps:
        assert tested.take(step) == reference.take(step), step


class Twins:
    """The same graph twice, for two storages; what is done to the one is done to the other."""

    def __init__(self, root: Entity) -> None:
        self._pairs: dict[int, Any] = {}
        self.first = root
        self.second = self._copied(root)

    def change(self, data: st.DataObject) -> None:
        """Change one field in both."""
        change = data.draw(changes_of(self.first))
        other = self._copied(change.entity)
        value = self._copied(change.value)
        change.apply()
        replace(change, entity=other, value=value).apply()

    def _copied(self, value: Any) -> Any:
        """The twin of a value, or of an entity; those that were copied before are not copied again."""
        return copy.deepcopy(value, self._pairs)


def answers(storage: EntityStorage, root: Entity, classes: Classes) -> Any:
    """What a storage answers after it registered a graph."""
    storage.register(root)
    loaded = storage.get(root.ecs_id)
    lineages = [storage.get_lineage_ids(part.lineage_id) for part in reachable(root)]
    return named(
        [
            [_shown(part) for part in reachable(root)],
            [_shown(part) for part in reachable(loaded)] if loaded else None,
            lineages,
            [_all_shown(storage.list_by_type(entity_class)) for entity_class in classes],
            storage.get_registry_status().versions,
            storage.get_registry_status().lineages,
        ]
    )


@shares_storage
@given(classes=families, data=st.data())
def test_every_backend_keeps_generated_classes_alike(
    fresh: Fresh, classes: Classes, data: st.DataObject
) -> None:
    twins = Twins(data.draw(graphs(classes)))
    memory = InMemoryEntityStorage()
    with fresh(classes) as storage:
        for changes in data.draw(st.lists(st.integers(0, 2), min_size=1, max_size=3)):
            for _ in range(changes):
                twins.change(data)
            # The members of a set have no order that two storages would share.
            assume(max(map(set_sizes, reachable(twins.first))) < 2)
            assert answers(storage, twins.second, classes) == answers(memory, twins.first, classes)
