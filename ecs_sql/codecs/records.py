"""Classes of named fields inside a value: nested models, root models, dataclasses, TypedDicts, NamedTuples."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any
from uuid import UUID

from ecs_sql.codecs.base import (
    MAX_LEVELS,
    Build,
    Codec,
    Decoding,
    Encoding,
    Found,
    Refusal,
    Undecodable,
    only_forms_of_type,
    only_of_type,
    registry,
)
from ecs_sql.codecs.json_native import JsonNativeCodec
from ecs_sql.instances import fill_instance
from ecs_sql.nodes import MISSING, RecordField, RecordNode, RecursionNode, ReferenceNode, all_nodes

EXTRA_KEY = "**"
"""The key of a nested model's extra values, which no field can have as its name."""


def make_model(
    model: type, values: dict[str, Any], extra: dict[str, Any] | None, stored: Iterable[str]
) -> Any:
    """A model instance with these field values; neither `__init__` nor a validator runs."""
    instance: Any = object.__new__(model)
    fill_instance(instance, values, frozenset(stored), extra)
    return instance


class RecordCodec(Codec):
    """A record as a JSON object of its fields, by name, in the class's order."""

    def __init__(self, node: RecordNode) -> None:
        self._type = node.type
        self._fields: list[tuple[RecordField, Codec]] = []
        self._excluded = [item for item in node.fields if item.excluded]
        # Known before the fields are, since one of them may be this very record.
        self.holds_references = any(isinstance(inner, ReferenceNode) for inner in all_nodes(node))

    def complete(self, fields: list[tuple[RecordField, Codec]]) -> None:
        """Set the fields, which may contain this very codec."""
        self._fields = fields
        self._names = [item.name for item, _ in fields]
        self._name_set = frozenset(self._names)
        self.holds_references |= any(codec.holds_references for _, codec in fields)

    def accepts(self, value_type: type) -> bool:
        return value_type is self._type

    def encode(self, values: list[Any], run: Encoding) -> list[Any]:
        only_of_type(values, self._type)
        columns = [
            codec.encode([self._read(value, item.name) for value in values], run)
            for item, codec in self._fields
        ]
        if not columns:
            return [{} for _ in values]
        return [dict(zip(self._names, row, strict=True)) for row in zip(*columns, strict=True)]

    def _read(self, value: Any, name: str) -> Any:
        try:
            return self._get(value, name)
        except (AttributeError, KeyError) as error:
            raise Refusal(value, f"its field {name!r} is not set; set it") from error

    def _get(self, value: Any, name: str) -> Any:
        return getattr(value, name)

    def decode(self, forms: list[Any], run: Decoding) -> list[Any]:
        return [self._make(values, run) for values in self._decoded_fields(forms, run)]

    def _decoded_fields(self, forms: list[Any], run: Decoding) -> list[dict[str, Any]]:
        self._check_forms(forms)
        results: list[dict[str, Any]] = [{} for _ in forms]
        for item, codec in self._fields:
            name = item.name
            having = [index for index, form in enumerate(forms) if name in form]
            decoded = codec.decode([forms[index][name] for index in having], run)
            for index, value in zip(having, decoded, strict=True):
                results[index][name] = value
            if len(having) < len(forms):
                run.filled = run.filled or not item.optional_key
                for index in set(range(len(forms))).difference(having):
                    results[index][name] = self._default(item, forms[index], results[index])
        for item in self._excluded:
            for result in results:
                result[item.name] = self._default(item, {}, result)
        return results

    def _default(self, item: RecordField, form: Any, before: dict[str, Any]) -> Any:
        if item.default is MISSING:
            raise Undecodable(form, f"it lacks {item.name!r}, which has no default")
        return item.default(before)

    def _check_forms(self, forms: list[Any]) -> None:
        only_forms_of_type(forms, dict)
        for form in forms:
            if not form.keys() <= self._name_set:
                unknown = sorted(form.keys() - self._name_set)
                raise Undecodable(form, f"{self._type.__qualname__} has no field {unknown[0]!r}")

    def _make(self, values: dict[str, Any], run: Decoding) -> Any:
        raise NotImplementedError

    def walk(self, value: Any, found: Found) -> None:
        if type(value) is self._type:
            for item, codec in self._fields:
                if codec.holds_references:
                    try:
                        codec.walk(self._get(value, item.name), found)
                    except (AttributeError, KeyError):  # not set; encode refuses it by name
                        continue

    def pins(self, forms: Iterable[Any], found: list[UUID]) -> None:
        records = list(forms)
        self._check_forms(records)
        for item, codec in self._fields:
            if codec.holds_references:
                codec.pins([form[item.name] for form in records if item.name in form], found)


