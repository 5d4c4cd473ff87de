"""Which strategies a family of classes needs: made once, when first drawn from, and kept."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from typing import Any

from annotated_types import Interval
from hypothesis import strategies as st

from ecs_sql.codecs import sqltypes
from ecs_sql.codecs.base import Encoding, Refusal
from ecs_sql.codecs.references import pinned_id
from ecs_sql.codecs.scalars import MAX_INT64, MIN_INT64
from ecs_sql.fields import EXTRA_FIELD, EntityClass, FieldSpec, spec_of
from ecs_sql.identity import IdentifiedModel
from ecs_sql.nodes import Node, RecordNode, ScalarNode, without_none
from ecs_sql.strategies.drawing import (
    TEST_CASE,
    Pool,
    TestCase,
    Values,
    bare_instance,
    fill,
    settled,
    validated_in_place,
)
from ecs_sql.strategies.records import extras
from ecs_sql.strategies.registry import NoStrategyError, registry

Strategy = st.SearchStrategy[Any]
Fields = Mapping[str, Strategy]


class Plan:
    """The strategies of some entity classes' fields.

    Args:
        classes: the classes that references may lead to, bases among them.
        given: strategies that a caller wants for fields of a class and of its subclasses.
    """

    def __init__(self, classes: Iterable[EntityClass], given: Mapping[EntityClass, Fields]) -> None:
        self._classes = tuple(classes)
        self._given = given
        self._fields: dict[EntityClass, dict[str, Strategy]] = {}

    def fields(self, entity_class: EntityClass) -> dict[str, Strategy]:
        """The strategy of each stored field, extra values under `EXTRA_FIELD`.

        Raises:
            NoStrategyError: when nothing tells how to make values of one.
        """
        found = self._fields.get(entity_class)
        if found is None:
            found = self._fields[entity_class] = {
                item.name: self._field(entity_class, item) for item in spec_of(entity_class).fields
            }
        return found

    def _field(self, entity_class: EntityClass, item: FieldSpec) -> Strategy:
        for base in entity_class.__mro__:
            if item.name in self._given.get(base, {}):
                return self._given[base][item.name]
        if item.name == EXTRA_FIELD:
            return extras(entity_class)
        inner = without_none(item.node)
        is_column_int = isinstance(inner, ScalarNode) and (
            item.column.form.sql_type is sqltypes.INTEGER
        )
        bounds = [Interval(ge=MIN_INT64, le=MAX_INT64)] if is_column_int else []
        strategy = _Builder(self)(item.node, *bounds)
        if item.column.options.type_ is not None:
            strategy = strategy.filter(functools.partial(_is_kept, item))
        if strategy.is_empty:
            raise NoStrategyError(
                item.node, f"{entity_class.__qualname__}.{item.name} has no values"
            )
        return strategy

    def references(self, classes: tuple[type, ...]) -> Strategy:
        """Entities of these classes: of those that the graph has, or new ones."""
        concrete = [known for known in self._classes if issubclass(known, classes)]
        return _references(self, classes, concrete) if concrete else st.nothing()

    def draw_graph(self, draw: st.DrawFn, root_class: EntityClass, limit: int) -> IdentifiedModel:
        """A root and all that it leads to, every class's own validators content."""
        case, pool = draw(TEST_CASE), Pool(limit)
        case.pools.append(pool)
        try:
            root = self.draw_entity(draw, case, root_class)
            self.finish(draw, pool)
        finally:
            case.pools.pop()
        return root

    def draw_entity(
        self, draw: st.DrawFn, case: TestCase, entity_class: EntityClass
    ) -> IdentifiedModel:
        """A new entity in the pool; filled at once or, deep down, later."""
        pool = case.pools[-1]
        entity = bare_instance(entity_class, case.bookkeeping())
        pool.entities.append(entity)
        if pool.inline:
            pool.levels += 1
            self._draw_fields(draw, pool, entity)
            pool.levels -= 1
        else:
            pool.unfilled.append(entity)
        return entity

    def finish(self, draw: st.DrawFn, pool: Pool) -> None:
        """Fill what waits, then let pydantic see each model and entity, the innermost first."""
        checked = 0
        while pool.unfilled or pool.unchecked_models or checked < len(pool.unchecked):
            if pool.unfilled:
                self._draw_fields(draw, pool, pool.unfilled.pop(0))
            elif pool.unchecked_models:
                model, values = pool.unchecked_models.pop(0)
                settled(draw, values, {}, functools.partial(validated_in_place, model))
            else:
                self._check(draw, *pool.unchecked[checked])
                checked += 1

    def _draw_fields(self, draw: st.DrawFn, pool: Pool, entity: IdentifiedModel) -> None:
        values = draw(st.fixed_dictionaries(self.fields(type(entity))))
        own = dict(values)
        extra = own.pop(EXTRA_FIELD, None)
        fill(entity, {**entity.__dict__, **own}, extra)
        pool.unchecked.append((entity, values))

    def _check(self, draw: st.DrawFn, entity: IdentifiedModel, values: Values) -> None:
        bookkeeping = {name: value for name, value in entity.__dict__.items() if name not in values}

        def check(current: Values) -> None:
            own = dict(current)
            extra = own.pop(EXTRA_FIELD, {})
            validated_in_place(entity, {**extra, **bookkeeping, **own})

        settled(draw, values, self.fields(type(entity)), check)


def _is_kept(item: FieldSpec, value: Any) -> bool:
    """Whether the column that the field wishes for takes the value."""
    try:
        item.column.form.encode([value], Encoding(pinned_id))
    except Refusal:
        return False
    return True


@st.composite
def _references(
    draw: st.DrawFn, plan: Plan, classes: tuple[type, ...], concrete: list[EntityClass]
) -> IdentifiedModel:
    """One that there is, counted from the newest, or a new one.

    So drawn, examples shrink to fewer entities, and leaving one out keeps the meaning of later choices.
    """
    case = draw(TEST_CASE)
    pool = case.pools[-1]
    known = [entity for entity in pool.entities if isinstance(entity, classes)]
    wants_new = pool.has_room and draw(st.booleans())  # drawn also where there is no choice
    if wants_new or not known:
        return plan.draw_entity(draw, case, concrete[draw(st.integers(0, len(concrete) - 1))])
    return known[-1 - draw(st.integers(0, len(known) - 1))]


class _Builder:
    """Builds the strategy of one field's node and of all nodes inside it."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.open_records: dict[Any, list[RecordNode]] = {}

    def __call__(self, node: Node, *metadata: Any) -> Strategy:
        if metadata:
            node = dataclasses.replace(node, metadata=(*node.metadata, *metadata))
        return registry.factory(node)(node, self)

    def references(self, classes: tuple[type, ...]) -> Strategy:
        return self._plan.references(classes)
