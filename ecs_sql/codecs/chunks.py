"""Large column values as content-addressed chunks: cutting, joining, and the form in the column. Pure.

A value above its column's threshold is cut into pieces, *leaves*, which versions share. Where a piece ends is
decided by the content around its end alone, so that after an insertion the pieces are soon the same again.
The list of the leaves' ids is cut likewise into *branches*, and theirs again, until few ids are left. These
stand in the column as the *pointer*::

    {"chunks": ["<id>", "<id>"]}

How pointers and rows of the chunk table relate:

- A chunk's id is the BLAKE2b hash of what it holds (16 bytes, as 22 characters of base64), so a row never
  changes, and one row serves all values, columns and classes.
- A leaf has `data`, whose first byte says its form: `r`, then bytes of the value itself (text in UTF-8), or
  `i`, then ids of 16 bytes each, of a JSON list of ids. All leaves of a value are of one form.
- A branch has `chunks` instead, a JSON list of the ids below it, in order. Branches may be nested.
- A value is its leaves in order. All chunks of a stored pointer are stored; a chunk may be without a pointer.
- The space after the colon tells a pointer from the JSON of a value, which is written without. A text or
  bytes that looks like a pointer stands in its column as a literal, `{"chunks": [["<the value>"]]}`.

Where the cuts are is no part of the format: any cut reads back.
"""

from __future__ import annotations

import json
import re
from binascii import b2a_base64, unhexlify
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NamedTuple
from zlib import crc32

from ecs_sql.codecs.base import Undecodable, dump_json, load_json

ID_LENGTH = 22
"""Characters of a chunk's id."""
MOST_ROOTS = 4
"""Ids in a pointer, at most."""

_ID = rf'"[A-Za-z0-9+/]{{{ID_LENGTH}}}"'
_MARK = '{"chunks": ['
_POINTER = re.compile(rf'\{{"chunks": \[{_ID}(?:, {_ID})*\]\}}')
_LITERAL = re.compile(r'\{"chunks": \[\[".*"\]\]\}', re.DOTALL)


class Chunk(NamedTuple):
    """One row of the chunk table beside its id: a branch, or a leaf."""

    chunks: str | None
    """JSON list of the ids below, of a branch."""
    data: bytes | None
    """Form and content, of a leaf."""

    @property
    def id(self) -> str:
        """The hash of what the chunk holds."""
        if self.chunks is None:
            return _id_of(self.data or b"", b"")
        return _id_of(self.chunks.encode(), b"branch")


def _id_of(content: bytes, kind: bytes) -> str:
    digest = blake2b(content, digest_size=16, person=kind).digest()
    return b2a_base64(digest, newline=False)[:ID_LENGTH].decode("ascii")


class Spans(NamedTuple):
    """How lists are cut: behind items that their content marks, within these counts of items."""

    fewest: int
    most: int

    def of(self, marks: bytes) -> Iterator[tuple[int, int]]:
        """Start and end of each span; a mark of 1 is one where a span may end."""
        start, count = 0, len(marks)
        while start < count:
            marked = marks.find(1, start + self.fewest - 1, start + self.most)
            end = min(start + self.most, count) if marked < 0 else marked + 1
            yield start, end
            start = end


_IDS = Spans(8, 32)
_BRANCHES = Spans(4, 32)
_SIXTEENTH = bytes(not byte & 15 for byte in range(256))
"""Translates hashes to marks, one in sixteen."""


def _id_marks(packed: bytes) -> bytes:
    """The marks of ids of 16 bytes each, all at once, by arithmetic on one large number.

    Each shift folds the bits of an id, and some of the one before, on its last byte.
    """
    number = int.from_bytes(packed)
    for shift in (67, 35, 19, 9):
        number ^= number >> shift
    return number.to_bytes(len(packed))[15::16].translate(_SIXTEENTH)


def _branch_marks(ids: Sequence[str]) -> bytes:
    """The marks of chunks' ids, one in eight."""
    return bytes([not crc32(chunk_id.encode("ascii")) & 7 for chunk_id in ids])