class ModelCodec(RecordCodec):
    """A nested pydantic model, with its extra values where the class allows them."""

    def __init__(self, node: RecordNode) -> None:
        super().__init__(node)
        self._extra = node.extra
        self._native = JsonNativeCodec()

    def complete(self, fields: list[tuple[RecordField, Codec]]) -> None:
        super().complete(fields)
        if self._extra:
            self._name_set |= {EXTRA_KEY}

    def _get(self, value: Any, name: str) -> Any:
        return value.__dict__[name]

    def encode(self, values: list[Any], run: Encoding) -> list[Any]:
        forms = super().encode(values, run)
        if self._extra:
            for value, form in zip(values, forms, strict=True):
                if value.__pydantic_extra__:
                    form[EXTRA_KEY] = self._native.encode([value.__pydantic_extra__], run)[0]
        return forms

    def decode(self, forms: list[Any], run: Decoding) -> list[Any]:
        values = super().decode(forms, run)
        if self._extra:
            for value, form in zip(values, forms, strict=True):
                object.__setattr__(value, "__pydantic_extra__", form.get(EXTRA_KEY, {}))
        return values

    def _make(self, values: dict[str, Any], run: Decoding) -> Any:
        instance = make_model(self._type, values, None, self._name_set & values.keys())
        if instance.__pydantic_post_init__:
            run.models.append(instance)
        return instance


class RootModelCodec(ModelCodec):
    """A root model, as the form of its root."""

    def complete(self, fields: list[tuple[RecordField, Codec]]) -> None:
        super().complete(fields)
        self._root = fields[0][1]
        self.may_be_null = self._root.may_be_null

    def encode(self, values: list[Any], run: Encoding) -> list[Any]:
        only_of_type(values, self._type)
        return self._root.encode([self._read(value, "root") for value in values], run)

    def decode(self, forms: list[Any], run: Decoding) -> list[Any]:
        return [self._make({"root": value}, run) for value in self._root.decode(forms, run)]

    def pins(self, forms: Iterable[Any], found: list[UUID]) -> None:
        self._root.pins(forms, found)


class DataclassCodec(RecordCodec):
    """A dataclass; its `__post_init__` does not run on load, since its fields are what it left."""

    def _make(self, values: dict[str, Any], run: Decoding) -> Any:
        instance: Any = object.__new__(self._type)
        for name, value in values.items():
            object.__setattr__(instance, name, value)
        return instance


class NamedTupleCodec(RecordCodec):
    """A NamedTuple."""

    def _make(self, values: dict[str, Any], run: Decoding) -> Any:
        return tuple.__new__(self._type, [values[name] for name in self._names])


