"""A column type that a field wishes for, fitted to what its annotation holds; never a silent narrowing.

Lengths, integer widths and `Numeric(p, s)` are checked before writing. A type decorator or a type of the
application's own is given the field's Python value and has to give it back.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation, localcontext
from typing import Any

from sqlalchemy import Dialect
from sqlalchemy import types as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeDecorator, TypeEngine

from ecs_sql.codecs import sqltypes
from ecs_sql.codecs.base import (
    ColumnForm,
    Decoding,
    Encoding,
    Refusal,
    UnsupportedNode,
    only_forms_of_type,
    only_of_type,
)
from ecs_sql.codecs.references import AllPinned, pinned_id
from ecs_sql.codecs.times import NativeDatetimeCodec
from ecs_sql.nodes import DatetimeNode, Node, ReferenceNode, ScalarNode, SecretNode

MAX_VARCHAR = 16_383
"""Characters of four bytes that MariaDB takes in a VARCHAR."""
MAX_PRECISION, MAX_SCALE = 65, 30
"""Digits that MariaDB takes in a DECIMAL, in all and after the point."""
_DOUBLE_BITS = 24
"""A Float of at most this binary precision is a single one on PostgreSQL and MariaDB."""


class OpaqueType(TypeDecorator[Any]):
    """A type of the application's own around a field: it takes and gives the field's Python value."""

    impl = sa.LargeBinary
    cache_ok = True

    def __init__(
        self, wished: TypeEngine[Any], form: ColumnForm, plain: tuple[type, ...] = ()
    ) -> None:
        super().__init__()
        self.wished = wished
        self.form = form
        self.plain = plain

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The application's type."""
        return self.wished

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """The field's value of a canonical one."""
        return None if value is None else self.form.decode([value], Decoding(AllPinned()))[0]

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """The canonical value of a field's own."""
        if (
            value is None or type(value) in self.plain
        ):  # the text of a secret is its canonical value
            return value
        return self.form.encode([value], Encoding(pinned_id))[0]


class ExactNumeric(TypeDecorator[Decimal]):
    """Decimals of fixed precision and scale: native, but text on SQLite, which would round them."""

    impl = sa.Numeric
    cache_ok = True
    comparator_factory: Any = sqltypes.DecimalComparator

    def __init__(self, precision: int, scale: int) -> None:
        super().__init__(precision, scale)
        self.precision = precision
        self.scale = scale

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """A type that keeps every digit."""
        if dialect.name == "sqlite":
            return sa.Text()
        return sa.Numeric(self.precision, self.scale)

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """The decimal, or its text."""
        return str(value) if dialect.name == "sqlite" and value is not None else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """The decimal, with its scale."""
        return None if value is None else _decimal(value)


def _decimal(value: Any) -> Any:
    try:
        return Decimal(value)
    except (InvalidOperation, TypeError):
        return value  # the column's decode refuses it by name


def fitted(
    form: ColumnForm, node: Node, wish: TypeEngine[Any] | type[TypeEngine[Any]]
) -> ColumnForm:
    """The column form of a field with the type that the field wishes for.

    Raises:
        UnsupportedNode: when the type cannot hold every value of the annotation, or nothing tells.
    """
    type_ = wish() if isinstance(wish, type) else wish
    if isinstance(node, ReferenceNode) or form.pins is not None:
        raise _misfit(
            node,
            type_,
            "a reference has a column of its own kind; wish for a name or an index only",
        )
    for family, fit in _FITS:
        if isinstance(type_, family):
            return fit(form, node, type_)
    raise _misfit(node, type_, "it is not known to keep every value; use one of the generic types")


def _misfit(node: Node, type_: TypeEngine[Any], advice: str) -> UnsupportedNode:
    """Why a wish does not fit, and the remedy after the last semicolon of the advice."""
    why, _, remedy = advice.rpartition("; ")
    reason = f"the column type {type_!r} does not fit {node.name}{why and f', since {why}'}"
    return UnsupportedNode(node, reason, remedy)


def _with_check(
    form: ColumnForm, sql_type: TypeEngine[Any], fits: Callable[[Any], bool], reason: str
) -> ColumnForm:
    def encode(values: list[Any], run: Encoding) -> list[Any]:
        canonical = form.encode(values, run)
        for value, stored in zip(values, canonical, strict=True):
            if not fits(stored):
                raise Refusal(value, reason)
        return canonical

    return ColumnForm(sql_type, encode, form.decode)


def _opaque(form: ColumnForm, node: Node, type_: TypeEngine[Any]) -> ColumnForm:
    plain = (str, bytes) if isinstance(node, SecretNode) else ()
    return ColumnForm(OpaqueType(type_, form, plain), form.encode, form.decode)


def _enum(form: ColumnForm, node: Node, type_: sa.Enum) -> ColumnForm:
    if type_.native_enum:
        raise _misfit(
            node,
            type_,
            "PostgreSQL would need a type of that name made first; add native_enum=False",
        )
    return _opaque(form, node, type_)


def _string(form: ColumnForm, node: Node, type_: sa.String) -> ColumnForm:
    if form.sql_type not in (sqltypes.TEXT, sqltypes.DECIMAL_TEXT):
        raise _misfit(node, type_, "its values are no text; leave the type out")
    if isinstance(type_, (sa.CHAR, sa.NCHAR)):
        raise _misfit(node, type_, "CHAR pads and cuts blanks; use String")
    if type_.length is None:
        return form
    length = _checked_length(node, type_, type_.length)
    if length > MAX_VARCHAR:
        raise _misfit(node, type_, f"MariaDB takes at most {MAX_VARCHAR} characters; use Text")
    return _with_check(
        form,
        type_,
        lambda text: len(text) <= length,
        f"it is longer than {length} characters; shorten it",
    )


