"""What a codec is, and the registry that finds the one for a node.

A codec turns values into JSON-native *forms* and back, a whole list at a time: what is decided by type is
decided once, when the codec is built, and a call costs little per value. A value that stands in a column
of its own may have a *column form* of another kind (a number, a UUID, a datetime); all others stand there
as JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from math import isfinite
from operator import is_
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

import pydantic_core

from ecs_sql.codecs.rowwise import Conversion
from ecs_sql.dispatch import NodeRegistry
from ecs_sql.nodes import Node

if TYPE_CHECKING:
    from sqlalchemy.types import TypeEngine

    from ecs_sql.identity import IdentifiedModel

MAX_LEVELS = 100
"""Levels of value to which Any and self-containing records may be nested."""


class Refusal(Exception):
    """A value that the codec does not take. Becomes an UnstorableValueError where the entity is known."""

    def __init__(self, value: Any, reason: str) -> None:
        super().__init__(reason)
        self.value = value
        self.reason = reason


class Undecodable(Exception):
    """A stored form that the codec cannot have written. Becomes a StoredValueError."""

    def __init__(self, form: Any, reason: str) -> None:
        super().__init__(reason)
        self.form = form
        self.reason = reason


class WrongTarget(Undecodable):
    """A stored reference to a version of a class that the field does not take."""


class Dangling(Exception):
    """A stored reference whose target was not loaded. Becomes a MissingReferenceError."""

    def __init__(self, target: UUID) -> None:
        super().__init__(str(target))
        self.target = target


class UnsupportedNode(Exception):
    """A node for which there is no codec. Becomes a MappingFault."""

    def __init__(self, node: Node, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.node = node
        self.reason = reason
        self.remedy = remedy


class Encoding:
    """One run of encoding: under which id a reference is stored, and how deep the run is.

    A strict run takes no value of another type than the annotation's, not even an int for a float.
    """

    __slots__ = ("id_of", "levels", "strict")

    def __init__(self, id_of: Callable[[IdentifiedModel], UUID]) -> None:
        self.id_of = id_of
        self.levels = 0
        self.strict = False


class Decoding:
    """One run of decoding: the entity of each id, by its number, and the nested models that were made.

    `filled` tells that an older form lacked a field, and got its default.
    """

    __slots__ = ("entities", "filled", "models")

    def __init__(self, entities: dict[int, Any]) -> None:
        self.entities = entities
        self.models: list[Any] = []
        self.filled = False


class Found(list["IdentifiedModel"]):
    """Entities found in a value, in order, and what keeps a value that contains itself from a loop."""

    def __init__(self) -> None:
        super().__init__()
        self.levels = 0
        self.visited: set[int] = set()


EncodeColumn = Callable[[list[Any], Encoding], list[Any]]
DecodeColumn = Callable[[list[Any], Decoding], list[Any]]


class ColumnForm:
    """How values stand in a column of their own: a SQL type, and whole columns to and from what it takes.

    A canonical column value is the same on every backend; what a driver wants is the SQL type's business.
    Reading goes in two steps where a column holds references: `parse` readies the canonical values, `pins`
    tells the ids in what it made, and `decode` makes the values once all those entities are there.

    A form whose decoding needs nothing but the canonical value may give `decode_one` besides, which makes one
    value; whatever it raises, `decode` tells better. One that can tell more quickly than by encoding that values
    are still those of some canonical ones gives `is_unchanged`, which says no where it is not sure.
    """

    __slots__ = (
        "decode",
        "decode_one",
        "encode",
        "is_nullable",
        "is_unchanged",
        "kept_type",
        "parse",
        "pins",
        "sql_type",
    )

    def __init__(
        self,
        sql_type: TypeEngine[Any],
        encode: EncodeColumn,
        decode: DecodeColumn,
        parse: Callable[[list[Any]], list[Any]] | None = None,
        pins: Callable[[list[Any], list[UUID]], None] | None = None,
    ) -> None:
        self.decode_one: Callable[[Any], Any] | None = None
        self.kept_type: type | None = None
        self.is_unchanged: Callable[[list[Any], Sequence[Any]], bool] | None = None
        self.is_nullable = False
        self.sql_type = sql_type
        self.encode = encode
        self.decode = decode
        self.parse = parse
        self.pins = pins

    def decoding_one(self, decode_one: Callable[[Any], Any]) -> ColumnForm:
        """The same, with a way to make one value of its canonical value alone."""
        self.decode_one = decode_one
        return self

    def keeping(self, kept_type: type) -> ColumnForm:
        """The same, where canonical values of exactly one type are the values, and there are no others."""
        self.kept_type = kept_type
        self.is_unchanged = _are_same
        return self.decoding_one(exactly(kept_type))

    def nullable(self) -> ColumnForm:
        """The same with None as NULL."""
        encode, decode, parse, pins = self.encode, self.decode, self.parse, self.pins

        def encode_some(values: list[Any], run: Encoding) -> list[Any]:
            return scatter(values, encode(some(values), run))

        def decode_some(values: list[Any], run: Decoding) -> list[Any]:
            return scatter(values, decode(some(values), run))

        form = ColumnForm(
            self.sql_type,
            encode_some,
            decode_some,
            parse and (lambda values: scatter(values, parse(some(values)))),
            pins and (lambda parsed, found: pins(some(parsed), found)),
        )
        form.decode_one = self.decode_one
        form.kept_type = self.kept_type
        form.is_unchanged = self.is_unchanged and _unless_none(self.is_unchanged)
        form.is_nullable = True
        return form

    @property
    def conversion(self) -> Conversion:
        """How one canonical value becomes a value; takes the run of decoding where it needs it."""
        if self.decode_one is not None:
            return Conversion(
                self.decode_one, keeps_none=self.is_nullable, kept_type=self.kept_type
            )
        decode = self.decode
        return Conversion(lambda value, run: decode([value], run)[0], takes_context=True)


def _are_same(values: list[Any], canonical: Sequence[Any]) -> bool:
    return all(map(is_, values, canonical))


def _unless_none(
    is_unchanged: Callable[[list[Any], Sequence[Any]], bool],
) -> Callable[[list[Any], Sequence[Any]], bool]:
    if is_unchanged is _are_same:  # of None too
        return _are_same

    def both(values: list[Any], canonical: Sequence[Any]) -> bool:
        gaps = [value is None for value in values]
        return gaps == [value is None for value in canonical] and is_unchanged(
            some(values), some(canonical)
        )

    return both


def some(values: Iterable[Any]) -> list[Any]:
    """The values that are not None."""
    return [value for value in values if value is not None]


def scatter(places: Sequence[Any], converted: list[Any]) -> list[Any]:
    """The converted items at the places that are not None, None at the others."""
    if len(converted) == len(places):
        return converted
    if not converted:
        return [None] * len(places)
    remaining = iter(converted)
    return [None if place is None else next(remaining) for place in places]


class Codec:
    """Values of one node to JSON-native forms and back. Subclasses say what is particular."""

    may_be_null = False
    """Whether a form may be JSON's null."""
    holds_references = False
    """Whether values may hold entities."""
    text_forms = False
    """Whether every form is a str."""
    forms_are_values = False
    """Whether the form of a value is that value itself, so that a container of them is its own form."""
    exact_types: frozenset[type] = frozenset()
    """Types of forms that are their own values, whatever else they hold; empty where more has to be looked at."""
    decode_one: Callable[[Any], Any] | None = None
    """Makes one value of its form alone, where that is quicker; whatever it raises, `decode` tells better."""
    column: ColumnForm | None = None
    """The column form, where it is not JSON text."""

    def accepts(self, value_type: type) -> bool:
        """Whether values of exactly this type are this codec's (it may still refuse one of them)."""
        raise NotImplementedError

    def encode(self, values: list[Any], run: Encoding) -> list[Any]:
        """Forms of the values, in order.

        Raises:
            Refusal: when a value is not exactly of the type, or cannot be stored on every backend.
        """
        raise NotImplementedError

    def decode(self, forms: list[Any], run: Decoding) -> list[Any]:
        """Fresh values of the forms, in order; a form may become part of its value.

        Raises:
            Undecodable: when a form is none that `encode` makes.
            Dangling: when a referenced entity is not among the run's.
        """
        raise NotImplementedError

    def walk(self, value: Any, found: Found) -> None:
        """Append the entities in the value, in order; never fails, also on what `encode` will refuse."""

    def walk_all(self, values: Iterable[Any], found: Found) -> None:
        """Append the entities in all the values, in order; see `walk`."""
        for value in values:
            self.walk(value, found)

    def pins(self, forms: Iterable[Any], found: list[UUID]) -> None:
        """Append the ids that the forms refer to."""


