"""Tasks of one thread: none sees, undoes or outlives the transaction of another."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine

from ecs_sql import Entity, InMemoryEntityStorage, SqlAlchemyEntityStorage, errors

if TYPE_CHECKING:
    from ecs_sql import EntityStorage
    from tests.conftest import MakeStorage
    from tests.storages import Storages


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


@pytest.mark.parametrize("backend", ["memory", "sqlite", "sqlite://"])
def test_a_task_is_refused_the_transaction_that_it_would_wait_for_for_ever(
    storages: Storages, backend: str
) -> None:
    url = storages.use("sqlite") and backend
    storage = storages.open_url(url, Job) if "://" in url else storages.open(backend, Job)

    async def run() -> None:
        ends = asyncio.Event()
        task = asyncio.create_task(_hold_block(storage, ends))
        await asyncio.sleep(0)
        with pytest.raises(errors.TransactionError, match="open"):
            storage.register(Job(name="beside"))
        with pytest.raises(errors.TransactionError, match="open"), storage.transaction():
            pytest.fail("begun")
        ends.set()
        await task
        storage.register(Job(name="after"))

    asyncio.run(run())
    assert [job.name for job in storage.list_by_type(Job)] == ["of the block", "after"]


async def _hold_block(storage: EntityStorage, ends: asyncio.Event) -> None:
    with storage.transaction():
        storage.register(Job(name="of the block"))
        await ends.wait()


@pytest.mark.parametrize("backend", ["postgresql", "mariadb"])
def test_tasks_have_transactions_side_by_side_on_a_server(storages: Storages, backend: str) -> None:
    storage = storages.open(backend, Job)

    async def write(name: str) -> None:
        with storage.transaction():
            for _ in range(3):
                storage.register(Job(name=name))
                await asyncio.sleep(0)
                seen = {job.name for job in storage.list_by_type(Job)}
                assert name in seen
                assert seen <= {name, "kept"}  # which may be committed by now
            if name != "kept":
                raise ArithmeticError(name)

    async def run() -> list[str]:
        tasks = [write(name) for name in ("undone", "kept", "undone too")]
        return [str(end) for end in await asyncio.gather(*tasks, return_exceptions=True)]

    assert asyncio.run(run()) == ["undone", "None", "undone too"]
    assert [job.name for job in storage.list_by_type(Job)] == ["kept"] * 3


def test_a_reading_task_sees_nothing_of_anothers_block(storages: Storages) -> None:
    storage = storages.open("sqlite", Job)

    async def run() -> None:
        ends = asyncio.Event()
        task = asyncio.create_task(_hold_block(storage, ends))
        await asyncio.sleep(0)
        assert storage.list_by_type(Job) == []
        ends.set()
        await task

    asyncio.run(run())
    assert len(storage.list_by_type(Job)) == 1


@pytest.mark.parametrize("backend", ["memory", "sqlite", "sqlite://", "postgresql", "mariadb"])
def test_a_block_that_only_reads_sees_one_state_beside_a_writing_task(
    storages: Storages, backend: str
) -> None:
    if backend == "sqlite://":
        storage: EntityStorage = storages.open_url(storages.use("sqlite") and backend, Job)
    else:
        storage = storages.open(backend, Job)
    has_one_connection = backend in ("memory", "sqlite://")

    async def read(has_read: asyncio.Event, has_written: asyncio.Event) -> None:
        with storage.transaction(read_only=True):
            assert storage.list_by_type(Job) == []
            has_read.set()
            await has_written.wait()
            assert storage.list_by_type(Job) == []

    async def run() -> None:
        has_read, has_written = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(read(has_read, has_written))
        await has_read.wait()
        if has_one_connection:
            with pytest.raises(errors.TransactionError):
                storage.register(Job())
        else:
            storage.register(Job())
        has_written.set()
        await task

    asyncio.run(run())
    assert len(storage.list_by_type(Job)) == (0 if has_one_connection else 1)


def test_a_task_is_refused_the_one_connection_of_its_thread_while_a_block_is_open_on_it(
    storages: Storages,
) -> None:
    storages.use("sqlite")
    engine = create_engine("sqlite://")  # whose pool has one connection for each thread
    storage = SqlAlchemyEntityStorage(engine, [Job])

    async def undo(ends: asyncio.Event) -> None:
        with pytest.raises(ArithmeticError), storage.transaction():
            storage.register(Job(name="undone"))
            await ends.wait()
            raise ArithmeticError

    async def run() -> None:
        ends = asyncio.Event()
        task = asyncio.create_task(undo(ends))
        await asyncio.sleep(0)
        with pytest.raises(errors.TransactionError, match="one connection"):
            storage.register(Job())  # whose commit would be the block's too
        ends.set()
        await task

    asyncio.run(run())
    assert storage.list_by_type(Job) == []
    engine.dispose()


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