def _checked_length(node: Node, type_: TypeEngine[Any], length: object) -> int:
    if type(length) is not int or length < 1:
        raise _misfit(node, type_, "its length is no whole number from 1 on; give one")
    return length


def _integer(form: ColumnForm, node: Node, type_: sa.Integer) -> ColumnForm:
    if form.sql_type is not sqltypes.INTEGER:
        raise _misfit(node, type_, "its values are no integers; leave the type out")
    if isinstance(type_, sa.BigInteger):
        return form
    bits = 16 if isinstance(type_, sa.SmallInteger) else 32
    limit = 2 ** (bits - 1)
    return _with_check(
        form,
        type_,
        lambda number: -limit <= number < limit,
        f"it has over {bits} bits; use BigInteger",
    )


def _float(form: ColumnForm, node: Node, type_: sa.Float[Any]) -> ColumnForm:
    if form.sql_type is not sqltypes.FLOAT:
        raise _misfit(node, type_, "its values are no floats; leave the type out")
    if isinstance(type_, sa.REAL) or (type_.precision or _DOUBLE_BITS + 1) <= _DOUBLE_BITS:
        raise _misfit(node, type_, "it has half of a float's digits; use Double")
    return form


def _numeric(form: ColumnForm, node: Node, type_: sa.Numeric[Any]) -> ColumnForm:
    if not (isinstance(node, ScalarNode) and node.type is Decimal):
        raise _misfit(node, type_, "its values are no decimals; leave the type out")
    precision, scale = type_.precision, type_.scale
    if precision is None or scale is None:
        raise _misfit(node, type_, "say precision and scale, as in Numeric(12, 2)")
    if not (0 <= scale <= min(precision, MAX_SCALE) and precision <= MAX_PRECISION):
        raise _misfit(
            node,
            type_,
            f"MariaDB takes at most {MAX_PRECISION} digits, {MAX_SCALE} of them decimals",
        )
    return _numeric_form(precision, scale)


def _numeric_form(precision: int, scale: int) -> ColumnForm:
    step = Decimal(1).scaleb(-scale)

    def quantized(value: Decimal) -> Decimal:
        with localcontext() as context:
            context.prec = MAX_PRECISION + MAX_SCALE
            try:
                result = value.quantize(step)
            except InvalidOperation:
                result = None
        if result is None or result != value or len(result.as_tuple().digits) > precision:
            raise Refusal(value, f"it does not fit Numeric({precision}, {scale}); round it")
        return result + 0  # minus zero is zero

    def encode(values: list[Any], run: Encoding) -> list[Any]:
        only_of_type(values, Decimal)
        return list(map(quantized, values))

    def decode(values: list[Any], run: Decoding) -> list[Any]:
        only_forms_of_type(values, Decimal)
        return values

    return ColumnForm(ExactNumeric(precision, scale), encode, decode)


def _datetime(form: ColumnForm, node: Node, type_: sa.DateTime) -> ColumnForm:
    if not isinstance(node, DatetimeNode):
        raise _misfit(node, type_, "its values are no datetimes; leave the type out")
    native = NativeDatetimeCodec(
        aware=type_.timezone if node.kind == "any" else node.kind == "aware"
    ).column
    if native is None or (node.kind == "naive" and type_.timezone):
        raise _misfit(node, type_, "naive datetimes have no zone; use DateTime()")
    return native


def _binary(form: ColumnForm, node: Node, type_: sa.LargeBinary) -> ColumnForm:
    if form.sql_type is not sqltypes.BYTES:
        raise _misfit(node, type_, "its values are no bytes; leave the type out")
    if type_.length is None:
        return form
    length = _checked_length(node, type_, type_.length)
    return _with_check(
        form,
        form.sql_type,
        lambda data: len(data) <= length,
        f"it is longer than {length} bytes; shorten it",
    )


def _same(kind: TypeEngine[Any]) -> Callable[[ColumnForm, Node, Any], ColumnForm]:
    def fit(form: ColumnForm, node: Node, type_: Any) -> ColumnForm:
        if form.sql_type is not kind:
            raise _misfit(node, type_, "its values are of another kind; leave the type out")
        return form

    return fit


def _uuid(form: ColumnForm, node: Node, type_: sa.Uuid[Any]) -> ColumnForm:
    if form.sql_type is not sqltypes.UUID_TYPE:
        raise _misfit(node, type_, "its values are no UUIDs; leave the type out")
    if not type_.as_uuid:
        raise _misfit(node, type_, "the field holds UUIDs; leave as_uuid=False out")
    if type_.native_uuid:
        return form
    return ColumnForm(type_, form.encode, form.decode)


def _refused(reason: str) -> Callable[[ColumnForm, Node, Any], ColumnForm]:
    def fit(form: ColumnForm, node: Node, type_: Any) -> ColumnForm:
        raise _misfit(node, type_, reason)

    return fit


# The first family that the type belongs to decides: subclasses stand before their bases.
_FITS: tuple[tuple[Any, Callable[[ColumnForm, Node, Any], ColumnForm]], ...] = (
    (TypeDecorator, _opaque),
    (sa.UserDefinedType, _opaque),
    (postgresql.JSONB, _refused("JSONB reorders keys and rounds numbers; use JSON")),
    (sa.JSON, _same(sqltypes.JSON_TEXT)),
    (sa.Enum, _enum),
    (sa.String, _string),
    (sa.Integer, _integer),
    (sa.Float, _float),
    (sa.Numeric, _numeric),
    (sa.Boolean, _same(sqltypes.BOOLEAN)),
    (sa.DateTime, _datetime),
    (sa.Date, _same(sqltypes.DATE)),
    (sa.LargeBinary, _binary),
    (sa.Uuid, _uuid),
)