# Bytes: a piece ends behind a byte of one of eight kinds, about evenly spread over letters, digits and the
# bytes of other scripts, where the hash of the bytes before has these bits clear.
_CANDIDATE = re.compile(b"[" + re.escape(bytes(range(3, 256, 8))) + b"]")
_WINDOW = 24
_BYTES_MASK = 31
_FEWEST_BYTES = 256
_MOST_BYTES = 2_048


def _byte_pieces(data: bytes) -> Iterator[bytes]:
    start, size = 0, len(data)
    while size - start > _FEWEST_BYTES:
        limit = end = min(start + _MOST_BYTES, size)
        for match in _CANDIDATE.finditer(data, start + _FEWEST_BYTES, limit):
            place = match.end()
            if not crc32(data[place - _WINDOW : place]) & _BYTES_MASK:
                end = place
                break
        yield data[start:end]
        start = end
    if start < size:
        yield data[start:]


def _byte_leaves(data: bytes) -> list[bytes]:
    return [b"r" + piece for piece in _byte_pieces(data)]


_ITEM = b'00000000-0000-0000-0000-000000000000","'
"""One of many ids in canonical JSON, up to where the next one begins."""
_ITEM_LENGTH = len(_ITEM)
_DIGITS = [place for place, sign in enumerate(_ITEM) if sign == ord("0")]


def _id_leaves(text: str) -> list[bytes]:
    """Leaves of the canonical JSON of a list of UUIDs."""
    packed = unhexlify(text.encode("ascii").translate(None, b'[",-]'))
    if len(packed) // 16 * _ITEM_LENGTH + 1 != len(text):  # pragma: no cover - none is written so
        return _byte_leaves(text.encode())
    spans = _IDS.of(_id_marks(packed))
    return [b"i" + packed[16 * start : 16 * end] for start, end in spans]


def _joined(leaves: Sequence[bytes]) -> bytes:
    """The value of its leaves."""
    content = b"".join([leaf[1:] for leaf in leaves])
    form = {leaf[:1] for leaf in leaves}
    if form == {b"r"}:
        return content
    if form == {b"i"} and len(content) % 16 == 0:
        return _id_texts(content)
    raise ValueError("its leaves are of no form that is known")


