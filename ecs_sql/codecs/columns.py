"""What column a field gets: its form, whether it takes NULL, and where references stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pydantic
from sqlalchemy.types import TypeEngine

from ecs_sql.codecs import chunks, sqltypes
from ecs_sql.codecs.base import (
    Codec,
    CodecBuilder,
    ColumnForm,
    Decoding,
    Encoding,
    Refusal,
    UnsupportedNode,
    dump_all_json,
    load_all_json,
    load_one_json,
    only_of_type,
)
from ecs_sql.codecs.chunks import Chunking
from ecs_sql.codecs.references import ReferenceCodec, ReferenceListColumn
from ecs_sql.codecs.scalars import check_texts
from ecs_sql.codecs.wishes import fitted
from ecs_sql.nodes import (
    CollectionNode,
    Node,
    NoneNode,
    ReferenceNode,
    SecretNode,
    TupleNode,
    UnionNode,
    all_nodes,
    without_none,
)

ColumnKind = Literal["plain", "id", "ids"]
"""A column of values (references inside JSON among them), of one reference, or of a list of references."""


@dataclass(frozen=True, slots=True)
class ColumnOptions:
    """A field's own wish for its column, as a marker inside `Annotated`.

    Args:
        type_: a SQLAlchemy type, in place of the one that the annotation gets.
        index: whether the column gets an index.
        name: the column's name.

    Example:
        >>> from typing import Annotated
        >>> from sqlalchemy import String
        >>> Sku = Annotated[str, ColumnOptions(String(40), index=True)]
    """

    type_: TypeEngine[Any] | type[TypeEngine[Any]] | None = None
    index: bool = False
    name: str | None = None


@dataclass(frozen=True, slots=True)
class FieldColumn:
    """The column of one field."""

    kind: ColumnKind
    codec: Codec
    form: ColumnForm
    nullable: bool
    options: ColumnOptions

    @property
    def chunking(self) -> Chunking | None:
        """How large values are cut; None of columns with a wish of their own, which keep them whole."""
        if self.options.type_ is not None or self.options.index:
            return None
        if self.kind == "ids":
            return chunks.IDS
        return _CHUNKINGS.get(self.form.sql_type)


_CHUNKINGS: dict[TypeEngine[Any], Chunking] = {
    sqltypes.JSON_TEXT: chunks.JSON,
    sqltypes.TEXT: chunks.TEXT,
    sqltypes.BYTES: chunks.BYTES,
}


class JsonColumn(ColumnForm):
    """Values as JSON text."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        referring = codec.holds_references
        super().__init__(
            sqltypes.JSON_TEXT,
            self._encode,
            self._decode_parsed if referring else self._decode,
            parse=load_all_json if referring else None,
            pins=codec.pins if referring else None,
        )
        one = codec.decode_one
        if one is not None:
            self.decode_one = lambda text: one(load_one_json(text))

    def _encode(self, values: list[Any], run: Encoding) -> list[Any]:
        return dump_all_json(self._codec.encode(values, run))

    def _decode(self, texts: list[Any], run: Decoding) -> list[Any]:
        return self._codec.decode(load_all_json(texts), run)

    def _decode_parsed(self, forms: list[Any], run: Decoding) -> list[Any]:
        return self._codec.decode(forms, run)


HIDDEN = pydantic.SecretStr("hidden")
"""Shown in place of a secret."""


class SecretCodec(Codec):
    """A secret, in a column whose own type encrypts it."""

    def __init__(self, secret_class: type) -> None:
        self._class = secret_class
        text = issubclass(secret_class, pydantic.SecretStr)
        self.column = ColumnForm(
            sqltypes.TEXT if text else sqltypes.BYTES, self.encode, self.decode
        )
        self._text = text

    def accepts(self, value_type: type) -> bool:
        return value_type is self._class

    def encode(self, values: list[Any], run: Encoding) -> list[Any]:
        try:
            only_of_type(values, self._class)
            plain = [value.get_secret_value() for value in values]
            if self._text:
                check_texts(plain)
        except Refusal as refusal:  # which would show the secret
            raise Refusal(HIDDEN, refusal.reason) from None
        return plain

    def decode(self, forms: list[Any], run: Decoding) -> list[Any]:
        return [form if isinstance(form, self._class) else self._class(form) for form in forms]


def column_of(node: Node) -> FieldColumn:
    """The column of a field.

    Raises:
        UnsupportedNode: when there is no codec, or the field's wish does not fit its annotation.
    """
    options = _options(node)
    inner = without_none(node) if _is_optional(node) else node
    _refuse_inner_secrets(inner)
    codec = SecretCodec(inner.type) if isinstance(inner, SecretNode) else CodecBuilder()(inner)
    nullable = inner is not node
    kind, form = _kind_and_form(inner, codec)
    if isinstance(inner, SecretNode) and options.type_ is None:
        raise UnsupportedNode(
            node,
            "a secret would be stored in the clear",
            "exclude the field (exclude=True), or give it an encrypting column type",
        )
    if options.index and form.sql_type is sqltypes.JSON_TEXT:
        raise UnsupportedNode(node, "a JSON column cannot be indexed", "leave the index out")
    if options.type_ is not None:
        form = fitted(form, inner, options.type_)
    return FieldColumn(kind, codec, form.nullable() if nullable else form, nullable, options)


def _is_optional(node: Node) -> bool:
    return isinstance(node, UnionNode) and any(
        isinstance(member, NoneNode) for member in node.members
    )


def _refuse_inner_secrets(node: Node) -> None:
    if not isinstance(node, SecretNode) and any(
        isinstance(inner, SecretNode) for inner in all_nodes(node)
    ):
        raise UnsupportedNode(
            node,
            "a secret inside another value would be stored in the clear",
            "exclude the field (exclude=True), or make the secret a field of its own with an encrypting type",
        )


def _kind_and_form(node: Node, codec: Codec) -> tuple[ColumnKind, ColumnForm]:
    if isinstance(codec, ReferenceCodec) and codec.column is not None:
        return "id", codec.column
    references = _reference_list(node)
    if references is not None:
        return "ids", references
    return "plain", codec.column or JsonColumn(codec)


def _reference_list(node: Node) -> ReferenceListColumn | None:
    match node:
        case CollectionNode(type=collection, item=ReferenceNode(classes=classes)) if collection in (
            list,
            tuple,
            set,
            frozenset,
        ):
            return ReferenceListColumn(collection, ReferenceCodec(classes))
        case TupleNode(items=items) if items and all(item == items[0] for item in items):
            if isinstance(items[0], ReferenceNode):
                return ReferenceListColumn(tuple, ReferenceCodec(items[0].classes), len(items))
    return None


def _options(node: Node) -> ColumnOptions:
    """The wish beside the type, also where the type is one alternative to None."""
    metadata = [*node.metadata, *(without_none(node).metadata if _is_optional(node) else ())]
    type_, index, name = None, False, None
    for item in metadata:
        if isinstance(item, ColumnOptions):
            type_ = type_ if item.type_ is None else item.type_
            index, name = index or item.index, item.name or name
        elif isinstance(item, TypeEngine) or (
            isinstance(item, type) and issubclass(item, TypeEngine)
        ):
            type_ = item
    return ColumnOptions(type_, index, name)
