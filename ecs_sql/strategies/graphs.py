"""Strategies of entities, and of changes to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from hypothesis import reject
from hypothesis import strategies as st

from ecs_sql.entity import Entity
from ecs_sql.fields import EXTRA_FIELD, EntityClass, collect_specs
from ecs_sql.graph import Graph
from ecs_sql.resolution import caller_namespace
from ecs_sql.strategies.drawing import TEST_CASE, Pool, settled
from ecs_sql.strategies.plans import Plan

E = TypeVar("E", bound=Entity)


def entities(
    entity_class: type[E],
    /,
    *others: type[Entity],
    fields: Mapping[str, st.SearchStrategy[Any]] | None = None,
    max_entities: int = 8,
) -> st.SearchStrategy[E]:
    """Instances of an entity class, with all that they refer to: graphs with shared nodes and cycles.

    Values are made from the annotations that the mapper reads, within their constraints and the columns'
    wishes. The class's own validators have seen every instance; what they refuse is drawn anew a few times.
    References lead to the classes that a mapping of the given classes has, so a storage that was made with
    the same classes takes every graph. Ids are new to the test case, not to a storage that keeps another
    example's versions: clear it for each example.

    Args:
        entity_class: the root's class, itself and not a subclass.
        others: further classes, of which references to a base may hold instances.
        fields: strategies to use for fields of the class and of its subclasses, by name.
        max_entities: how many entities a graph has at most, unless its classes need more.

    Raises:
        MappingError: when a class cannot be mapped.
        NoStrategyError: at the first draw, when nothing tells how to make a field's values.

    Example:
        >>> from ecs_sql import Entity
        >>> class Note(Entity):
        ...     text: str
        ...     replies: list["Note"] = []
        >>> notes = entities(Note)
    """
    namespace = caller_namespace("ecs_sql")
    specs = collect_specs((entity_class, *others), {}, namespace)
    plan = Plan(specs, {} if fields is None else {entity_class: fields})
    return cast("st.SearchStrategy[E]", _graphs(plan, entity_class, max_entities))


@st.composite
def _graphs(draw: st.DrawFn, plan: Plan, root_class: EntityClass, limit: int) -> Entity:
    return cast("Entity", plan.draw_graph(draw, root_class, limit))


@dataclass(frozen=True, slots=True)
class Change:
    """One field of one entity and a new value for it, that the entity's class takes."""

    entity: Entity
    field: str
    value: Any

    def apply(self) -> None:
        """Set the field, past what forbids or watches assignment."""
        if self.field == EXTRA_FIELD:
            object.__setattr__(self.entity, EXTRA_FIELD, self.value)
        else:
            vars(self.entity)[self.field] = self.value


def changes(
    *roots: Entity, others: tuple[type[Entity], ...] = (), max_new: int = 2
) -> st.SearchStrategy[Change]:
    """Changes of one field of one entity in the graphs below the roots.

    New references lead to entities of these graphs or to new ones, `max_new` at most.

    Args:
        roots: entities, at least one of which leads to one that has a field.
        others: further classes, of which references to a base may hold new instances.
        max_new: how many new entities may be made.

    Raises:
        MappingError: when a class cannot be mapped.
    """
    nodes = cast("list[Entity]", Graph(roots).nodes)
    classes = dict.fromkeys([*(type(node) for node in nodes), *others])
    return _changes(Plan(collect_specs(classes, {}, {}), {}), nodes, max_new)


@st.composite
def _changes(draw: st.DrawFn, plan: Plan, nodes: list[Entity], max_new: int) -> Change:
    case = draw(TEST_CASE)
    pool = Pool(len(nodes) + max_new, list(nodes))
    case.pools.append(pool)
    try:
        places = [(node, name) for node in nodes for name in plan.fields(type(node))]
        if not places:
            reject()
        entity, name = places[draw(st.integers(0, len(places) - 1))]
        strategy = plan.fields(type(entity))[name]
        value = draw(strategy)
        plan.finish(draw, pool)
        return settled(
            draw, {name: value}, {name: strategy}, lambda values: _checked(entity, **values)
        )
    finally:
        case.pools.pop()


def _checked(entity: Entity, **values: Any) -> Change:
    """The change, its value as the class makes it.

    Raises:
        ValidationError: when the class refuses it.
    """
    ((name, value),) = values.items()
    kept = {item: own for item, own in vars(entity).items() if item != name}
    excluded = {item for item, info in type(entity).model_fields.items() if info.exclude}
    given = {item: own for item, own in kept.items() if item not in excluded}
    extra = value if name == EXTRA_FIELD else {**(entity.model_extra or {}), name: value}
    made = type(entity).__pydantic_validator__.validate_python(
        {**given, **extra}, by_alias=False, by_name=True
    )
    return Change(entity, name, made.model_extra if name == EXTRA_FIELD else vars(made)[name])
