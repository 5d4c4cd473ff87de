"""`entity_tracer`: changes of stored entities in the arguments become versions by themselves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from ecs_sql import Entity, EntityRegistry, InMemoryEntityStorage, entity_tracer

if TYPE_CHECKING:
    from collections.abc import Iterator


class Counter(Entity):
    value: int = 0
    inner: Counter | None = None


class Unmappable(Entity):
    value: complex = 0j


@pytest.fixture(autouse=True)
def storage() -> Iterator[InMemoryEntityStorage]:
    before, fresh = EntityRegistry.get_storage(), InMemoryEntityStorage()
    EntityRegistry.use_storage(fresh)
    yield fresh
    EntityRegistry.use_storage(before)


@entity_tracer
def add(counter: Counter, amount: int = 1) -> Counter:
    counter.value += amount
    return counter


def _values(counter: Counter) -> list[int]:
    return [v.value for v in EntityRegistry.get_lineage_entities(counter.lineage_id)]  # type: ignore[attr-defined]


def test_a_change_made_by_the_function_is_a_version() -> None:
    counter = EntityRegistry.register(Counter())
    assert add(counter) is counter
    assert _values(counter) == [0, 1]


def test_a_change_made_before_is_a_version_of_its_own() -> None:
    counter = EntityRegistry.register(Counter())
    counter.value = 10
    add(counter)
    assert _values(counter) == [0, 10, 11]


def test_on_an_exception_only_the_entry_s_versions_stay() -> None:
    counter = EntityRegistry.register(Counter())

    @entity_tracer
    def fail(it: Counter) -> None:
        it.value = -1
        raise ArithmeticError

    counter.value = 5
    with pytest.raises(ArithmeticError):
        fail(counter)
    assert _values(counter) == [0, 5]


def test_coroutine_functions_are_traced() -> None:
    counter = EntityRegistry.register(Counter())

    @entity_tracer
    async def add_later(it: Counter) -> Counter:
        await asyncio.sleep(0)
        return add(it)

    asyncio.run(add_later(counter))
    assert _values(counter) == [0, 1]


@pytest.mark.parametrize(
    "wrap", [lambda c: [c], lambda c: (c,), lambda c: {c}, lambda c: {"k": [c]}]
)
def test_entities_are_found_in_containers(wrap: Any) -> None:
    counter = EntityRegistry.register(Counter())

    @entity_tracer
    def change(container: Any) -> None:
        counter.value = 1

    change(container=wrap(counter))
    assert _values(counter) == [0, 1]


def test_entities_are_found_in_what_others_lead_to() -> None:
    inner = EntityRegistry.register(Counter())
    outer = Counter(inner=inner)  # never registered itself

    @entity_tracer
    def change(it: Counter) -> None:
        inner.value = 1

    change(outer)
    assert _values(inner) == [0, 1]
    assert not EntityRegistry.has_entity(outer.ecs_id)


def test_what_was_never_registered_is_left_alone() -> None:
    add(Counter())

    @entity_tracer
    def take(it: Unmappable) -> Unmappable:
        return it

    take(Unmappable())
    assert EntityRegistry.get_registry_status().versions == 0


def test_a_generator_is_refused_at_decoration() -> None:
    def numbers() -> Iterator[int]:
        yield 1

    with pytest.raises(TypeError, match="generator"):
        entity_tracer(numbers)
