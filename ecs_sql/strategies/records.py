"""Classes of named fields: nested models, root models, dataclasses, TypedDicts and NamedTuples."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, cast

from hypothesis import strategies as st
from pydantic import BaseModel

from ecs_sql.codecs.records import EXTRA_KEY
from ecs_sql.nodes import RecordNode, RecursionNode, ReferenceNode, all_nodes
from ecs_sql.strategies import hostile
from ecs_sql.strategies.drawing import (
    TEST_CASE,
    Values,
    bare_instance,
    settled,
)
from ecs_sql.strategies.registry import Build, registry

_LEVELS = 3
"""How deep a record stands inside itself."""

Fields = dict[str, st.SearchStrategy[Any]]


def _record(node: RecordNode, build: Build) -> st.SearchStrategy[Any]:
    outer = build.open_records.setdefault((node.type, node.arguments), [])
    outer.append(node)
    try:
        fields = {item.name: build(item.node) for item in node.fields if item.node is not None}
    finally:
        outer.pop()
    return _KINDS[node.kind](node, fields)


def _recursion(node: RecursionNode, build: Build) -> st.SearchStrategy[Any]:
    """The record again, one level deeper; at the deepest there is none, so that lists of it are empty."""
    outer = build.open_records[node.type, node.arguments]
    return st.nothing() if len(outer) >= _LEVELS else _record(outer[-1], build)


def _models(node: RecordNode, fields: Fields) -> st.SearchStrategy[Any]:
    model = cast("type[BaseModel]", node.type)
    drawn = st.fixed_dictionaries(fields)
    if node.extra:
        drawn = st.builds(lambda extra, own: {**extra, **own}, extras(model), drawn)
    if any(isinstance(inner, ReferenceNode) for inner in all_nodes(node)):
        return _referring_models(model, drawn)
    return _checked(drawn, fields, lambda values: _validated(model, values))


def extras(model: type[BaseModel]) -> st.SearchStrategy[Values]:
    """Extra values for a class that allows them, under names that are not its fields'."""
    taken = {*model.model_fields, EXTRA_KEY}
    taken |= {item.alias for item in model.model_fields.values() if item.alias}
    names = st.text(hostile.CHARACTERS, max_size=10).filter(lambda name: name not in taken)
    return st.dictionaries(names, hostile.JSON, max_size=2)


def _validated(model: type[BaseModel], values: Any) -> Any:
    return model.__pydantic_validator__.validate_python(values, by_alias=False, by_name=True)


def _referring_models(
    model: type[BaseModel], drawn: st.SearchStrategy[Values]
) -> st.SearchStrategy[Any]:
    """Models that hold entities, which are whole only when the graph is; checked then."""
    if drawn.is_empty:  # which a composite would hide
        return st.nothing()

    @st.composite
    def models(draw: st.DrawFn) -> BaseModel:
        pool = draw(TEST_CASE).pools[-1]
        values = draw(drawn)
        instance = bare_instance(model, dict(values))
        pool.unchecked_models.append((instance, values))
        return instance

    return models()


def _checked(
    drawn: st.SearchStrategy[Values], fields: Fields, check: Callable[[Values], Any]
) -> st.SearchStrategy[Any]:
    if drawn.is_empty:
        return st.nothing()

    @st.composite
    def checked(draw: st.DrawFn) -> Any:
        return settled(draw, draw(drawn), fields, check)

    return checked()


def _roots(node: RecordNode, fields: Fields) -> st.SearchStrategy[Any]:
    model = cast("type[BaseModel]", node.type)
    drawn = st.fixed_dictionaries(fields)
    if any(isinstance(inner, ReferenceNode) for inner in all_nodes(node)):
        return drawn.map(lambda values: bare_instance(model, dict(values)))
    return _checked(drawn, fields, lambda values: _validated(model, values["root"]))


def _dataclasses(node: RecordNode, fields: Fields) -> st.SearchStrategy[Any]:
    made: Any = node.type
    given = {item.name for item in dataclasses.fields(made) if item.init}
    drawn = st.fixed_dictionaries({name: fields[name] for name in fields if name in given})
    return _checked(drawn, fields, lambda values: made(**values))


def _named_tuples(node: RecordNode, fields: Fields) -> st.SearchStrategy[Any]:
    made: Any = node.type
    return st.tuples(*fields.values()).map(made._make)


def _typed_dicts(node: RecordNode, fields: Fields) -> st.SearchStrategy[Any]:
    optional = {item.name for item in node.fields if item.optional_key}
    return st.fixed_dictionaries(
        {name: fields[name] for name in fields if name not in optional},
        optional={name: fields[name] for name in fields if name in optional},
    )


_KINDS: dict[str, Callable[[RecordNode, Fields], st.SearchStrategy[Any]]] = {
    "model": _models,
    "root": _roots,
    "dataclass": _dataclasses,
    "typeddict": _typed_dicts,
    "namedtuple": _named_tuples,
}

registry.register(RecordNode, _record)
registry.register(RecursionNode, _recursion)
