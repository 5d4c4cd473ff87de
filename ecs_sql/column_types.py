"""Types of columns as plain SQLAlchemy code sees them: a field's Python values, in and out.

The storage itself goes by the canonical types below them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Column, Dialect
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import ClauseElement, ColumnElement
from sqlalchemy.types import Numeric, TypeDecorator, TypeEngine

from ecs_sql.codecs import sqltypes
from ecs_sql.codecs.base import (
    Decoding,
    Encoding,
    Refusal,
    Undecodable,
    dump_json,
    load_json,
    only_of_type,
)
from ecs_sql.codecs.chunks import IDS, Chunk, Chunking, restored, roots
from ecs_sql.codecs.columns import HIDDEN, FieldColumn, SecretCodec
from ecs_sql.codecs.references import AllPinned, pinned_id
from ecs_sql.codecs.scalars import parse_uuids
from ecs_sql.codecs.wishes import ExactNumeric
from ecs_sql.errors import StoredValueError
from ecs_sql.identity import IdentifiedModel


class InChunks:
    """A value that stands in chunks, as a result has it until they are read.

    Attributes:
        pointer: what stands in the column.
    """

    __slots__ = ("_name", "_python_value", "pointer")

    def __init__(self, pointer: str | bytes, name: str, python_value: Callable[[Any], Any]) -> None:
        self.pointer = pointer
        self._name = name
        self._python_value = python_value

    def __repr__(self) -> str:
        return f"<{self._name} in chunks: {self.pointer!r}>"

    def read(
        self,
        chunks: Mapping[str, Chunk],
        entity_class: type | None = None,
        ecs_id: UUID | None = None,
    ) -> Any:
        """The value.

        Args:
            chunks: those below the pointer.
            entity_class: whose value it is, where that is known, for the error.
            ecs_id: the version's id, likewise.

        Raises:
            StoredValueError: when a chunk is missing or damaged, or the value does not decode.
        """
        try:
            canonical = restored(self.pointer, chunks)
        except Undecodable as fault:
            raise StoredValueError(
                entity_class, ecs_id, self._name, self.pointer, fault.reason
            ) from fault
        return self._python_value(canonical)


def in_chunks(pointer: str | bytes, name: str, python_value: Callable[[Any], Any]) -> Any:
    """What a pointer or literal in a column is to plain SQLAlchemy code."""
    value = InChunks(pointer, name, python_value)
    return value if roots(pointer) else value.read({})


class _AsStored:
    """What stands in a column, where a value of the field is expected."""

    def __init__(self, stored: Any) -> None:
        self.stored = stored


class _LargeComparator(TypeDecorator.Comparator[Any]):
    """`==`, `!=`, `in_` and `not_in` find large values whole and in chunks: both stand in databases."""

    def operate(self, op: Any, *other: Any, **options: Any) -> ColumnElement[Any]:
        """The operation."""
        if op in _MEMBERSHIP and isinstance(other[0], list | tuple | set | frozenset):
            values, op = list(other[0]), _MEMBERSHIP[op]
        elif op in _EQUALITY:
            values = [other[0]]
        else:
            return super().operate(op, *other, **options)
        pointers = cast("FieldType", self.type).pointers_to(values)
        if not pointers:
            return super().operate(op, *other, **options)
        listed = _EQUALITY.get(op, op)
        return super().operate(listed, [*values, *pointers], **options)


_EQUALITY: dict[Any, Any] = {operators.eq: operators.in_op, operators.ne: operators.not_in_op}
_MEMBERSHIP: dict[Any, Any] = {op: op for op in _EQUALITY.values()}


def _is_sql(value: Any) -> bool:
    return isinstance(value, ClauseElement) or hasattr(value, "__clause_element__")


@cache
def _large_comparator(canonical: type) -> type:
    """The comparator over that of a canonical type."""
    return type("LargeComparator", (_LargeComparator, canonical), {})


class FieldType(TypeDecorator[Any]):
    """A field's Python values in plain SQLAlchemy code; a reference's are the ids that it pins.

    Where a subclass redefines the field, its values are taken and read as well.
    """

    impl = sqltypes.JsonText
    cache_ok = True
    coerce_to_is_types = (type(None), bool)

    def __init__(self, column: FieldColumn, name: str) -> None:
        self.column = column
        self.name = name
        self.redefined: list[FieldColumn] = []
        super().__init__()
        # Expressions reckon and compare as the canonical type does.
        self.impl = self.impl_instance = cast("Any", column.form.sql_type)

    @property
    def canonical(self) -> TypeEngine[Any]:
        """The SQL type that takes canonical column values."""
        return self.column.form.sql_type

    @property
    def comparator_factory(self) -> Any:  # type: ignore[override]  # pyright: ignore[reportIncompatibleVariableOverride]
        """Compares as the canonical type does, large values in both their forms."""
        if self.column.chunking is None:
            return super().comparator_factory
        return _large_comparator(cast("Any", self.impl_instance.comparator_factory))

    def pointers_to(self, values: list[Any]) -> list[_AsStored]:
        """What stands in the column for those of the field's values that are stored in chunks."""
        chunking = self.column.chunking
        found: list[_AsStored] = []
        if chunking is None or any(isinstance(value, _AsStored) for value in values):
            return found
        for value in values:
            if value is None or _is_sql(value):
                continue
            try:
                canonical = self._canonical(value)
            except (ValueError, TypeError, AttributeError):  # said when the statement runs
                continue
            if len(canonical) > chunking.threshold:
                found += map(_AsStored, chunking.shortened([canonical], {}))
        return found

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The canonical type."""
        return self.canonical

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """JSON is read as the text that the column holds."""
        if isinstance(self.canonical, sqltypes.JsonText):
            return sqltypes.read_as_text(column, self)
        return column

    def coerce_compared_value(self, op: Any, value: Any) -> TypeEngine[Any]:
        """Whatever is compared with the column is a value of the field."""
        return self

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """The canonical value of a field's value.

        Raises:
            ValueError: when the field cannot have the value.
        """
        if isinstance(value, _AsStored):
            return value.stored
        if value is None and (self.column.nullable or not self.column.codec.may_be_null):
            return None
        canonical, chunking = self._canonical(value), self.column.chunking
        return canonical if chunking is None else chunking.uncut([canonical])[0]

    def _canonical(self, value: Any) -> Any:
        refusal: Refusal | None = None
        for column in (self.column, *self.redefined):
            try:
                return _canonical(column, value)
            except Refusal as error:
                refusal = refusal or error
        shown = HIDDEN if isinstance(self.column.codec, SecretCodec) else value
        raise ValueError(f"{shown!r}: {refusal and refusal.reason}") from refusal

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """The field's value of a canonical one; ids of references.

        Raises:
            StoredValueError: when the stored value does not decode.
        """
        chunking = self.column.chunking
        if chunking is not None and chunking.pointers([value]):
            return in_chunks(value, self.name, self._python_value)
        return None if value is None else self._python_value(value)

    def _python_value(self, value: Any) -> Any:
        if type(value) is Decimal and not isinstance(self.canonical, Numeric | ExactNumeric):
            return (
                int(value) if value == value.to_integral_value() else float(value)
            )  # of func.sum, func.avg
        fault: Undecodable | None = None
        for column in (self.column, *self.redefined):
            try:
                return python_value(column, value)
            except Undecodable as error:
                fault = fault or error
        reason = "" if fault is None else fault.reason
        raise StoredValueError(None, None, self.name, value, reason) from fault


def _canonical(column: FieldColumn, value: Any) -> Any:
    if column.kind == "id":
        return _id(value)
    if column.kind == "ids":
        return dump_json([str(_id(item)) for item in value])
    if column.codec.holds_references:
        return dump_json(value)
    return column.form.encode([value], Encoding(pinned_id))[0]


def _id(value: Any) -> UUID:
    ecs_id = value.ecs_id if isinstance(value, IdentifiedModel) else value
    only_of_type([ecs_id], UUID)
    return cast("UUID", ecs_id)


def python_value(column: FieldColumn, canonical: Any) -> Any:
    """A canonical value as a row shows it: the field's value, or the ids of references in its place."""
    if column.kind == "id":
        return canonical
    if column.kind == "ids":
        return parse_uuids(load_json(canonical))
    if column.codec.holds_references:
        return load_json(canonical)
    return column.form.decode([canonical], Decoding(AllPinned()))[0]


