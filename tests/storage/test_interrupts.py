"""An interrupt in the middle of a statement spoils neither the connection nor what is read next."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from ecs_sql import Entity
from ecs_sql.storage.driver import Driver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import MakeSqlStorage

SLEEP = {"postgresql": "SELECT pg_sleep(5)", "mariadb": "SELECT SLEEP(5), 'leftover'"}


class Plate(Entity):
    name: str


@contextmanager
def interrupted_soon() -> Iterator[None]:
    """As if Ctrl-C were pressed a little later."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGALRM")
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "run",
    [
        lambda driver, statement: driver.query(statement, ()),
        lambda driver, statement: driver.first(statement, ()),
        lambda driver, statement: driver.in_batches(statement, (), list),
    ],
    ids=["all", "first", "batches"],
)
def test_what_is_read_after_an_interrupted_statement_is_right(
    make_sql_storage: MakeSqlStorage,
    caplog: pytest.LogCaptureFixture,
    run: Callable[[Driver, str], object],
) -> None:
    storage = make_sql_storage(Plate)
    plate = storage.register(Plate(name="whole"))
    statement = SLEEP.get(storage.engine.dialect.name)
    if statement is None:
        pytest.skip("SQLite answers before Python notices an interrupt")
    with storage.engine.connect() as connection:
        driver = Driver(connection)
        with interrupted_soon(), pytest.raises(KeyboardInterrupt):
            run(driver, statement)
        assert connection.invalidated
    for _ in range(3):
        again = storage.get(plate.ecs_id, Plate)
        assert again is not None
        assert again.name == "whole"
    assert caplog.records == []


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGALRM")
def test_an_interrupted_write_leaves_nothing(
    make_sql_storage: MakeSqlStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = make_sql_storage(Plate)
    kept = storage.register(Plate(name="kept"))
    genuine = Driver.execute_many

    def interrupted(self: Driver, statement: str, rows: list[tuple[object, ...]]) -> None:
        genuine(self, statement, rows)
        with self._cursor(statement, rows):
            raise KeyboardInterrupt

    lost = [Plate(name="lost") for _ in range(3)]
    with monkeypatch.context() as patch:
        patch.setattr(Driver, "execute_many", interrupted)
        patch.setattr(Driver, "copy", interrupted)
        with pytest.raises(KeyboardInterrupt):
            storage.register_many(lost)
    assert [plate.name for plate in storage.list_by_type(Plate)] == ["kept"]
    assert not any(storage.has_entity(plate.ecs_id) for plate in lost)
    kept.name = "changed"
    storage.register(kept)
    assert storage.get_registry_status().versions == 2
