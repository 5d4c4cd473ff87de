"""Eight processes that write the same thing at the same moment."""

from __future__ import annotations

import multiprocessing
import os
from typing import TYPE_CHECKING, Any

import pytest

from ecs_sql import SqlAlchemyEntityStorage, errors
from ecs_sql.testing import assert_same_graph
from ecs_sql.testing.models import Node
from tests.faults.tally import number
from tests.storage.children import Child
from tests.storage.writer import CHILDREN, change, graph

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from tests.faults.tally import Tally

PROCESSES = 8
PATIENCE = 120

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes are forked"),
    # Python warns of every fork of a process with threads; pytest's have none that matter here.
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]


def together(url: str, rounds: int, race: Callable[[Any, int, int], Any]) -> list[list[Any]]:
    """What each process got of `race(storage, process, round)`, a list for each round."""
    barrier = multiprocessing.get_context("fork").Barrier(PROCESSES)

    def run(process: int) -> list[Any]:
        storage = SqlAlchemyEntityStorage(url, [Node])
        results = []
        for turn in range(rounds):
            barrier.wait(PATIENCE)
            results.append(race(storage, process, turn))
        storage.engine.dispose()
        return results

    children = [Child.doing(lambda process=process: run(process)) for process in range(PROCESSES)]
    answers: list[list[Any]] = [child.answer() for child in children]  # type: ignore[misc]
    return [list(answer) for answer in zip(*answers, strict=True)]


def stored(url: str, count: int) -> list[UUID]:
    """The ids of new graphs that are stored for a race about them."""
    storage = SqlAlchemyEntityStorage(url, [Node])
    roots = [storage.register(graph(f"{turn}")) for turn in range(count)]
    storage.engine.dispose()
    return [root.ecs_id for root in roots]


def test_every_branch_is_kept(database_url: str, sql_backend_name: str, tally: Tally) -> None:
    rounds = number(3, 50)
    firsts = stored(database_url, rounds)

    def fork(storage: SqlAlchemyEntityStorage, process: int, turn: int) -> Node:
        root = storage.get(firsts[turn], Node)
        assert root is not None
        root.name += f" of {process}"
        change(root)
        return storage.register(root)

    results = together(database_url, rounds, fork)
    storage = SqlAlchemyEntityStorage(database_url, [Node])
    for first, branches in zip(firsts, results, strict=True):
        assert {branch.parent_id for branch in branches} == {first}
        line = storage.get_lineage_ids(branches[0].lineage_id)
        assert line[0] == first
        assert sorted(line[1:]) == sorted(branch.ecs_id for branch in branches)
        for branch in branches:
            assert_same_graph(storage.get(branch.ecs_id), branch)
        tally.add("processes fork one version at once", sql_backend_name, PROCESSES)
    storage.engine.dispose()


def test_one_new_graph_is_stored_once(
    database_url: str, sql_backend_name: str, tally: Tally
) -> None:
    rounds = number(5, 100)

    def register(storage: SqlAlchemyEntityStorage, _process: int, turn: int) -> Node:
        return storage.register(graph(f"{turn}"))

    results = together(database_url, rounds, register)
    storage = SqlAlchemyEntityStorage(database_url, [Node])
    for copies in results:
        assert len({copy.ecs_id for copy in copies}) == 1
        loaded = storage.get(copies[0].ecs_id)
        assert loaded is not None
        assert not any(loaded.has_modifications(copy) for copy in copies)
        tally.add("processes store one new graph at once", sql_backend_name, PROCESSES)
    assert storage.get_registry_status().versions == rounds * (CHILDREN + 1)
    storage.engine.dispose()


def test_of_those_who_expect_the_latest_one_wins(
    database_url: str, sql_backend_name: str, tally: Tally
) -> None:
    rounds = number(5, 100)
    firsts = stored(database_url, rounds)

    def compete(storage: SqlAlchemyEntityStorage, process: int, turn: int) -> UUID | None:
        root = storage.get(firsts[turn], Node)
        assert root is not None
        root.children[process].size = process + 1
        try:
            storage.register(root, expect_latest=True)
        except errors.StaleVersionError:
            assert root.ecs_id == firsts[turn]
            return None
        return root.ecs_id

    results = together(database_url, rounds, compete)
    storage = SqlAlchemyEntityStorage(database_url, [Node])
    for first, answers in zip(firsts, results, strict=True):
        (winner,) = [answer for answer in answers if answer is not None]
        loaded = storage.get(winner, Node)
        assert loaded is not None
        assert storage.get_lineage_ids(loaded.lineage_id) == [first, winner]
        tally.add("processes expect the latest version at once", sql_backend_name, PROCESSES)
    assert storage.get_registry_status().versions == rounds * (CHILDREN + 1 + 2)
    storage.engine.dispose()
