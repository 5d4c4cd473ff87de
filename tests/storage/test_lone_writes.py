"""A single new entity is written without a question; whatever it meets, the answer is as for any other."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from sqlalchemy import text

from ecs_sql import errors
from ecs_sql.testing import assert_same_graph
from ecs_sql.testing.models import Containers, LabelledReport, Node, Scalars, Tag
from tests.storage.test_bulk_writes import FILLED, Optionals, Wishes

if TYPE_CHECKING:
    from ecs_sql import Entity
    from tests.conftest import MakeSqlStorage, MakeStorage, Reopen
    from tests.storages import Storages

CALLERS = 6
PATIENCE = 60


def alone() -> list[Entity]:
    return [
        Scalars(),
        Containers(),
        LabelledReport(label="inherits from several tables"),
        Wishes(short="of types that fields wished for"),
        Optionals(),
        Optionals(**FILLED),
    ]


@pytest.mark.parametrize("number", range(len(alone())))
def test_it_comes_back_as_it_went_in(number: int, make_sql_storage: MakeSqlStorage) -> None:
    entity = alone()[number]
    storage = make_sql_storage(type(entity))
    storage.register(entity)
    assert_same_graph(storage.get(entity.ecs_id), entity)
    assert storage.get_registry_status().versions == 1


def test_what_is_stored_already_makes_no_version_and_a_change_of_it_one(
    make_storage: MakeStorage, reopen: Reopen
) -> None:
    storage = make_storage(Node)
    node = storage.register(Node(name="a"))
    other = reopen(storage)
    other.register(node)
    assert other.get_registry_status().versions == 1
    copy = node.model_copy(update={"name": "b"})
    other.register(copy)
    assert (copy.parent_id, copy.lineage_id) == (node.ecs_id, node.lineage_id)
    assert storage.get_lineage_ids(node.lineage_id) == [node.ecs_id, copy.ecs_id]


def test_an_id_of_something_else_is_refused(make_storage: MakeStorage) -> None:
    storage = make_storage(Node, Tag)
    node = storage.register(Node())
    for clash in (
        Tag(label="tag", ecs_id=node.ecs_id, lineage_id=node.lineage_id),
        Node(ecs_id=node.ecs_id, lineage_id=uuid4()),
    ):
        with pytest.raises(errors.IdentityConflictError):
            storage.register(clash)
    assert storage.get_registry_status().versions == 1


def test_of_callers_that_store_one_id_at_once_one_does(make_storage: MakeStorage) -> None:
    storage = make_storage(Node)
    start = threading.Barrier(CALLERS, timeout=PATIENCE)
    node = Node(name="same")
    copies = [node.model_copy() for _ in range(CALLERS)]

    def register(copy: Node) -> None:
        start.wait()
        storage.register(copy)

    with ThreadPoolExecutor(CALLERS) as threads:
        list(threads.map(register, copies))
    assert {copy.ecs_id for copy in copies} == {node.ecs_id}
    assert storage.get_registry_status().versions == 1


def test_on_postgresql_a_column_that_somebody_altered_is_written_all_the_same(
    storages: Storages,
) -> None:
    url = storages.database("postgresql")
    with storages.open_url(url, Optionals).engine.begin() as connection:
        connection.execute(text("ALTER TABLE optionals ALTER name TYPE JSONB USING NULL"))
    storage = storages.open_url(url, Optionals)
    storage.register(Optionals(name='{"a": 1}'))
    with storage.engine.connect() as connection:
        assert connection.execute(text("SELECT name ->> 'a' FROM optionals")).scalar() == "1"
