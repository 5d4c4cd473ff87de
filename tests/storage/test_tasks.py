"""Tasks of one thread: none sees, undoes or outlives the transaction of another."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from ecs_sql import Entity, InMemoryEntityStorage, errors

if TYPE_CHECKING:
    from tests.conftest import MakeStorage


class Job(Entity):
    name: str = ""


def test_a_rollback_in_one_task_leaves_what_another_committed() -> None:
    storage = InMemoryEntityStorage()
    kept = Job(name="kept")

    async def fails(inside: asyncio.Event, go_on: asyncio.Event) -> None:
        with pytest.raises(ArithmeticError), storage.transaction():
            storage.register(Job(name="undone"))
            inside.set()
            await go_on.wait()
            raise ArithmeticError

    async def run() -> None:
        inside, go_on = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(fails(inside, go_on))
        await inside.wait()
        with pytest.raises(errors.TransactionError):  # it would be undone with the other's
            storage.register(kept)
        go_on.set()
        await task
        storage.register(kept)

    asyncio.run(run())
    assert [job.name for job in storage.list_by_type(Job)] == ["kept"]


def test_a_task_that_outlives_a_block_has_transactions_of_its_own() -> None:
    storage = InMemoryEntityStorage()
    late = Job(name="late")

    async def run() -> None:
        over = asyncio.Event()

        async def register_late() -> None:
            await over.wait()
            storage.register(late)

        with storage.transaction():
            task = asyncio.create_task(register_late())
            await asyncio.sleep(0)
        over.set()
        await task

    asyncio.run(run())
    late.name = "changed"
    storage.register(late)
    assert [job.name for job in storage.list_by_type(Job)] == ["late", "changed"]


def test_blocks_of_several_storages_may_end_in_any_order(make_storage: MakeStorage) -> None:
    storages = [make_storage(Job), make_storage(Job)]
    blocks = [storage.transaction() for storage in (*storages, *storages)]
    for block in blocks:
        block.__enter__()
    for block in blocks[2:]:  # the first storage's inner block ends before the second's
        block.__exit__(None, None, None)
    for storage in storages:
        storage.register(Job(name="of the outer block"))
        assert [job.name for job in storage.list_by_type(Job)] == ["of the outer block"]
    for block in blocks[:2]:
        assert not block.__exit__(ArithmeticError, ArithmeticError(), None)
    for storage in storages:
        assert storage.list_by_type(Job) == []
