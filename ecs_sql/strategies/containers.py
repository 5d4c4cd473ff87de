"""list, set, frozenset, deque, tuple, dict and unions."""

from __future__ import annotations

from collections import deque
from typing import Any

from hypothesis import strategies as st

from ecs_sql.nodes import (
    CollectionNode,
    DictNode,
    NoneNode,
    ReferenceNode,
    TupleNode,
    UnionNode,
)
from ecs_sql.strategies.limits import Limits, limits_of
from ecs_sql.strategies.registry import Build, registry


def _collection(node: CollectionNode, build: Build) -> st.SearchStrategy[Any]:
    item, limits = build(node.item), limits_of(node)
    if item.is_empty:
        return _only_empty(node.type, limits)
    if node.type is set:
        return st.sets(item, **limits.sizes())
    if node.type is frozenset:
        return st.frozensets(item, **limits.sizes())
    items = st.lists(item, **limits.sizes())
    if node.type is deque:
        return items.map(deque) | items.map(lambda drawn: deque(drawn, len(drawn) + 1))
    return items if node.type is list else items.map(node.type)


def _dict(node: DictNode, build: Build) -> st.SearchStrategy[Any]:
    key, value, limits = build(node.key), build(node.value), limits_of(node)
    if key.is_empty or value.is_empty:
        return _only_empty(dict, limits)
    return st.dictionaries(key, value, **limits.sizes())


def _only_empty(container: type, limits: Limits) -> st.SearchStrategy[Any]:
    """What a container may be whose items have no values."""
    return st.nothing() if limits.min_length else st.builds(container)


def _union(node: UnionNode, build: Build) -> st.SearchStrategy[Any]:
    """None first, so that examples shrink to it; what stands beside the union bounds its members."""
    in_order = sorted(node.members, key=lambda member: not isinstance(member, NoneNode))
    return st.one_of([build(member, *node.metadata) for member in in_order])


registry.register(CollectionNode, _collection)
registry.register(TupleNode, lambda node, build: st.tuples(*map(build, node.items)))
registry.register(DictNode, _dict)
registry.register(UnionNode, _union)
registry.register(ReferenceNode, lambda node, build: build.references(node.classes))
