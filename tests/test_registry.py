"""`EntityRegistry`: the process-wide façade over one storage."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

import ecs_sql
from ecs_sql import EntityRegistry, EntityStorage, InMemoryEntityStorage, errors
from ecs_sql.testing import assert_same_graph
from ecs_sql.testing.models import Node, Tag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import MakeStorage


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    before = EntityRegistry.get_storage()
    yield
    EntityRegistry.use_storage(before)


class Stop(Exception):
    """What leaves a block."""


def test_it_has_every_operation_of_a_storage() -> None:
    operations = {name for name in vars(EntityStorage) if not name.startswith("_")}
    assert operations <= set(dir(EntityRegistry))
    for name in operations:
        wanted = inspect.signature(getattr(InMemoryEntityStorage, name)).parameters
        offered = inspect.signature(getattr(EntityRegistry, name)).parameters
        assert list(offered) == [parameter for parameter in wanted if parameter != "self"], name


def test_it_is_memory_until_told_otherwise() -> None:
    program = "from ecs_sql import EntityRegistry as r; print(r.get_registry_status().backend)"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == ["memory"]


def test_its_operations_are_those_of_the_storage_in_use(make_storage: MakeStorage) -> None:
    storage = make_storage(Node, Tag)
    EntityRegistry.use_storage(storage)
    assert EntityRegistry.get_storage() is storage
    node = Node(name="a")
    assert EntityRegistry.register(node) is node
    first = node.ecs_id
    node.name = "b"
    assert EntityRegistry.register_many([node]) == [node]
    for loaded in (
        EntityRegistry.get(node.ecs_id, Node),
        EntityRegistry.get_cold_snapshot(node.ecs_id),
        EntityRegistry.register(node.ecs_id),
        EntityRegistry.get_many([first, node.ecs_id])[1],
        EntityRegistry.list_by_type(Node)[1],
        EntityRegistry.get_lineage_entities(node.lineage_id)[1],
    ):
        assert_same_graph(loaded, node)
    assert EntityRegistry.get_lineage_ids(node.lineage_id) == [first, node.ecs_id]
    assert EntityRegistry.has_entity(first)
    assert EntityRegistry.has_lineage_id(node.lineage_id)
    assert not EntityRegistry.has_entity(uuid4())
    assert EntityRegistry.get_registry_status() == storage.get_registry_status()
    with pytest.raises(errors.EntityTypeError):
        EntityRegistry.get(first, Tag)
    EntityRegistry.clear()
    assert storage.get_registry_status().versions == 0


def test_its_transactions_are_those_of_the_storage_in_use(make_storage: MakeStorage) -> None:
    storage = make_storage(Node)
    EntityRegistry.use_storage(storage)
    node = Node()

    def fail() -> None:
        with EntityRegistry.transaction():
            EntityRegistry.register(node)
            assert storage.has_entity(node.ecs_id)
            raise Stop

    with pytest.raises(Stop):
        fail()
    assert not storage.has_entity(node.ecs_id)
    with (
        EntityRegistry.transaction(read_only=True),
        pytest.raises(errors.ReadOnlyTransactionError),
    ):
        EntityRegistry.register(node)


def test_another_storage_knows_nothing_of_the_one_before() -> None:
    one, other = InMemoryEntityStorage(), InMemoryEntityStorage()
    node = Node()
    EntityRegistry.use_storage(one)
    EntityRegistry.register(node)
    EntityRegistry.use_storage(other)
    assert EntityRegistry.get(node.ecs_id) is None
    EntityRegistry.register(node)
    assert one.has_entity(node.ecs_id)
    assert other.has_entity(node.ecs_id)


def test_it_verifies_its_storage() -> None:
    storage = InMemoryEntityStorage()
    EntityRegistry.use_storage(storage)
    EntityRegistry.register(Node())
    report = EntityRegistry.verify()
    assert (report.ok, report.versions) == (True, 1)


def test_it_is_exported_from_the_root() -> None:
    assert {"EntityRegistry", "entity_tracer"} <= set(ecs_sql.__all__)
