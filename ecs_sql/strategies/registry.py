"""The table from node to strategy, and how users add their own types to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from hypothesis import strategies as st

from ecs_sql.dispatch import NodeRegistry
from ecs_sql.errors import EcsSqlError
from ecs_sql.nodes import Node, RecordNode


class NoStrategyError(EcsSqlError):
    """Nothing tells how to make values of a node: a type of the application's own, most likely."""

    def __init__(self, node: Node, reason: str) -> None:
        self.node = node
        self.reason = reason
        super().__init__(
            f"no strategy makes values of {node.name}: {reason}; give one to "
            "register_strategy(), or to entities(..., fields={...})"
        )


class Build(Protocol):
    """Makes the strategies of the nodes inside a node; knows the records that it stands in."""

    open_records: dict[Any, list[RecordNode]]

    def __call__(self, node: Node, *metadata: Any) -> st.SearchStrategy[Any]:
        """The strategy of a node, with more metadata than its own."""
        ...

    def references(self, classes: tuple[type, ...]) -> st.SearchStrategy[Any]:
        """The strategy of entities of these classes."""
        ...


Factory = Callable[[Any, Build], st.SearchStrategy[Any]]


class StrategyRegistry(NodeRegistry[Factory]):
    """Finds the strategy factory for a node."""

    def __init__(self) -> None:
        super().__init__("strategy")

    def factory(self, node: Node) -> Factory:
        """The factory for a node.

        Raises:
            NoStrategyError: when nothing matches.
        """
        found = self.find(node)
        if found is None:
            raise NoStrategyError(node, "the type is not known")
        return found


registry = StrategyRegistry()
"""The process-wide registry; the modules of this package add to it when they are imported."""


def register_strategy(key: type, strategy: st.SearchStrategy[Any] | Factory) -> None:
    """Say how to make values of a class, or of every node of a node class (`ecs_sql.nodes`).

    Args:
        key: a class that annotations name, a nested model or an enum too; or a node class.
        strategy: a strategy, or a function of the node and of what makes the strategies inside it.

    Raises:
        ValueError: when the key has a strategy already.

    Example:
        >>> from decimal import Decimal
        >>> from hypothesis import strategies as st
        >>> from pydantic import BaseModel
        >>> class Money(BaseModel):
        ...     amount: Decimal
        >>> register_strategy(Money, st.builds(Money, amount=st.integers().map(Decimal)))
    """
    if isinstance(strategy, st.SearchStrategy):
        registry.register(key, lambda node, build: strategy)
    else:
        registry.register(key, strategy)


def register_strategy_predicate(predicate: Callable[[Node], bool], factory: Factory) -> None:
    """Say how to make values of all nodes that the predicate is true of and that have no exact match."""
    registry.register_predicate(predicate, factory)
