"""Chunks of large values in the database: those of a batch of rows in one statement, out and in.

A write adds the chunks that are missing and leaves the others be. Chunks are added in the order of their ids,
so that transactions that add the same ones wait for each other in one order; what another transaction adds
meanwhile is passed over. Nothing removes a chunk but `clear()`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ecs_sql.codecs.chunks import Chunk, restored, roots
from ecs_sql.storage.dialects.base import DatabaseDialect
from ecs_sql.storage.driver import Driver
from ecs_sql.storage.statements import Chunked
from ecs_sql.tables import CHUNK_TABLE


class ChunkStore:
    """Reads and writes chunks through one connection.

    Args:
        driver: the connection's.
        dialect: its database's.
        has_table: whether there is a chunk table; else every chunk is missing.
    """

    def __init__(self, driver: Driver, dialect: DatabaseDialect, *, has_table: bool = True) -> None:
        self._driver = driver
        self._dialect = dialect
        self._has_table = has_table

    def restore(self, chunked: Chunked, columns: list[list[Any]]) -> None:
        """Put values in the place of the pointers in canonical columns.

        Raises:
            Undecodable: when a chunk is missing or damaged; its form is the pointer.
        """
        found = {place: chunking.pointers(columns[place]) for place, chunking in chunked}
        pointers = {pointer for column in found.values() for pointer in column}
        if not pointers:
            return
        chunks = self.below({root for pointer in pointers for root in roots(pointer)})
        values = {pointer: restored(pointer, chunks) for pointer in pointers}
        for place, column in found.items():
            if column:
                columns[place] = [values.get(value, value) for value in columns[place]]

    def below(self, ids: Collection[str]) -> dict[str, Chunk]:
        """The sound ones of these chunks and of all below them."""
        found: dict[str, Chunk] = {}
        if not self._has_table:
            return found
        for condition, parameters in self._dialect.membership("id", list(ids)):
            rows, _ = self._driver.query(self._dialect.chunk_trees(condition), parameters)
            for chunk_id, below, data in rows:
                chunk = Chunk(below, None if data is None else bytes(data))
                if chunk.id == chunk_id:
                    found[chunk_id] = chunk
        return found

    def add(self, chunks: Mapping[str, Chunk]) -> None:
        """Write those of the chunks that are not stored."""
        if not chunks:
            return
        stored = self._stored(list(chunks))
        rows = [(chunk_id, *chunks[chunk_id]) for chunk_id in sorted(chunks.keys() - stored)]
        if rows:
            self._dialect.insert_chunks(self._driver, rows)

    def _stored(self, ids: Sequence[str]) -> set[str]:
        """Those of the chunks that are stored, and not only were when the transaction began."""
        stored = self._found(ids)
        if stored and self._dialect.current_read:
            return self._found(list(stored), self._dialect.current_read)
        return stored

    def _found(self, ids: Sequence[str], tail: str = "") -> set[str]:
        found: set[str] = set()
        for condition, parameters in self._dialect.membership("id", ids):
            statement = f"SELECT id FROM {CHUNK_TABLE} WHERE {condition}{tail}"
            rows, _ = self._driver.query(statement, parameters)
            found.update(chunk_id for (chunk_id,) in rows)
        return found
