"""hypothesis strategies of entities, graphs and entity classes, for property-based tests of your own.

Needs hypothesis (`pip install 'ecs_sql[strategies]'`). A round-trip test of a class::

    from hypothesis import given
    from ecs_sql.strategies import entities
    from ecs_sql.testing import assert_same_graph

    @given(thread=entities(ChatThread))
    def test_threads_come_back(storage, thread):
        assert_same_graph(storage.get(storage.register(thread).ecs_id), thread)

`storage` is the pytest plugin's fixture, which is empty at the start of each example. With a storage of another
kind, let the test begin with `storage.clear()`: ids are new to one example only.
"""

from ecs_sql.strategies import (  # noqa: F401 - they fill the table, and tell hypothesis how to show entities
    containers,
    printing,
    records,
    scalars,
    times,
)
from ecs_sql.strategies.classes import entity_classes
from ecs_sql.strategies.graphs import Change, changes, entities
from ecs_sql.strategies.registry import (
    NoStrategyError,
    register_strategy,
    register_strategy_predicate,
)

__all__ = [
    "Change",
    "NoStrategyError",
    "changes",
    "entities",
    "entity_classes",
    "register_strategy",
    "register_strategy_predicate",
]