class TypedDictCodec(RecordCodec):
    """A TypedDict: a dict in its own order, of keys that the class knows, the required ones among them."""

    def accepts(self, value_type: type) -> bool:
        return value_type is dict

    def encode(self, values: list[Any], run: Encoding) -> list[Any]:
        only_of_type(values, dict)
        forms: list[dict[str, Any]] = [dict.fromkeys(value) for value in values]
        for value in values:
            for key in value.keys() - self._name_set:
                raise Refusal(value, f"{self._type.__qualname__} has no key {key!r}")
        for item, codec in self._fields:
            having = [index for index, value in enumerate(values) if item.name in value]
            if len(having) < len(values) and not item.optional_key:
                lacking = next(value for value in values if item.name not in value)
                raise Refusal(lacking, f"its key {item.name!r} is not set; set it")
            for index, form in zip(
                having, codec.encode([values[i][item.name] for i in having], run), strict=True
            ):
                forms[index][item.name] = form
        return forms

    def _get(self, value: Any, name: str) -> Any:
        return value[name]

    def decode(self, forms: list[Any], run: Decoding) -> list[Any]:
        return [
            {name: values[name] for name in form}
            for form, values in zip(forms, self._decoded_fields(forms, run), strict=True)
        ]

    def _default(self, item: RecordField, form: Any, before: dict[str, Any]) -> Any:
        if not item.optional_key:
            raise Undecodable(form, f"it lacks the key {item.name!r}")
        return None

    def walk(self, value: Any, found: Found) -> None:
        if type(value) is dict:
            for item, codec in self._fields:
                if codec.holds_references and item.name in value:
                    codec.walk(value[item.name], found)


class RecursionCodec(Codec):
    """A record inside itself: counts the levels, and takes an object that stands twice in a level once."""

    def __init__(self, record: Codec) -> None:
        self._record = record
        self.holds_references = record.holds_references

    def accepts(self, value_type: type) -> bool:
        return self._record.accepts(value_type)

    def encode(self, values: list[Any], run: Encoding) -> list[Any]:
        if not values:
            return []
        if run.levels >= MAX_LEVELS:
            raise Refusal(
                values[0], f"it is nested deeper than {MAX_LEVELS} levels, or contains itself"
            )
        distinct = {id(value): value for value in values}
        run.levels += 1
        try:
            forms = self._record.encode(list(distinct.values()), run)
        finally:
            run.levels -= 1
        by_id = dict(zip(distinct, forms, strict=True))
        return [by_id[id(value)] for value in values]

    def decode(self, forms: list[Any], run: Decoding) -> list[Any]:
        return self._record.decode(forms, run) if forms else []

    def walk(self, value: Any, found: Found) -> None:
        if found.levels < MAX_LEVELS and id(value) not in found.visited:
            found.visited.add(id(value))
            found.levels += 1
            self._record.walk(value, found)
            found.levels -= 1

    def pins(self, forms: Iterable[Any], found: list[UUID]) -> None:
        records = list(forms)
        if records:
            self._record.pins(records, found)


_CODECS: dict[str, Callable[[RecordNode], RecordCodec]] = {
    "model": ModelCodec,
    "root": RootModelCodec,
    "dataclass": DataclassCodec,
    "typeddict": TypedDictCodec,
    "namedtuple": NamedTupleCodec,
}


def _record(node: RecordNode, build: Build) -> Codec:
    codec = _CODECS[node.kind](node)
    key = (node.type, node.arguments)
    build.open_records[key] = codec
    try:
        codec.complete([(item, build(item.node)) for item in node.fields if item.node is not None])
    finally:
        del build.open_records[key]
    return codec


def _recursion(node: RecursionNode, build: Build) -> Codec:
    return RecursionCodec(build.open_records[node.type, node.arguments])


registry.register(RecordNode, _record)
registry.register(RecursionNode, _recursion)


def finish_model(model: Any, kept: Collection[str] | None = None) -> None:
    """Private attributes and `model_post_init`, after which the fields are as they were.

    Args:
        model: a model instance whose fields are set.
        kept: the names of the fields that it may not change; all of them by default.
    """
    before = {name: value for name, value in model.__dict__.items() if kept is None or name in kept}
    extra = None if model.__pydantic_extra__ is None else dict(model.__pydantic_extra__)
    model.model_post_init(None)
    model.__dict__.update(before)
    object.__setattr__(model, "__pydantic_extra__", extra)
