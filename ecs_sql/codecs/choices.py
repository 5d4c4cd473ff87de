"""Enum, Flag and Literal."""

from __future__ import annotations

import base64
from enum import Enum, Flag
from typing import Any

from ecs_sql.codecs import sqltypes
from ecs_sql.codecs.base import (
    Build,
    Codec,
    ColumnForm,
    Decoding,
    Encoding,
    Refusal,
    Undecodable,
    UnsupportedNode,
    only_forms_of_type,
    only_of_type,
    registry,
)
from ecs_sql.codecs.scalars import TextualCodec, check_int64
from ecs_sql.nodes import EnumNode, LiteralNode


def _enum(node: EnumNode, build: Build) -> Codec:
    if issubclass(node.type, Flag):
        return FlagCodec(node.type)
    return TextualCodec(
        (node.type,), lambda member: str(member.name), node.type.__members__.__getitem__
    )


class FlagCodec(Codec):
    """Flags, as the int that they are."""

    def __init__(self, flag_class: type[Flag]) -> None:
        self._flag_class = flag_class
        self.column = ColumnForm(sqltypes.INTEGER, self._encode_column, self.decode)

    def accepts(self, value_type: type) -> bool:
        return value_type is self._flag_class

    def encode(self, values: list[Any], run: Encoding) -> list[Any]:
        only_of_type(values, self._flag_class)
        return [value.value for value in values]

    def _encode_column(self, values: list[Any], run: Encoding) -> list[Any]:
        numbers = self.encode(values, run)
        check_int64(numbers)
        return numbers

    def decode(self, forms: list[Any], run: Decoding) -> list[Any]:
        only_forms_of_type(forms, int)
        try:
            return [self._flag_class(form) for form in forms]
        except ValueError as error:
            raise Undecodable(forms[0] if len(forms) == 1 else forms, str(error)) from error


class LiteralCodec(Codec):
    """`Literal[...]` of any mix: text, numbers, booleans and None as in JSON, the others tagged."""

    def __init__(self, values: tuple[Any, ...]) -> None:
        self._forms = {(type(value), value): _literal_form(value) for value in values}
        self._values = [(form, value) for (_, value), form in self._forms.items()]
        self.may_be_null = None in values
        self._types = frozenset(map(type, values))
        self.text_forms = self._types == {str}
        sql_type = _LITERAL_COLUMNS.get(next(iter(self._types))) if len(self._types) == 1 else None
        if sql_type is not None:
            self.column = ColumnForm(sql_type, self.encode, self.decode)

    def accepts(self, value_type: type) -> bool:
        return value_type in self._types

    def encode(self, values: list[Any], run: Encoding) -> list[Any]:
        return list(map(self._encoded, values))

    def _encoded(self, value: Any) -> Any:
        if type(value) in self._types and (type(value), value) in self._forms:
            return self._forms[type(value), value]
        raise Refusal(value, f"it is none of {[allowed for _, allowed in self._values]!r}")

    def decode(self, forms: list[Any], run: Decoding) -> list[Any]:
        return list(map(self._decoded, forms))

    def _decoded(self, form: Any) -> Any:
        for allowed, value in self._values:
            if type(form) is type(allowed) and form == allowed:
                return value
        raise Undecodable(form, f"it is none of {[form for form, _ in self._values]!r}")


_LITERAL_COLUMNS = {str: sqltypes.TEXT, int: sqltypes.INTEGER, bool: sqltypes.BOOLEAN}


class LiteralMemberCodec(TextualCodec):
    """`Literal` of members of one Enum: by name, as the Enum itself."""

    def __init__(self, members: tuple[Enum, ...]) -> None:
        super().__init__((type(members[0]),), self._name, self._member)
        self._members = {member.name: member for member in members}
        self._aliases = type(
            members[0]
        ).__members__  # a member that was renamed is known by its old name

    def _member(self, name: str) -> Enum:
        return self._members[self._aliases[name].name]

    def _name(self, member: Enum) -> str:
        if member.name not in self._members:
            raise Refusal(member, f"it is none of {sorted(self._members)}")
        return member.name


def _literal_form(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, Enum):
        return {type(value).__qualname__: value.name}
    return value


def _literal(node: LiteralNode, build: Build) -> Codec:
    types = set(map(type, node.values))
    if (
        len(types) == 1
        and issubclass(next(iter(types)), Enum)
        and not issubclass(next(iter(types)), Flag)
    ):
        return LiteralMemberCodec(node.values)
    for value in node.values:  # Python itself takes lone surrogates and NUL in a literal
        if isinstance(value, str):
            _check_literal_text(node, value)
    if types == {int} and not all(-(2**63) <= value < 2**63 for value in node.values):
        raise UnsupportedNode(node, "one of its values has over 64 bits", "use text")
    return LiteralCodec(node.values)


def _check_literal_text(node: LiteralNode, value: str) -> None:
    if "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
        raise UnsupportedNode(node, f"{value!r} cannot be stored as text", "use other characters")


registry.register(EnumNode, _enum)
registry.register(LiteralNode, _literal)
