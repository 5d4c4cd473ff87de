"""Entities of one class to rows of canonical column values, and back, whole columns at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat
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
from ecs_sql.codecs.rowwise import Conversion, row_function
from ecs_sql.errors import MissingReferenceError, StoredValueError, UnstorableValueError
from ecs_sql.fields import EXTRA_FIELD, EntityClass, EntitySpec, FieldSpec, spec_of
from ecs_sql.identity import BOOKKEEPING_FIELDS, IdentifiedModel, Identity
from ecs_sql.instances import dict_maker, fill_instance, fill_instances

Content = tuple[Any, ...]
"""The canonical values of an entity's stored fields, in the order of its columns."""
Values = Sequence[Any]
"""Values of one kind, of one row after the other."""
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
        self.may_have_children = bool(self._walkers)
        """Whether `children` can find any."""
        self.stored_names = frozenset(
            {*BOOKKEEPING_FIELDS, *(item.name for item in spec.fields if item.name != EXTRA_FIELD)}
        )
        self._fields_set: frozenset[str] | None = self.stored_names
        if getattr(spec.entity_class, "__getattr__", None) is vars(IdentifiedModel)["__getattr__"]:
            type.__setattr__(spec.entity_class, "__ecs_stored_names__", self.stored_names)
            self._fields_set = None  # the class makes it when somebody asks
        self._layout = _Layout(spec)
        self._fields_of: Callable[..., dict[str, Any]] | None = None
        self._decodes_alone = False
        self.holds_references = bool(self._parsers)
        self.is_simple = not (
            self.holds_references
            or spec.excluded
            or self._layout.extra is not None
            or spec.entity_class.__pydantic_post_init__
        )
        """Whether an entity is made of its own row alone: it refers to none, and nothing is left to do then."""

    def children(self, entity: IdentifiedModel) -> Sequence[IdentifiedModel]:
        """The entities that this one refers to, by field, in order, as often as it does."""
        values = entity.__dict__
        found = Found()
        for name, walk in self._walkers:
            value = values.get(name)
            if value is not None:
                walk(value, found)
        return found

    def encode(
        self,
        entities: Sequence[IdentifiedModel],
        id_of: IdOf,
        known: Sequence[Content] = (),
    ) -> list[Content]:
        """The contents of the entities, their references under the ids that `id_of` gives.

        Args:
            entities: of the codec's class.
            id_of: the id of an entity that is referred to.
            known: what the contents of these entities were; values that are still the same objects, and cannot
                have changed, are not looked at again.

        Raises:
            UnstorableValueError: when a value cannot be kept.
        """
        try:
            return self._encode(entities, id_of, known)
        except (Refusal, RecursionError):
            for entity in entities:
                self._encode_one(entity, id_of)
            raise  # pragma: no cover - a list is refused only where one of its values is

    def _encode(
        self, entities: Sequence[IdentifiedModel], id_of: IdOf, known: Sequence[Content]
    ) -> list[Content]:
        run, dicts = Encoding(id_of), _dicts(entities)
        before = list(zip(*known, strict=True)) if known else repeat(())
        columns: list[Sequence[Any]] = []
        for (name, form), old in zip(self._forms, before, strict=False):
            values = _values(entities, dicts, name)
            is_known = old and form.is_unchanged is not None and form.is_unchanged(values, old)
            columns.append(old if is_known else form.encode(values, run))
        return list(zip(*columns, strict=True)) if columns else [()] * len(entities)

    def _encode_one(self, entity: IdentifiedModel, id_of: IdOf) -> None:
        for name, form in self._forms:
            try:
                form.encode(_values([entity], _dicts([entity]), name), Encoding(id_of))
            except Refusal as refusal:
                named = _extra_name(entity, form) if name == EXTRA_FIELD else name
                raise _unstorable(entity, named, refusal.value, refusal.reason) from refusal
            except RecursionError as error:
                value = _values([entity], _dicts([entity]), name)[0]
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

    def decode(self, parsed: Sequence[Values], run: Decoding) -> list[Values]:
        """The columns of field values of rows whose columns went through `parse`.

        Raises:
            Undecodable: when a stored form is broken.
            Dangling: when a referenced entity is not among the run's.
        """
        return [
            form.decode(list(column), run)
            for (_, form), column in zip(self._forms, parsed, strict=True)
        ]

    def fill(
        self,
        entities: Sequence[IdentifiedModel],
        bookkeeping: Sequence[Values],
        values: Sequence[Values],
    ) -> None:
        """Set all fields of new instances; neither `__init__` nor a validator runs.

        Args:
            entities: of the codec's class.
            bookkeeping: a column for each field of `Identity`.
            values: the columns that `decode` gave.
        """
        layout = self._layout
        rows = layout.rows(bookkeeping, values)
        extra = repeat(None) if layout.extra is None else values[layout.extra]
        fill_instances(entities, rows, self._fields_set, extra)

    def make(self, row: Sequence[Any]) -> tuple[IdentifiedModel, Decoding | None]:
        """The entity of one row, where the class `is_simple`; what else was made, if anything can be.

        Args:
            row: a position, the bookkeeping, the content.

        Raises:
            Exception: of any kind, when a stored form is broken; `located` tells which.
        """
        fields_of = self._fields_of or self._compiled()
        run = None if self._decodes_alone else Decoding({})
        entity: IdentifiedModel = object.__new__(self.spec.entity_class)
        fill_instance(entity, fields_of(row, run), self._fields_set, None)
        return entity, run

    def _compiled(self) -> Callable[..., dict[str, Any]]:
        """What makes of one row an entity's fields; for many classes together to compile it takes long."""
        conversions = [form.conversion for _, form in self._forms]
        self._decodes_alone = not any(known.takes_context for known in conversions)
        self._fields_of = self._layout.row_function(conversions)
        return self._fields_of

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
        error: Exception,
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


