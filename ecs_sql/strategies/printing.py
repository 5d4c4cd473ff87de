"""How hypothesis shows an entity in a failing example: its content, shared entities by a number."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from hypothesis.vendor import pretty

from ecs_sql.graph import Graph
from ecs_sql.identity import BOOKKEEPING_FIELDS, IdentifiedModel

if TYPE_CHECKING:
    from hypothesis.vendor.pretty import RepresentationPrinter

_NUMBERS = "ecs_sql_numbers"
_SHOWN = "ecs_sql_shown"


def show_entity(entity: IdentifiedModel, printer: RepresentationPrinter, cycle: bool) -> None:  # noqa: FBT001
    """Write `Class(field=...)`; an entity that is met again is written in full once, as `Class#1(...)`."""
    state = vars(printer)
    if id(entity) not in state.setdefault(_NUMBERS, {}):
        state[_NUMBERS].update(_numbers(entity))
    number = state[_NUMBERS].get(id(entity))
    name = type(entity).__name__ + ("" if number is None else f"#{number}")
    shown = state.setdefault(_SHOWN, set())
    if cycle or id(entity) in shown:
        printer.text(name)
        return
    shown.add(id(entity))
    with printer.group(len(name) + 1, f"{name}(", ")"):
        for index, (field, value) in enumerate(_content(entity)):
            if index:
                printer.text(",")
                printer.breakable()
            printer.text(f"{field}=")
            printer.pretty(value)


def _numbers(root: IdentifiedModel) -> dict[int, int | None]:
    """A number for each entity of the graph that is referred to more than once, by its `id()`."""
    graph = Graph([root])
    met = Counter(id(child) for children in graph.children for child in children)
    met[id(root)] += 1
    shared = [id(node) for node in graph.nodes if met[id(node)] > 1]
    return {
        **dict.fromkeys(map(id, graph.nodes)),
        **{item: number for number, item in enumerate(shared, 1)},
    }


def _content(entity: IdentifiedModel) -> list[tuple[str, Any]]:
    names = [name for name in type(entity).model_fields if name not in BOOKKEEPING_FIELDS]
    own = [(name, entity.__dict__[name]) for name in names if name in entity.__dict__]
    return own + list((entity.model_extra or {}).items())


pretty.for_type_by_name(IdentifiedModel.__module__, IdentifiedModel.__name__, show_entity)