def only_of_type(values: Sequence[Any], expected: type) -> None:
    """Refuse a list in which some value is not exactly of the type."""
    types = set(map(type, values))
    if types and types != {expected}:
        value = next(value for value in values if type(value) is not expected)
        raise Refusal(
            value,
            f"its type is {type(value).__qualname__}, not exactly {expected.__qualname__}; convert it",
        )


def only_forms_of_type(forms: Sequence[Any], expected: type) -> None:
    """Refuse a list in which some stored form is not exactly of the type."""
    types = set(map(type, forms))
    if types and types != {expected}:
        form = next(form for form in forms if type(form) is not expected)
        raise Undecodable(form, f"its type is {type(form).__name__}, not {expected.__name__}")


def exactly(expected: type) -> Callable[[Any], Any]:
    """What takes stored forms of exactly one type, and gives them as they are."""

    def check(form: Any) -> Any:
        if type(form) is not expected:
            only_forms_of_type([form], expected)
        return form

    return check


def dump_json(form: Any) -> str:
    """The canonical JSON text of a form."""
    try:
        return pydantic_core.to_json(form).decode()
    except ValueError:  # nested deeper than pydantic_core's own limit
        return json.dumps(form, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def dump_all_json(forms: list[Any]) -> list[str]:
    """The canonical JSON text of each form."""
    try:
        return [text.decode() for text in map(pydantic_core.to_json, forms)]
    except ValueError:
        return list(map(dump_json, forms))


def json_texts(values: list[Any]) -> list[str]:
    """The texts that stand in JSON for ids or times, which have no need of escapes: one compiled call."""
    return pydantic_core.to_json(values)[2:-2].decode().split('","') if values else []


def load_json(text: Any) -> Any:
    """The form of a JSON text.

    Raises:
        Undecodable: when the text is no JSON.
    """
    try:
        return load_one_json(text)
    except (ValueError, TypeError):
        pass
    try:  # nested deeper than pydantic_core's own limit, or really broken
        return json.loads(text, parse_float=_finite, parse_constant=_finite)
    except (ValueError, TypeError, RecursionError) as error:
        raise Undecodable(text, f"it is not JSON ({error})") from error


def _finite(text: str) -> float:
    """The number that a JSON text writes; JSON has neither nan nor infinities."""
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"{text} is no finite number")
    return number


