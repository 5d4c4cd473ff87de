"""`entity_tracer`: changes of stored entities in the arguments become versions by themselves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from ecs_sql import Entity, EntityRegistry, InMemoryEntityStorage, entity_tracer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.conftest import MakeStorage


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


def test_on_an_exception_of_a_coroutine_only_the_entry_s_versions_stay() -> None:
    counter = EntityRegistry.register(Counter())

    @entity_tracer
    async def fail(it: Counter) -> None:
        it.value = -1
        await asyncio.sleep(0)
        it.value = -2
        raise ArithmeticError

    counter.value = 5
    with pytest.raises(ArithmeticError):
        asyncio.run(fail(counter))
    assert _values(counter) == [0, 5]
    assert (counter.value, len(counter.old_ids)) == (-2, 1)


def test_a_call_that_changes_nothing_makes_no_version() -> None:
    counter = EntityRegistry.register(Counter(inner=Counter()))
    before = counter.ecs_id
    add(counter, 0)
    assert counter.ecs_id == before
    assert EntityRegistry.get_registry_status().versions == 2


def test_a_traced_function_keeps_its_name_and_arguments() -> None:
    class Book:
        @entity_tracer
        def enter(self, *amounts: int, into: Counter) -> int:
            """Adds."""
            into.value += sum(amounts)
            return into.value

    counter = EntityRegistry.register(Counter())
    assert Book().enter(1, 2, into=counter) == 3
    assert _values(counter) == [0, 3]
    assert (Book.enter.__name__, Book.enter.__doc__) == ("enter", "Adds.")


def test_a_stored_entity_that_is_only_in_the_result_is_traced() -> None:
    counter = EntityRegistry.register(Counter())

    @entity_tracer
    def find() -> dict[str, list[Counter]]:
        counter.value = 1
        return {"found": [counter]}

    find()
    assert _values(counter) == [0, 1]


def test_traced_functions_may_call_each_other() -> None:
    counter = EntityRegistry.register(Counter())

    @entity_tracer
    def twice(it: Counter) -> Counter:
        return add(add(it))

    twice(counter)
    assert _values(counter) == [0, 1, 2]


def test_each_storage_is_traced_alike(make_storage: MakeStorage) -> None:
    EntityRegistry.use_storage(make_storage(Counter))
    counter = EntityRegistry.register(Counter(inner=Counter()))
    assert counter.inner is not None
    counter.inner.value = 5
    add(counter)
    assert _values(counter) == [0, 0, 1]
    assert _values(counter.inner) == [0, 5]
    loaded = EntityRegistry.get(counter.ecs_id, Counter)
    assert loaded is not None
    add(loaded)
    assert _values(counter) == [0, 0, 1, 2]


def _circular(counter: Counter) -> list[Any]:
    circle: list[Any] = [counter]
    circle.append(circle)
    return circle


@pytest.mark.parametrize(
    "wrap",
    [
        lambda c: [c],
        lambda c: (c,),
        lambda c: {c},
        lambda c: frozenset({c}),
        lambda c: {"k": [c]},
        lambda c: [{"a": ({1: [{c}]}, None, "text")}],
        _circular,
    ],
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

    async def later_numbers() -> AsyncIterator[int]:
        yield 1

    for generator in (numbers, later_numbers):
        with pytest.raises(TypeError, match="generator"):
            entity_tracer(generator)


def test_what_is_no_function_is_refused_at_decoration() -> None:
    def free() -> None:
        pass

    wrong: list[Any] = [Entity, staticmethod(free), classmethod(type(None)), None, "free"]
    for value in wrong:
        with pytest.raises(TypeError, match="is no function; trace functions and methods"):
            entity_tracer(value)
