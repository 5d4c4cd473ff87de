"""Graphs 10,000 deep and 100,000 wide, on every backend, without recursion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ecs_sql.testing import assert_same_graph
from ecs_sql.testing.models import Node

if TYPE_CHECKING:
    from tests.conftest import MakeStorage

pytestmark = pytest.mark.slow

DEEP = 10_000
WIDE = 100_000


def test_a_chain_of_ten_thousand_comes_back_and_forks_whole(make_storage: MakeStorage) -> None:
    storage = make_storage(Node)
    leaf = Node(name="leaf")
    chain = leaf
    for size in range(DEEP - 1):
        chain = Node(size=size, next=chain)
    storage.register(chain)
    first = chain.ecs_id
    loaded = storage.get(first, Node)
    assert_same_graph(loaded, chain)
    storage.register(loaded)
    assert storage.get_registry_status().versions == DEEP
    leaf.name = "changed"
    storage.register(chain)
    assert (chain.parent_id, len(leaf.old_ids)) == (first, 1)
    assert storage.get_registry_status().versions == 2 * DEEP


def test_a_cycle_of_ten_thousand_comes_back_and_forks_whole(make_storage: MakeStorage) -> None:
    storage = make_storage(Node)
    nodes = [Node(size=size) for size in range(DEEP)]
    for node, following in zip(nodes, [*nodes[1:], nodes[0]], strict=True):
        node.next = following
    storage.register(nodes[0])
    assert_same_graph(storage.get(nodes[0].ecs_id), nodes[0])
    nodes[DEEP // 2].name = "changed"
    storage.register(nodes[0])
    assert storage.get_registry_status().versions == 2 * DEEP


def test_a_hundred_thousand_children_come_back_and_fork_one_by_one(
    make_storage: MakeStorage,
) -> None:
    storage = make_storage(Node)
    root = Node(children=[Node(size=size) for size in range(WIDE)])
    storage.register(root)
    loaded = storage.get(root.ecs_id, Node)
    assert loaded is not None
    for child, expected in zip(loaded.children, root.children, strict=True):
        assert (child.ecs_id, child.size) == (expected.ecs_id, expected.size)
    storage.register(loaded)
    assert storage.get_registry_status().versions == WIDE + 1
    root.children[WIDE // 2].name = "changed"
    storage.register(root)
    assert storage.get_registry_status().versions == WIDE + 3