def _id_texts(packed: bytes) -> bytes:
    """The canonical JSON of a list of ids, by digit: the first one of all of them, then the second one."""
    digits = packed.hex().encode("ascii")
    text = bytearray(_ITEM * (len(packed) // 16))
    for number, place in enumerate(_DIGITS):
        text[place::_ITEM_LENGTH] = digits[number :: len(_DIGITS)]
    return b'["' + text[:-2] + b"]"


def _pointer(leaves: Iterable[bytes], chunks: dict[str, Chunk]) -> str:
    """The pointer to a value with these leaves; all its chunks are added."""
    ids = [_added(Chunk(None, leaf), chunks) for leaf in leaves]
    while len(ids) > MOST_ROOTS:
        spans = [ids[start:end] for start, end in _BRANCHES.of(_branch_marks(ids))]
        ids = [_added(Chunk(dump_json(span), None), chunks) for span in spans]
    return _MARK + ", ".join([f'"{chunk_id}"' for chunk_id in ids]) + "]}"


def _added(chunk: Chunk, chunks: dict[str, Chunk]) -> str:
    chunk_id = chunk.id
    chunks[chunk_id] = chunk
    return chunk_id


@dataclass(frozen=True, slots=True)
class Chunking:
    """Which values of a column are cut, and how.

    Attributes:
        threshold: characters, or bytes, above which a value is cut.
        leaves: cuts a value.
        type: str or bytes, what canonical values are.
        mark: what a pointer begins with.
        may_resemble: whether a value may look like a pointer.
    """

    threshold: int
    leaves: Callable[[Any], list[bytes]]
    type: type[Any]
    mark: str | bytes
    may_resemble: bool

    def shortened(self, values: list[Any], chunks: dict[str, Chunk]) -> list[Any]:
        """The values as they stand in the column; the chunks of those that are cut are added."""
        threshold, cut = self.threshold, self._cut
        if _greatest_length(values) <= threshold:
            return self.uncut(values)
        return [
            short if value is None or len(value) <= threshold else cut(value, chunks)
            for value, short in zip(values, self.uncut(values), strict=True)
        ]

    def _cut(self, value: Any, chunks: dict[str, Chunk]) -> Any:
        pointer = _pointer(self.leaves(value), chunks)
        return pointer if self.type is str else pointer.encode()

    def uncut(self, values: list[Any]) -> list[Any]:
        """The values, whatever their size; those that look like pointers as literals."""
        if not self.may_resemble or not (found := self.pointers(values)):
            return values
        literals = {value: _literal(value) for value in found}
        return [literals.get(value, value) for value in values]

    def pointers(self, values: Sequence[Any]) -> list[Any]:
        """Those of a column's values that are pointers or literals."""
        if self._has_none(values):
            return []
        mark, kind = self.mark, self.type
        length = len(mark)
        return [
            value
            for value in values
            if type(value) is kind and value[:length] == mark and is_pointer(value)
        ]

    def _has_none(self, values: Sequence[Any]) -> bool:
        """Whether the mark is nowhere in the column: one search through all of it tells."""
        try:
            return self.mark not in self.type().join(filter(None, values))
        except TypeError:  # damaged: some value is of another type
            return False


def _greatest_length(values: list[Any]) -> int:
    try:
        return max(map(len, values), default=0)
    except TypeError:  # None has none
        return max(map(len, filter(None, values)), default=0)


def is_pointer(value: Any) -> bool:
    """Whether a column's value is a pointer or a literal."""
    if not isinstance(value, (str, bytes)):
        return False
    try:
        text = _text(value)
    except UnicodeDecodeError:
        return False
    return bool(_POINTER.fullmatch(text) or _LITERAL.fullmatch(text))


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode()


def _literal(value: str | bytes) -> str | bytes:
    if isinstance(value, str):
        return json.dumps({"chunks": [[value]]}, ensure_ascii=False)
    return json.dumps({"chunks": [[value.decode("latin-1")]]}).encode()


IDS = Chunking(512, _id_leaves, str, _MARK, may_resemble=False)
"""The JSON of a list of ids."""
JSON = Chunking(2_048, lambda text: _byte_leaves(text.encode()), str, _MARK, may_resemble=False)
"""JSON in general."""
TEXT = Chunking(4_096, JSON.leaves, str, _MARK, may_resemble=True)
"""Text of any kind, which queries may look into as long as it is whole."""
BYTES = Chunking(2_048, _byte_leaves, bytes, _MARK.encode(), may_resemble=True)
"""Bytes of any kind."""


def roots(pointer: str | bytes) -> list[str]:
    """The ids in a pointer; none in a literal."""
    return [found for found in json.loads(_text(pointer))["chunks"] if isinstance(found, str)]


def restored(pointer: str | bytes, chunks: Mapping[str, Chunk]) -> Any:
    """The value that a pointer or literal stands for.

    Args:
        pointer: the value in the column.
        chunks: what was found of the ids below it.

    Raises:
        Undecodable: when a chunk is missing or damaged.
    """
    found = json.loads(_text(pointer))["chunks"]
    if isinstance(found[0], list):
        literal: str = found[0][0]
        return literal if isinstance(pointer, str) else literal.encode("latin-1")
    try:
        value = _joined([*_leaves_below(found, chunks)])
        return value.decode() if isinstance(pointer, str) else value
    except ValueError as fault:
        raise Undecodable(pointer, str(fault)) from fault


def _leaves_below(ids: Sequence[str], chunks: Mapping[str, Chunk]) -> Iterator[bytes]:
    pending = list(reversed(ids))
    while pending:
        chunk_id = pending.pop()
        chunk = chunks.get(chunk_id)
        if chunk is None:
            raise ValueError(f"chunk {chunk_id} is missing or damaged")
        if chunk.chunks is None:
            yield chunk.data or b""
        else:
            pending += reversed(load_json(chunk.chunks))
