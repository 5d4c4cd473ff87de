"""A process that writes graphs: `python -m tests.storage.writer URL NAME COUNT`.

It waits for a line on its input, writes COUNT graphs, and prints the id of each root as soon as
`register` has returned. Graphs of one name have the same ids in every process.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from ecs_sql import SqlAlchemyEntityStorage
from ecs_sql.testing.models import Node

if TYPE_CHECKING:
    from collections.abc import Iterable

CHILDREN = 10
SIZE = 2 * CHILDREN + 1
"""Versions that one graph has: it is changed once, except for the first child."""
_NAMES = UUID(int=0)


def graph(name: str) -> Node:
    """A root and its children, all of whose ids follow from the name."""
    children = [_node(f"{name} {number}", "child") for number in range(CHILDREN)]
    return _node(name, "root", children)


def _node(name: str, kind: str, children: Iterable[Node] = ()) -> Node:
    return Node(
        ecs_id=uuid5(_NAMES, f"version {name}"),
        lineage_id=uuid5(_NAMES, f"lineage {name}"),
        name=f"{kind} {name}",
        children=list(children),
    )


def change(root: Node) -> None:
    """Change the root and all of its children but one."""
    for child in root.children[1:]:
        child.size += 1


def assert_whole(nodes: list[Node], size: int = CHILDREN) -> None:
    """Each root among the nodes has its children, and no child is without a root."""
    by_id = {node.ecs_id: node for node in nodes}
    roots = [node for node in nodes if node.name.startswith("root")]
    for root in roots:
        assert len(root.children) == size
        assert all(by_id[child.ecs_id].name.startswith("child") for child in root.children)
    held = {child.ecs_id for root in roots for child in root.children}
    assert held | {root.ecs_id for root in roots} == by_id.keys()


def main(url: str, name: str, count: int) -> None:
    """Write the graphs."""
    storage = SqlAlchemyEntityStorage(url, [Node])
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(count):
        root = graph(f"{name} {number}")
        storage.register(root)
        print(root.ecs_id, flush=True)
        change(root)
        storage.register(root)
        print(root.ecs_id, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
