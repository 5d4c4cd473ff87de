"""Storages for generated classes: one database for a whole test, tables of their own for each example."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from ecs_sql import Entity, EntityStorage, InMemoryEntityStorage, SqlAlchemyEntityStorage
from ecs_sql.strategies import entities, entity_classes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

Classes = tuple[type[Entity], ...]

families = entity_classes()


class Fresh:
    """Opens empty storages for classes that only one example has.

    Args:
        engine: of the database in which each example makes its tables; None for memory.
    """

    def __init__(self, engine: Engine | None) -> None:
        self._engine = engine

    @contextmanager
    def __call__(self, classes: Classes) -> Iterator[EntityStorage]:
        """A storage that takes these classes; its tables are dropped at the end."""
        if self._engine is None:
            yield InMemoryEntityStorage()
            return
        storage = SqlAlchemyEntityStorage(self._engine, classes)
        try:
            yield storage
        finally:
            storage.mapping.metadata.drop_all(self._engine)


@st.composite
def graphs(draw: st.DrawFn, classes: Classes, max_entities: int = 5) -> Entity:
    """A graph whose root is of one of the classes."""
    root_class = draw(st.sampled_from(classes))
    return draw(entities(root_class, *classes, max_entities=max_entities))
