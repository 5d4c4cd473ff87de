"""References: an entity as the id of one exact version."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any
from uuid import UUID

from pydantic_core import ValidationError, to_json

from ecs_sql.codecs import sqltypes
from ecs_sql.codecs.base import (
    Build,
    Codec,
    ColumnForm,
    Dangling,
    Decoding,
    Encoding,
    Found,
    Refusal,
    Undecodable,
    WrongTarget,
    json_texts,
    only_forms_of_type,
    only_of_type,
    registry,
)
from ecs_sql.codecs.scalars import parse_uuids, uuid_list
from ecs_sql.identity import IdentifiedModel, number_of
from ecs_sql.nodes import ReferenceNode


class Pinned:
    """Stands for an entity where only the version that it pins matters."""

    __slots__ = ("ecs_id",)

    def __init__(self, ecs_id: UUID) -> None:
        self.ecs_id = ecs_id


class AllPinned(dict[int, Any]):
    """Answers every id with a `Pinned`: decodes a form whose targets are not at hand."""

    def __missing__(self, number: int) -> Pinned:
        return Pinned(UUID(int=number))


pinned_id: Callable[[Any], UUID] = attrgetter("ecs_id")
"""The id of an entity or of what stands for one."""


def entities_of(ids: Iterable[UUID], run: Decoding) -> list[Any]:
    """The run's entities of these ids.

    Raises:
        Dangling: when one is not there.
    """
    try:
        return list(map(run.entities.__getitem__, map(number_of, ids)))
    except KeyError as error:
        raise Dangling(UUID(int=error.args[0])) from error


class ReferenceCodec(Codec):
    """One entity of some classes or their subclasses."""

    holds_references = True

    def __init__(self, classes: tuple[type, ...]) -> None:
        self.classes = classes
        self.column = ColumnForm(
            sqltypes.UUID_TYPE,
            self.encode_ids,
            self._decode_ids,
            parse=self._parse_column,
            pins=_extend,
        )

    @property
    def _names(self) -> str:
        return " or ".join(entity_class.__qualname__ for entity_class in self.classes)

    def accepts(self, value_type: type) -> bool:
        return issubclass(value_type, self.classes) or value_type is Pinned

    def encode_ids(self, values: list[Any], run: Encoding) -> list[UUID]:
        """The ids that the entities are stored under."""
        for value_type in set(map(type, values)):
            if not self.accepts(value_type):
                value = next(value for value in values if type(value) is value_type)
                raise Refusal(value, f"the field refers to a {self._names}; give it one")
        return list(map(run.id_of, values))

    def encode(self, values: list[Any], run: Encoding) -> list[Any]:
        return json_texts(self.encode_ids(values, run))

    def _parse_column(self, values: list[Any]) -> list[Any]:
        only_forms_of_type(values, UUID)
        return values

    def _decode_ids(self, ids: list[Any], run: Decoding) -> list[Any]:
        return self.entities_of(ids, run)

    def entities_of(self, ids: list[UUID], run: Decoding) -> list[Any]:
        """The run's entities of these ids, each of a class that the field takes.

        Raises:
            Dangling: when one is not there.
            WrongTarget: when one is of another class.
        """
        entities = entities_of(ids, run)
        for entity_class in set(map(type, entities)):
            if not self.accepts(entity_class):
                wrong = next(
                    i for i, e in zip(ids, entities, strict=True) if type(e) is entity_class
                )
                reason = (
                    f"{wrong} is a {entity_class.__qualname__}; the field refers to a {self._names}"
                )
                raise WrongTarget(wrong, reason)
        return entities

    def decode(self, forms: list[Any], run: Decoding) -> list[Any]:
        only_forms_of_type(forms, str)
        return self.entities_of(parse_uuids(forms), run)

    def walk(self, value: Any, found: Found) -> None:
        if issubclass(type(value), IdentifiedModel):
            found.append(value)

    def walk_all(self, values: Iterable[Any], found: Found) -> None:
        values = list(values)
        if all(issubclass(value_type, IdentifiedModel) for value_type in set(map(type, values))):
            found += values
        else:
            super().walk_all(values, found)

    def pins(self, forms: Iterable[Any], found: list[UUID]) -> None:
        found += parse_uuids(list(forms))


def _extend(ids: list[Any], found: list[UUID]) -> None:
    found += ids


class ReferenceListColumn(ColumnForm):
    """A list, tuple or set of references as one JSON list of ids, read and written in compiled calls."""

    def __init__(self, collection: type, item: ReferenceCodec, length: int | None = None) -> None:
        super().__init__(
            sqltypes.JSON_TEXT, self._encode, self._decode, parse=self._parse, pins=self._pins
        )
        self._collection = collection
        self._item = item
        self._length = length
        self._make: Callable[[list[Any]], Any] = (
            (lambda items: items) if collection is list else collection
        )

    def _encode(self, values: list[Any], run: Encoding) -> list[Any]:
        only_of_type(values, self._collection)
        return [self._encode_one(value, run) for value in values]

    def _encode_one(self, value: Any, run: Encoding) -> str:
        if self._length is not None and len(value) != self._length:
            raise Refusal(value, f"the tuple has {self._length} items")
        ids = self._item.encode_ids(list(value), run)
        if self._collection in (set, frozenset):
            ids = sorted(set(ids), key=str)  # two copies of one version are one reference
        return to_json(ids).decode()

    def _parse(self, texts: list[Any]) -> list[Any]:
        return list(map(self._parse_one, texts))

    def _parse_one(self, text: Any) -> list[UUID]:
        try:
            ids: list[UUID] = uuid_list.validate_json(text)
        except (ValidationError, TypeError) as error:
            raise Undecodable(text, "it is no JSON list of ids") from error
        if self._length is not None and len(ids) != self._length:
            raise Undecodable(text, f"it is no list of {self._length} ids")
        return ids

    def _decode(self, parsed: list[Any], run: Decoding) -> list[Any]:
        return [self._make(self._item.entities_of(ids, run)) for ids in parsed]

    def _pins(self, parsed: list[Any], found: list[UUID]) -> None:
        for ids in parsed:
            found += ids


def _reference(node: ReferenceNode, build: Build) -> Codec:
    return ReferenceCodec(node.classes)


registry.register(ReferenceNode, _reference)
