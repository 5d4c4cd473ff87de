"""Entities of one class to rows of canonical column values, and back, whole columns at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast
from uuid import UUID

from ecs_sql.codecs.base import (
    ColumnForm,
    Dangling,
    Decoding,
    Encoding,
    Found,
    Refusal,
    Undecodable,
)
from ecs_sql.codecs.references import AllPinned, pinned_id
from ecs_sql.errors import MissingReferenceError, StoredValueError, UnstorableValueError
from ecs_sql.fields import EXTRA_FIELD, EntityClass, EntitySpec, FieldSpec, spec_of
from ecs_sql.identity import BOOKKEEPING_FIELDS, IdentifiedModel

Content = tuple[Any, ...]
"""The canonical values of an entity's stored fields, in the order of its columns."""
IdOf = Callable[[IdentifiedModel], UUID]


class EntityCodec:
    """Encodes and decodes the entities of exactly one class."""

    def __init__(self, spec: EntitySpec) -> None:
        self.spec = spec
        self._forms: list[tuple[str, ColumnForm]] = [
            (item.name, item.column.form) for item in spec.fields
        ]
        self._parsers = [
            (index, form.parse, form.pins)
            for index, (_, form) in enumerate(self._forms)
            if form.parse is not None and form.pins is not None
        ]
        self._walkers = [(item.name, item.column.codec.walk) for item in spec.walk_order]
        self._has_extra = any(item.name == EXTRA_FIELD for item in spec.fields)
        self.stored_names = frozenset(
            {*BOOKKEEPING_FIELDS, *(item.name for item in spec.fields if item.name != EXTRA_FIELD)}
        )
        self._order = _instance_order(spec)

    def children(self, entity: IdentifiedModel) -> Sequence[IdentifiedModel]:
        """The entities that this one refers to, by field, in order, as often as it does."""
        if not self._walkers:
            return ()
        values = entity.__dict__
        found = Found()
        for name, walk in self._walkers:
            value = values.get(name)
            if value is not None:
                walk(value, found)
        return found

    def encode(self, entities: Sequence[IdentifiedModel], id_of: IdOf) -> list[Content]:
        """The contents of the entities, their references under the ids that `id_of` gives.

        Raises:
            UnstorableValueError: when a value cannot be kept.
        """
        try:
            return self._encode(entities, id_of)
        except (Refusal, RecursionError):
            for entity in entities:
                self._encode_one(entity, id_of)
            raise  # pragma: no cover - a list is refused only where one of its values is

    def _encode(self, entities: Sequence[IdentifiedModel], id_of: IdOf) -> list[Content]:
        run = Encoding(id_of)
        columns = [form.encode(_values(entities, name), run) for name, form in self._forms]
        return list(zip(*columns, strict=True)) if columns else [()] * len(entities)

    def _encode_one(self, entity: IdentifiedModel, id_of: IdOf) -> None:
        for name, form in self._forms:
            try:
                form.encode(_values([entity], name), Encoding(id_of))
            except Refusal as refusal:
                named = _extra_name(entity, form) if name == EXTRA_FIELD else name
                raise _unstorable(entity, named, refusal.value, refusal.reason) from refusal
            except RecursionError as error:
                value = _values([entity], name)[0]
                raise _unstorable(
                    entity, name, value, "it is nested too deep; flatten it"
                ) from error

    def parse(self, columns: list[Sequence[Any]]) -> list[UUID]:
        """Ready the columns that hold references, in place, and tell the ids that they pin.

        Raises:
            Undecodable: when a stored form is broken.
        """
        pinned: list[UUID] = []
        for index, parse, pins in self._parsers:
            column = parse(list(columns[index]))
            columns[index] = column
            pins(column, pinned)
        return pinned

    def decode(
        self, parsed: Sequence[Sequence[Any]], count: int, run: Decoding
    ) -> list[dict[str, Any]]:
        """The field values of `count` rows whose columns went through `parse`, excluded fields included.

        Raises:
            Undecodable: when a stored form is broken.
            Dangling: when a referenced entity is not among the run's.
        """
        columns = [
            form.decode(list(column), run)
            for (_, form), column in zip(self._forms, parsed, strict=True)
        ]
        names = [name for name, _ in self._forms]
        rows = zip(*columns, strict=True) if columns else iter([()] * count)
        values = [dict(zip(names, row, strict=True)) for row in rows]
        for name, default in self.spec.excluded:
            for own in values:
                own[name] = default(own)
        return values

    def fill(
        self, entity: IdentifiedModel, bookkeeping: dict[str, Any], values: dict[str, Any]
    ) -> None:
        """Set all of an instance's fields; neither `__init__` nor a validator runs."""
        extra = values.pop(EXTRA_FIELD) if self._has_extra else None
        set_slot = object.__setattr__
        bookkeeping.update(
            values if self._order is None else {name: values[name] for name in self._order}
        )
        set_slot(entity, "__dict__", bookkeeping)
        set_slot(entity, "__pydantic_fields_set__", set(self.stored_names))
        set_slot(entity, "__pydantic_extra__", extra)
        set_slot(entity, "__pydantic_private__", None)

    def renewed(self, content: Content) -> Content | None:
        """A content that an older version of the class wrote, as this one writes it; None if undecodable."""
        columns: list[Sequence[Any]] = [[value] for value in content]
        try:
            self.parse(columns)
            run = Decoding(AllPinned())
            encoding = Encoding(pinned_id)
            return tuple(
                form.encode(form.decode(list(column), run), encoding)[0]
                for (_, form), column in zip(self._forms, columns, strict=True)
            )
        except (Undecodable, Refusal):
            return None

    def same_content(self, new: Content, stored: Content) -> bool:
        """Whether a stored content is the new one, in today's form or in an older one."""
        return new == stored or self.renewed(stored) == new

    def located(
        self,
        ecs_ids: Sequence[UUID],
        contents: Sequence[Content],
        error: Undecodable | Dangling,
        run: Decoding,
    ) -> Exception:
        """The error of a load as one that names entity and column."""
        for ecs_id, content in zip(ecs_ids, contents, strict=True):
            for item, value in zip(self.spec.fields, content, strict=True):
                try:
                    _decode_one(item, value, run)
                except Undecodable as fault:
                    return StoredValueError(
                        self.spec.entity_class, ecs_id, item.column_name, value, fault.reason
                    )
                except Dangling as fault:
                    return MissingReferenceError(
                        self.spec.entity_class, ecs_id, item.column_name, fault.target
                    )
        return error  # pragma: no cover - a column fails only where one of its values does


