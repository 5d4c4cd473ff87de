"""`Any`: what JSON itself can say, of exact types."""

from __future__ import annotations

from math import isfinite
from typing import Any

from ecs_sql.codecs.base import MAX_LEVELS, Build, Codec, Decoding, Encoding, Refusal, registry
from ecs_sql.codecs.scalars import check_digits, check_texts
from ecs_sql.identity import IdentifiedModel
from ecs_sql.nodes import AnyNode

_NATIVE: frozenset[type] = frozenset({type(None), bool, int, float, str, list, dict})


class JsonNativeCodec(Codec):
    """None, bool, int, finite float, str, list and dict with text keys, nested to 100 levels."""

    may_be_null = True

    def accepts(self, value_type: type) -> bool:
        return value_type in _NATIVE

    def encode(self, values: list[Any], run: Encoding) -> list[Any]:
        return [_encoded(value, run.levels) for value in values]

    def decode(self, forms: list[Any], run: Decoding) -> list[Any]:
        return forms


def _encoded(value: Any, levels: int) -> Any:
    value_type = type(value)
    if value_type is str:
        check_texts([value])
        return value
    if value is None or value_type is bool:
        return value
    if value_type is int:
        check_digits([value])
        return value
    if value_type is float:
        if not isfinite(value):
            raise Refusal(value, "it is no finite number; use None")
        return value + 0.0  # -0.0 is 0.0
    if levels >= MAX_LEVELS:
        raise Refusal(value, f"it is nested deeper than {MAX_LEVELS} levels, or contains itself")
    if value_type is list:
        return [_encoded(item, levels + 1) for item in value]
    if value_type is dict:
        return {_key(key): _encoded(item, levels + 1) for key, item in value.items()}
    if isinstance(value, IdentifiedModel):
        raise Refusal(value, "an entity cannot stand where anything can; annotate it")
    raise Refusal(
        value,
        f"a value of type {value_type.__qualname__} is not JSON's own; annotate the field with its type",
    )


def _key(key: Any) -> str:
    if type(key) is not str:
        raise Refusal(
            key, f"a key of type {type(key).__qualname__} is not JSON's own; annotate the dict"
        )
    check_texts([key])
    return key


def _any(node: AnyNode, build: Build) -> Codec:
    return JsonNativeCodec()


registry.register(AnyNode, _any)
