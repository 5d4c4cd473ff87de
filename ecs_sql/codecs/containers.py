"""list, set, frozenset, deque, tuple and dict."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, cast
from uuid import UUID

from ecs_sql.codecs.base import (
    Build,
    Codec,
    Decoding,
    Encoding,
    Found,
    Refusal,
    Undecodable,
    dump_all_json,
    dump_json,
    load_json,
    only_forms_of_type,
    only_of_type,
    registry,
)
from ecs_sql.nodes import CollectionNode, DictNode, TupleNode


def _split(flat: list[Any], lengths: list[int]) -> list[list[Any]]:
    """Cut a list into consecutive lists of these lengths."""
    parts, start = [], 0
    for length in lengths:
        parts.append(flat[start : start + length])
        start += length
    return parts


def _sorted(forms: list[Any]) -> list[Any]:
    """The forms in the order of their text, each once: two copies of one version are one reference."""
    by_text = {dump_json(form): form for form in forms}
    return [by_text[text] for text in sorted(by_text)]


def _as_is(forms: list[Any]) -> list[Any]:
    return forms


class CollectionCodec(Codec):
    """A list, a tuple of any length, or a set, whose forms are sorted so that their order is no content."""

    def __init__(self, collection: type, item: Codec) -> None:
        self._type = collection
        self._item = item
        self.holds_references = item.holds_references
        unordered = collection in (set, frozenset)
        self._ordered: Callable[[list[Any]], list[Any]] = _sorted if unordered else _as_is
        self._make: Callable[[list[Any]], Any] = _as_is if collection is list else collection
        self.forms_are_values = collection is list and item.forms_are_values
        if self.forms_are_values and item.exact_types:
            self.decode_one = self._decode_exact

    def accepts(self, value_type: type) -> bool:
        return value_type is self._type

    def encode(self, values: list[Any], run: Encoding) -> list[Any]:
        only_of_type(values, self._type)
        flat = self._item.encode(list(chain.from_iterable(values)), run)
        if self.forms_are_values:
            return values
        return list(map(self._ordered, _split(flat, list(map(len, values)))))

    def decode(self, forms: list[Any], run: Decoding) -> list[Any]:
        only_forms_of_type(forms, list)
        if self.decode_one and self._item.exact_types.issuperset(
            map(type, chain.from_iterable(forms))
        ):
            return forms
        flat = self._item.decode(list(chain.from_iterable(forms)), run)
        if self.forms_are_values:
            return forms
        return list(map(self._make, _split(flat, list(map(len, forms)))))

    def _decode_exact(self, form: Any) -> Any:
        if type(form) is not list or not self._item.exact_types.issuperset(map(type, form)):
            raise Undecodable(form, "it is no such list")
        return form

    def walk(self, value: Any, found: Found) -> None:
        if type(value) is self._type:
            self._item.walk_all(cast("Iterable[Any]", value), found)

    def pins(self, forms: Iterable[Any], found: list[UUID]) -> None:
        lists = list(forms)
        only_forms_of_type(lists, list)
        self._item.pins(list(chain.from_iterable(lists)), found)


class DequeCodec(CollectionCodec):
    """A deque; one with a `maxlen` keeps it."""

    def __init__(self, item: Codec) -> None:
        super().__init__(deque, item)

    def encode(self, values: list[Any], run: Encoding) -> list[Any]:
        forms = super().encode(values, run)
        return [
            items if value.maxlen is None else {"maxlen": value.maxlen, "items": items}
            for value, items in zip(values, forms, strict=True)
        ]

    def decode(self, forms: list[Any], run: Decoding) -> list[Any]:
        deques = super().decode(list(map(_items, forms)), run)
        return [
            deque(items, form["maxlen"]) if type(form) is dict else items
            for form, items in zip(forms, deques, strict=True)
        ]

    def pins(self, forms: Iterable[Any], found: list[UUID]) -> None:
        super().pins(list(map(_items, forms)), found)


def _items(form: Any) -> Any:
    if type(form) is dict:
        if not _is_bounded(form):
            raise Undecodable(form, "it is no deque")
        return form["items"]
    return form


def _is_bounded(form: dict[str, Any]) -> bool:
    """Whether the form is one of a deque with a `maxlen`, and no item would be cut off."""
    if form.keys() != {"maxlen", "items"} or type(form["items"]) is not list:
        return False
    return type(form["maxlen"]) is int and len(form["items"]) <= form["maxlen"] <= sys.maxsize


class TupleCodec(Codec):
    """A tuple of fixed length."""

    def __init__(self, items: list[Codec]) -> None:
        self._items = items
        self.holds_references = any(item.holds_references for item in items)

    def accepts(self, value_type: type) -> bool:
        return value_type is tuple

    def encode(self, values: list[Any], run: Encoding) -> list[Any]:
        only_of_type(values, tuple)
        for value in values:
            if len(value) != len(self._items):
                raise Refusal(value, f"the tuple has {len(self._items)} items")
        columns = [codec.encode([v[i] for v in values], run) for i, codec in enumerate(self._items)]
        return list(map(list, zip(*columns, strict=True))) if columns else [[] for _ in values]

    def decode(self, forms: list[Any], run: Decoding) -> list[Any]:
        self._check_forms(forms)
        columns = [codec.decode([f[i] for f in forms], run) for i, codec in enumerate(self._items)]
        return list(zip(*columns, strict=True)) if columns else [() for _ in forms]

    def _check_forms(self, forms: list[Any]) -> None:
        only_forms_of_type(forms, list)
        for form in forms:
            if len(form) != len(self._items):
                raise Undecodable(form, f"it has not {len(self._items)} items")

    def walk(self, value: Any, found: Found) -> None:
        if type(value) is tuple:
            for item, codec in zip(value, self._items, strict=False):
                codec.walk(item, found)

    def pins(self, forms: Iterable[Any], found: list[UUID]) -> None:
        tuples = list(forms)
        self._check_forms(tuples)
        for index, codec in enumerate(self._items):
            codec.pins([form[index] for form in tuples], found)


class DictCodec(Codec):
    """A dict in its order; keys whose forms are not all text are the JSON text of their form."""

    def __init__(self, key: Codec, value: Codec) -> None:
        self._key = key
        self._value = value
        self.holds_references = value.holds_references
        self.forms_are_values = key.text_forms and key.forms_are_values and value.forms_are_values
        if self.forms_are_values and value.exact_types:
            self.decode_one = self._decode_exact

    def accepts(self, value_type: type) -> bool:
        return value_type is dict

    def encode(self, values: list[Any], run: Encoding) -> list[Any]:
        only_of_type(values, dict)
        keys = self._key.encode(list(chain.from_iterable(values)), run)
        items = self._value.encode(list(chain.from_iterable(map(dict.values, values))), run)
        if self.forms_are_values:
            return values
        texts = keys if self._key.text_forms else dump_all_json(keys)
        lengths = list(map(len, values))
        forms = [
            dict(zip(own_keys, own_items, strict=True))
            for own_keys, own_items in zip(
                _split(texts, lengths), _split(items, lengths), strict=True
            )
        ]
        for value, form in zip(values, forms, strict=True):
            if len(form) < len(value):
                raise Refusal(value, "two of its keys are stored alike; keep one of them")
        return forms

    def decode(self, forms: list[Any], run: Decoding) -> list[Any]:
        only_forms_of_type(forms, dict)
        if self.decode_one and self._value.exact_types.issuperset(
            map(type, chain.from_iterable(map(dict.values, forms)))
        ):
            return forms
        keys = self._decoded_keys(list(chain.from_iterable(forms)), run)
        items = self._value.decode(list(chain.from_iterable(map(dict.values, forms))), run)
        if self.forms_are_values:
            return forms
        lengths = list(map(len, forms))
        return [
            dict(zip(own_keys, own_items, strict=True))
            for own_keys, own_items in zip(
                _split(keys, lengths), _split(items, lengths), strict=True
            )
        ]

    def _decode_exact(self, form: Any) -> Any:
        if type(form) is not dict or not self._value.exact_types.issuperset(
            map(type, form.values())
        ):
            raise Undecodable(form, "it is no such dict")
        return form

    def _decoded_keys(self, texts: list[str], run: Decoding) -> list[Any]:
        return self._key.decode(texts, run)

    def walk(self, value: Any, found: Found) -> None:
        if type(value) is dict:
            self._value.walk_all(value.values(), found)

    def pins(self, forms: Iterable[Any], found: list[UUID]) -> None:
        dicts = list(forms)
        only_forms_of_type(dicts, dict)
        self._value.pins(list(chain.from_iterable(form.values() for form in dicts)), found)


class JsonKeyDictCodec(DictCodec):
    """A dict whose keys' forms are not all text, so that the text is JSON."""

    def _decoded_keys(self, texts: list[str], run: Decoding) -> list[Any]:
        return self._key.decode(list(map(load_json, texts)), run)


def _collection(node: CollectionNode, build: Build) -> Codec:
    item = build(node.item)
    return DequeCodec(item) if node.type is deque else CollectionCodec(node.type, item)


def _dict(node: DictNode, build: Build) -> Codec:
    key = build(node.key)
    codec = DictCodec if key.text_forms else JsonKeyDictCodec
    return codec(key, build(node.value))


registry.register(CollectionNode, _collection)
registry.register(TupleNode, lambda node, build: TupleCodec(list(map(build, node.items))))
registry.register(DictNode, _dict)