def canonical_type(column: Column[Any]) -> TypeEngine[Any]:
    """The type of a column's canonical values, below what plain SQLAlchemy code sees."""
    return column.type.canonical if isinstance(column.type, FieldType) else column.type


class OldIds(TypeDecorator[list[UUID]]):
    """Ancestors as a JSON list of UUID strings."""

    impl = sqltypes.JsonText
    cache_ok = True

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """The text that the column holds."""
        return sqltypes.read_as_text(column, self)

    def process_bind_param(self, value: list[UUID] | None, dialect: Dialect) -> str | None:
        """The JSON text."""
        return None if value is None else dump_json([str(ecs_id) for ecs_id in value])

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """The ids."""
        if value is None or not IDS.pointers([value]):
            return None if value is None else self._ids(value)
        return in_chunks(value, "old_ids", self._ids)

    def _ids(self, value: str) -> list[UUID]:
        try:
            return parse_uuids(load_json(value))
        except Undecodable as fault:
            raise StoredValueError(None, None, "old_ids", value, fault.reason) from fault


def chunking_of(column: Column[Any]) -> Chunking | None:
    """How a column's large values are cut, if they are."""
    if isinstance(column.type, OldIds):
        return IDS
    return column.type.column.chunking if isinstance(column.type, FieldType) else None
