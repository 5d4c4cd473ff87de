"""Reads one version in one small statement, where its class is as expected.

Which class that is, the last read tells: most programs read one kind of thing many times over. The statement
joins that class's tables from the outside, so that the base row comes back whatever its class is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from ecs_sql.codecs.chunks import IDS, Chunking
from ecs_sql.codecs.rowwise import CONTEXT, MarkFound, row_function
from ecs_sql.storage.rows import Row

if TYPE_CHECKING:
    from ecs_sql.storage.statements import ClassStatements, ColumnConverter, Restore


class UnexpectedRow(Exception):
    """A row that takes the longer way, which tells what is damaged."""


class SingleRead:
    """The statement for one version of an expected class, and its row's way to canonical values.

    Args:
        statements: of the class; all its converters are ready.
        identity: converters of the identity columns, but for `id`.
        condition: what the statement ends with; its parameter is the id.
    """

    def __init__(
        self, statements: ClassStatements, identity: Sequence[ColumnConverter], condition: str
    ) -> None:
        self.codec = statements.codec
        self.name = statements.codec.spec.table_name
        self.statement = statements.select_one + condition
        converters = [*identity[1:], *statements.content_converters]
        keys = self._keys = statements.keys
        first = keys + len(identity) - 1
        content = [(first + place, chunking) for place, chunking in statements.chunked]
        self._chunked = [(first - 1, IDS), *content]
        conversions = [None] * keys + [converter.conversion for converter in converters] + [None]
        places = [0, CONTEXT, *range(keys, keys + len(converters))]
        self._convert = row_function(conversions, places)
        self._convert_whole = row_function(conversions, places, marks=_by_mark(self._chunked))

    def canonical(self, ecs_id: UUID, row: Row, restore: Restore) -> Row:
        """The canonical row of a driver's.

        Args:
            ecs_id: that was asked for.
            row: of the statement.
            restore: puts values in the place of pointers to chunks.

        Raises:
            UnexpectedRow: when a row of one of the class's tables is missing.
        """
        keys = self._keys
        if row[0] is None or (keys > 1 and None in row[:keys]):
            raise UnexpectedRow
        try:
            canonical: Row = self._convert_whole(row, ecs_id)
        except MarkFound:
            columns = [[value] for value in row]
            restore(self._chunked, columns)  # text and bytes are to the driver what they are here
            canonical = self._convert([value for (value,) in columns], ecs_id)
        return canonical


def _by_mark(chunked: Sequence[tuple[int, Chunking]]) -> dict[str | bytes, list[int]]:
    """Where a row may hold pointers, by what these begin with."""
    places: dict[str | bytes, list[int]] = {}
    for place, chunking in chunked:
        places.setdefault(chunking.mark, []).append(place)
    return places