class _Layout:
    """In which order an instance of a class has its fields, and which columns they come from."""

    def __init__(self, spec: EntitySpec) -> None:
        columns = [*Identity._fields, *(item.name for item in spec.fields)]
        self.extra = (
            columns.index(EXTRA_FIELD) - len(Identity._fields) if EXTRA_FIELD in columns else None
        )
        excluded = dict(spec.excluded)
        self._names = [name for name in spec.entity_class.model_fields if name not in excluded]
        self._dicts = dict_maker(self._names)
        self._places = [columns.index(name) for name in self._names]
        self._defaults = spec.excluded
        self._order = list(spec.entity_class.model_fields)

    def rows(self, bookkeeping: Sequence[Values], values: Sequence[Values]) -> list[dict[str, Any]]:
        """The fields of each instance, excluded ones at their defaults."""
        columns = [*bookkeeping, *values]
        columns[_OLD_IDS] = list(map(list, columns[_OLD_IDS]))
        rows = self._dicts(zip(*[columns[place] for place in self._places], strict=True))
        return list(map(self._completed, rows)) if self._defaults else rows

    def row_function(self, content: Sequence[Conversion]) -> Callable[..., dict[str, Any]]:
        """What makes of one row, its position first, the fields of an instance without excluded ones.

        Args:
            content: how the canonical value of each field becomes its value.
        """
        bookkeeping: list[Conversion | None] = [None] * len(Identity._fields)
        bookkeeping[_OLD_IDS] = Conversion(list, keeps_none=False)
        places = [1 + place for place in self._places]
        return row_function([None, *bookkeeping, *content], places, self._names)

    def _completed(self, stored: dict[str, Any]) -> dict[str, Any]:
        for name, default in self._defaults:
            stored[name] = default(stored)
        return {name: stored[name] for name in self._order}


_OLD_IDS = Identity._fields.index("old_ids")


def _dicts(entities: Sequence[IdentifiedModel]) -> list[Any]:
    return [entity.__dict__ for entity in entities]


def _values(
    entities: Sequence[IdentifiedModel], dicts: Sequence[dict[str, Any]], name: str
) -> list[Any]:
    """The column of one field, or of the extra values."""
    if name == EXTRA_FIELD:
        return [entity.__pydantic_extra__ or {} for entity in entities]
    try:
        return [values[name] for values in dicts]
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
