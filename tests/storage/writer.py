"""Processes that write graphs: `python -m tests.storage.writer URL COUNT NAME...`.

There is one for each name. Each opens its storage, prints its process id, waits for a byte on the
common input, writes COUNT graphs, and prints the id of each root as soon as `register` has returned.
Graphs of one name have the same ids in every process.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from ecs_sql import SqlAlchemyEntityStorage
from ecs_sql.testing.models import Node

if TYPE_CHECKING:
    from collections.abc import Iterable

CHILDREN = 14
"""Enough for the list of a root to stand in chunks."""
VERSIONS = 2 * CHILDREN + 1
"""What is stored of one graph: it is changed once, but for its first child."""
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


def say(word: object) -> None:
    """Print a line in one piece, whatever other processes print and whenever this one is killed."""
    os.write(1, f"{word}\n".encode())


def write(url: str, name: str, count: int) -> None:
    """Write the graphs of one name."""
    storage = SqlAlchemyEntityStorage(url, [Node])
    say(os.getpid())
    if not os.read(0, 1):  # whoever started it has gone
        return
    for number in range(count):
        root = graph(f"{name} {number}")
        storage.register(root)
        say(root.ecs_id)
        change(root)
        storage.register(root)
        say(root.ecs_id)


def main(url: str, count: int, names: list[str]) -> int:
    """Start a process for each name; how many of them failed."""
    processes = []
    for name in names:
        process = os.fork()
        if process == 0:
            try:
                write(url, name, count)
            except BaseException as error:  # noqa: BLE001  (told to the parent, then the child ends)
                os.write(2, f"{name}: {error!r}\n".encode())
                say("failed")
                os._exit(1)
            os._exit(0)
        processes.append(process)
    return sum(os.waitpid(process, 0)[1] != 0 for process in processes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
