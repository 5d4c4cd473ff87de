"""bool, int, float, str, bytes, Decimal, UUID and None."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any
from uuid import UUID

from pydantic import ByteSize
from pydantic_core import SchemaValidator, ValidationError, core_schema
from sqlalchemy.types import TypeEngine

from ecs_sql.codecs import sqltypes
from ecs_sql.codecs.base import (
    Build,
    Codec,
    ColumnForm,
    Decoding,
    Encoding,
    Refusal,
    Undecodable,
    json_texts,
    only_forms_of_type,
    only_of_type,
    registry,
)
from ecs_sql.nodes import NoneNode, ScalarNode

MIN_INT64, MAX_INT64 = -(2**63), 2**63 - 1


def check_texts(values: list[Any]) -> None:
    """Refuse what some database cannot hold as text: NUL and lone surrogates. All values are str."""
    joined = "".join(values)
    if "\0" in joined:
        raise Refusal(next(v for v in values if "\0" in v), "it holds a NUL character; remove it")
    if not joined.isascii():
        try:
            joined.encode()
        except UnicodeEncodeError as error:
            raise Refusal(
                next(v for v in values if _has_surrogate(v)), "it holds a lone surrogate; remove it"
            ) from error


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


MAX_INT_BITS = 14_280
"""Integers of more bits have over 4,300 digits, which Python itself refuses to read as text."""


def check_digits(values: list[int]) -> None:
    """Refuse integers too long to be read back from JSON."""
    if values and max(map(int.bit_length, values)) > MAX_INT_BITS:
        raise Refusal(
            next(v for v in values if v.bit_length() > MAX_INT_BITS),
            "it has over 4,300 digits; use bytes",
        )


def check_int64(values: list[int]) -> None:
    """Refuse integers that do not fit a column of 64 bits."""
    if values and not (min(values) >= MIN_INT64 and max(values) <= MAX_INT64):
        raise Refusal(
            next(v for v in values if not MIN_INT64 <= v <= MAX_INT64),
            "it has over 64 bits; annotate the field as Decimal or str",
        )


class ExactCodec(Codec):
    """Values of one exact type that JSON has too: bool and str."""

    forms_are_values = True

    def __init__(self, type_: type, sql_type: TypeEngine[Any]) -> None:
        self._type = type_
        self.exact_types = frozenset({type_})
        self.column = ColumnForm(sql_type, self.encode, self.decode).keeping(type_)

    def accepts(self, value_type: type) -> bool:
        return value_type is self._type

    def encode(self, values: list[Any], run: Encoding) -> list[Any]:
        only_of_type(values, self._type)
        return values

    def decode(self, forms: list[Any], run: Decoding) -> list[Any]:
        only_forms_of_type(forms, self._type)
        return forms


class StrCodec(ExactCodec):
    """Text without NUL and lone surrogates."""

    text_forms = True

    def __init__(self) -> None:
        super().__init__(str, sqltypes.TEXT)

    def encode(self, values: list[Any], run: Encoding) -> list[Any]:
        only_of_type(values, str)
        check_texts(values)
        return values


class IntCodec(ExactCodec):
    """Integers: of any size inside JSON, of 64 bits in a column of their own."""

    def __init__(self) -> None:
        super().__init__(int, sqltypes.INTEGER)
        self.column = ColumnForm(sqltypes.INTEGER, self._encode_column, self.decode).keeping(int)

    def encode(self, values: list[Any], run: Encoding) -> list[Any]:
        only_of_type(values, int)
        check_digits(values)
        return values

    def _encode_column(self, values: list[Any], run: Encoding) -> list[Any]:
        only_of_type(values, int)
        check_int64(values)
        return values


class FloatCodec(ExactCodec):
    """Finite floats; an int is the float that it equals, and -0.0 is 0.0."""

    forms_are_values = False

    def __init__(self) -> None:
        super().__init__(float, sqltypes.FLOAT)

    def accepts(self, value_type: type) -> bool:
        return value_type is float or value_type is int

    def encode(self, values: list[Any], run: Encoding) -> list[Any]:
        if not run.strict and int in set(map(type, values)):
            values = [_float_of_int(value) if type(value) is int else value for value in values]
        only_of_type(values, float)
        if not all(map(isfinite, values)):
            raise Refusal(
                next(v for v in values if not isfinite(v)), "it is no finite number; use None"
            )
        return [value + 0.0 for value in values]  # adding zero turns -0.0 into 0.0

    def decode(self, forms: list[Any], run: Decoding) -> list[Any]:
        only_forms_of_type(forms, float)
        if not all(map(isfinite, forms)):
            form = next(form for form in forms if not isfinite(form))
            raise Undecodable(form, "it is no finite number")
        return forms


def _float_of_int(value: int) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = 0.0
    if number != value:
        raise Refusal(value, "no float equals this int; annotate the field as int or Decimal")
    return number


class TextualCodec(Codec):
    """Values of one exact type (or a few) that are kept as text."""

    text_forms = True

    def __init__(
        self,
        types: tuple[type, ...],
        to_text: Callable[[Any], str],
        from_text: Callable[[str], Any],
        sql_type: TypeEngine[Any] = sqltypes.TEXT,
    ) -> None:
        self._types = types
        self._type_set = frozenset(types)
        self._to_text = to_text
        self._from_text = from_text
        self.column = ColumnForm(sql_type, self.encode, self.decode).decoding_one(self._decode_one)

    def accepts(self, value_type: type) -> bool:
        return value_type in self._types

    def encode(self, values: list[Any], run: Encoding) -> list[Any]:
        if not set(map(type, values)) <= self._type_set:
            only_of_type([v for v in values if type(v) not in self._type_set], self._types[0])
        texts = self._to_texts(values)
        check_texts(texts)
        return texts

    def _to_texts(self, values: list[Any]) -> list[str]:
        return list(map(self._to_text, values))

    def decode(self, forms: list[Any], run: Decoding) -> list[Any]:
        only_forms_of_type(forms, str)
        try:
            return list(map(self._from_text, forms))
        except (ValueError, TypeError, ArithmeticError, KeyError, Undecodable):
            return [self._decoded(form) for form in forms]

    def _decode_one(self, form: Any) -> Any:
        if type(form) is not str:
            only_forms_of_type([form], str)
        return self._from_text(form)

    def _decoded(self, form: str) -> Any:
        try:
            return self._from_text(form)
        except (ValueError, TypeError, ArithmeticError, KeyError) as error:
            raise Undecodable(form, str(error) or type(error).__name__) from error


def _decimal_text(value: Decimal) -> str:
    if not value.is_finite():
        raise Refusal(value, "it is no finite number; use None")
    return str(value)


def _decimal(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise Undecodable(text, "it is no decimal number") from error
    if not value.is_finite():
        raise Undecodable(text, "it is no finite number")
    return value


class UuidCodec(TextualCodec):
    """UUIDs: native in a column of their own where the database has the type."""

    def __init__(self) -> None:
        super().__init__((UUID,), str, UUID)
        self.column = ColumnForm(
            sqltypes.UUID_TYPE, self._encode_column, self._decode_column
        ).keeping(UUID)

    def _to_texts(self, values: list[Any]) -> list[str]:
        return json_texts(values)

    def _encode_column(self, values: list[Any], run: Encoding) -> list[Any]:
        only_of_type(values, UUID)
        return values

    def _decode_column(self, values: list[Any], run: Decoding) -> list[Any]:
        only_forms_of_type(values, UUID)
        return values

    def decode(self, forms: list[Any], run: Decoding) -> list[Any]:
        only_forms_of_type(forms, str)
        return parse_uuids(forms)


uuid_list = SchemaValidator(core_schema.list_schema(core_schema.uuid_schema()))


parse_uuid = SchemaValidator(core_schema.uuid_schema()).validate_python
"""The UUID of one text."""


def parse_uuids(texts: Sequence[Any]) -> list[UUID]:
    """The UUIDs of a list of texts, in one compiled call.

    Raises:
        Undecodable: when one is no UUID.
    """
    try:
        uuids: list[UUID] = uuid_list.validate_python(texts)
    except ValidationError as error:
        raise Undecodable(error.errors()[0]["input"], "it is no UUID") from error
    return uuids


class BytesCodec(TextualCodec):
    """Bytes: a binary column of their own, base64 inside JSON."""

    def __init__(self) -> None:
        super().__init__((bytes,), lambda value: base64.b64encode(value).decode(), _bytes)
        self.column = ColumnForm(sqltypes.BYTES, self._encode_column, self._decode_column).keeping(
            bytes
        )

    def _encode_column(self, values: list[Any], run: Encoding) -> list[Any]:
        only_of_type(values, bytes)
        return values

    def _decode_column(self, values: list[Any], run: Decoding) -> list[Any]:
        only_forms_of_type(values, bytes)
        return values


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise Undecodable(text, "it is not base64") from error


class ByteSizeCodec(IntCodec):
    """pydantic's ByteSize, an int with its own class."""

    forms_are_values = False

    def accepts(self, value_type: type) -> bool:
        return value_type is ByteSize

    def __init__(self) -> None:
        super().__init__()
        self.exact_types = frozenset()
        self.column = ColumnForm(sqltypes.INTEGER, self._encode_column, self.decode)

    def encode(self, values: list[Any], run: Encoding) -> list[Any]:
        only_of_type(values, ByteSize)
        return [int(value) for value in values]

    def _encode_column(self, values: list[Any], run: Encoding) -> list[Any]:
        return super()._encode_column(self.encode(values, run), run)

    def decode(self, forms: list[Any], run: Decoding) -> list[Any]:
        return [ByteSize(value) for value in super().decode(forms, run)]


class NoneCodec(Codec):
    """None alone."""

    may_be_null = True

    def accepts(self, value_type: type) -> bool:
        return value_type is type(None)

    def encode(self, values: list[Any], run: Encoding) -> list[Any]:
        only_of_type(values, type(None))
        return values

    def decode(self, forms: list[Any], run: Decoding) -> list[Any]:
        only_forms_of_type(forms, type(None))
        return forms


def _always(codec: Codec) -> Callable[[ScalarNode | NoneNode, Build], Codec]:
    return lambda node, build: codec


registry.register(bool, _always(ExactCodec(bool, sqltypes.BOOLEAN)))
registry.register(int, _always(IntCodec()))
registry.register(float, _always(FloatCodec()))
registry.register(str, _always(StrCodec()))
registry.register(bytes, _always(BytesCodec()))
registry.register(UUID, _always(UuidCodec()))
registry.register(ByteSize, _always(ByteSizeCodec()))
registry.register(NoneNode, _always(NoneCodec()))
registry.register(
    Decimal, _always(TextualCodec((Decimal,), _decimal_text, _decimal, sqltypes.DECIMAL_TEXT))
)