def load_all_json(texts: Iterable[Any]) -> list[Any]:
    """The form of each JSON text.

    Raises:
        Undecodable: when a text is no JSON.
    """
    texts = list(texts)
    try:
        whole = "".join(texts)
        # To pass the option takes as long as to read a small text; one search tells that none needs it.
        is_finite = "NaN" not in whole and "Infinity" not in whole
        return list(map(pydantic_core.from_json if is_finite else load_one_json, texts))
    except (ValueError, TypeError):
        return list(map(load_json, texts))


_load_finite_json = partial(pydantic_core.from_json, allow_inf_nan=False)


def load_one_json(text: Any) -> Any:
    """The form of a JSON text that pydantic_core can read.

    Raises:
        Exception: of any kind, when it cannot; `load_json` tells better.
    """
    if "N" in text or "I" in text:  # it may say NaN or Infinity; see `load_all_json`
        return _load_finite_json(text)
    return pydantic_core.from_json(text)


"""The form of a JSON text; whatever it raises, `load_json` tells better."""


class Build(Protocol):
    """Makes the codecs of the nodes inside a node; knows the records that are being built."""

    open_records: dict[Any, Codec]

    def __call__(self, node: Node) -> Codec:
        """The codec of a node."""
        ...


Factory = Callable[[Any, Build], Codec]


class CodecRegistry(NodeRegistry[Factory]):
    """Finds the codec factory for a node: by exact type, then by predicate, newest first."""

    def __init__(self) -> None:
        super().__init__("codec")

    def factory(self, node: Node) -> Factory:
        """The factory for a node.

        Raises:
            UnsupportedNode: when nothing matches.
        """
        found = self.find(node)
        if found is None:
            raise UnsupportedNode(
                node,
                f"no codec keeps values of type {node.name}",
                "use one of the types that the README lists, or exclude the field (exclude=True)",
            )
        return found


registry = CodecRegistry()
"""The process-wide registry; codec modules add to it when they are imported."""


class CodecBuilder:
    """Builds the codec of one node and of all nodes inside it."""

    def __init__(self) -> None:
        self.open_records: dict[Any, Codec] = {}

    def __call__(self, node: Node) -> Codec:
        """The codec of a node.

        Raises:
            UnsupportedNode: when no codec keeps values of the node, or of one inside it.
        """
        return registry.factory(node)(node, self)
