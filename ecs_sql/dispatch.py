"""What is done with a node is looked up by its type: exact first, then by predicate, newest first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from ecs_sql.nodes import Node

V = TypeVar("V")
Predicate = Callable[[Node], bool]


class NodeRegistry(Generic[V]):
    """A table from nodes to what stands for them.

    Args:
        noun: what the registry finds, as an error names it.
    """

    def __init__(self, noun: str) -> None:
        self._noun = noun
        self._exact: dict[type, V] = {}
        self._predicates: list[tuple[Predicate, V]] = []

    def register(self, key: type, value: V) -> None:
        """Use the value for nodes of a class of values, or for every node of a node class.

        Raises:
            ValueError: when the key has a value already.
        """
        if key in self._exact:
            raise ValueError(
                f"{key.__qualname__} has a {self._noun} already; register a predicate to override it"
            )
        self._exact[key] = value

    def register_predicate(self, predicate: Predicate, value: V) -> None:
        """Use the value for all nodes that the predicate is true of and that have no exact match."""
        self._predicates.insert(0, (predicate, value))

    def find(self, node: Node) -> V | None:
        """What stands for a node, or None; its class of values counts before its node class."""
        for key in (getattr(node, "type", None), type(node)):
            if key in self._exact:
                return self._exact[key]
        for predicate, value in self._predicates:
            if predicate(node):
                return value
        return None