def _decode_one(item: FieldSpec, value: Any, run: Decoding) -> None:
    form = item.column.form
    column = [value] if form.parse is None else form.parse([value])
    form.decode(column, run)


def _instance_order(spec: EntitySpec) -> list[str] | None:
    """The class's own order of fields, where it is not that of the columns."""
    excluded = [name for name, _ in spec.excluded]
    stored = [item.name for item in spec.fields if item.name != EXTRA_FIELD]
    wished = [name for name in spec.entity_class.model_fields if name not in BOOKKEEPING_FIELDS]
    return None if wished == [*stored, *excluded] else wished


def _values(entities: Sequence[IdentifiedModel], name: str) -> list[Any]:
    if name == EXTRA_FIELD:
        return [entity.__pydantic_extra__ or {} for entity in entities]
    try:
        return [entity.__dict__[name] for entity in entities]
    except KeyError:
        entity = next(entity for entity in entities if name not in entity.__dict__)
        raise _unstorable(entity, name, None, "the field is not set; set it") from None


def _extra_name(entity: IdentifiedModel, form: ColumnForm) -> str:
    """Which of the entity's extra values is refused."""
    for name, value in (entity.__pydantic_extra__ or {}).items():
        try:
            form.encode([{name: value}], Encoding(pinned_id))
        except Refusal:
            return name
    return EXTRA_FIELD  # pragma: no cover - a dict is refused only where one of its items is


def _unstorable(
    entity: IdentifiedModel, field: str, value: Any, reason: str
) -> UnstorableValueError:
    return UnstorableValueError(type(entity), entity.ecs_id, field, value, reason)


def codec_of(entity_class: EntityClass) -> EntityCodec:
    """The codec of one concrete class.

    Raises:
        MappingError: when the class cannot be mapped.
    """
    found = vars(entity_class).get("__ecs_codec__")
    if found is None:
        found = EntityCodec(spec_of(entity_class))
        type.__setattr__(entity_class, "__ecs_codec__", found)
    return cast("EntityCodec", found)
