"""Checks the chunks of large values: each is what its id says, and something refers to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Column, Table, func, literal, select, type_coerce

from ecs_sql.codecs import sqltypes
from ecs_sql.codecs.base import Undecodable, load_json
from ecs_sql.codecs.chunks import ID_LENGTH, Chunk, Chunking, roots
from ecs_sql.column_types import canonical_type, chunking_of
from ecs_sql.storage.verification.database import Database
from ecs_sql.storage.verification.reading import BatchSize
from ecs_sql.storage.verification.run import Place
from ecs_sql.tables import CHUNK_TABLE

_MARKED = 100_000
"""Ids of chunks that are looked for among the references at a time; their set takes some ten megabytes."""


class ChunkWalk:
    """Checks the rows of the chunk table.

    Where the mapping may not know every table, what refers to a chunk cannot be told, and is not asked.
    """

    def __init__(self, database: Database, *, knows_all_tables: bool) -> None:
        self._database = database
        self._run = database.run
        self._table = database.mapping.metadata.tables[CHUNK_TABLE]
        self._knows_all_tables = knows_all_tables

    def walk(self) -> None:
        """Check all chunks."""
        self._run.begin(CHUNK_TABLE, self._database.count(CHUNK_TABLE))
        size = BatchSize(self._run.batch_rows)
        table = self._table
        statement = select(table.c.id, table.c.chunks, table.c.data)
        for rows in self._batches(statement, table, size):
            for row in rows:
                fault = _fault_of(*row)
                if fault is not None:
                    self._found("damaged_chunk", row[0], fault)
            self._run.checked(CHUNK_TABLE, len(rows))
        if self._knows_all_tables:
            self._find_orphans()

    def _found(self, kind: Any, chunk_id: str, reason: str) -> None:
        self._run.found(kind, Place(CHUNK_TABLE), reason, column="id", value=chunk_id)

    def _batches(self, statement: Any, table: Table, size: BatchSize) -> Iterator[Sequence[Any]]:
        """The statement's rows in batches by the table's `id`, which comes first in each."""
        last: Any = None
        while True:
            following = statement if last is None else statement.where(table.c.id > last)
            ordered = following.order_by(table.c.id).limit(size.rows)
            rows = self._database.connection.execute(ordered).all()
            if not rows:
                return
            yield rows
            size.learn(rows)
            last = rows[-1][0]

    # Orphans

    def _find_orphans(self) -> None:
        """Chunks that neither a value nor another chunk refers to, so many ids at a time as fit a set."""
        size = BatchSize(_MARKED)
        size.rows = _MARKED
        for rows in self._batches(select(self._table.c.id), self._table, size):
            unreferred = {chunk_id for (chunk_id,) in rows}
            size.rows = _MARKED
            for referred in self._references():
                unreferred.difference_update(referred)
                if not unreferred:
                    break
            for chunk_id in sorted(unreferred):
                self._found("orphaned_chunk", chunk_id, "no value and no other chunk refers to it")

    def _references(self) -> Iterator[list[str]]:
        """The ids in all values and branches."""
        table = self._table
        branches = select(table.c.id, table.c.chunks).where(table.c.chunks.is_not(None))
        for rows in self._batches(branches, table, BatchSize(self._run.batch_rows)):
            yield [chunk_id for _, below in rows for chunk_id in _ids_in(below)]
        tables = self._database.mapping.metadata.sorted_tables
        for column in (column for table in tables for column in table.columns):
            chunking = chunking_of(column)
            if chunking is not None and column.table.name in self._database.usable:
                yield from self._references_in(column, chunking)

    def _references_in(self, column: Column[Any], chunking: Chunking) -> Iterator[list[str]]:
        plain: Any = type_coerce(column, canonical_type(column))
        if chunking.type is str:
            plain = sqltypes.read_as_text(column, sqltypes.TEXT)
        begins = func.substr(plain, 1, len(chunking.mark)) == literal(chunking.mark, plain.type)
        statement = select(column.table.c.id, plain).where(begins)
        for rows in self._batches(statement, column.table, BatchSize(self._run.batch_rows)):
            pointers = chunking.pointers([value for _, value in rows])
            yield [chunk_id for pointer in pointers for chunk_id in roots(pointer)]


def _fault_of(chunk_id: str, below: Any, data: Any) -> str | None:
    """What is wrong with a chunk's row, if anything."""
    if (below is None) is (data is None):
        return "it is neither a leaf nor a branch"
    if Chunk(below, None if data is None else bytes(data)).id != chunk_id:
        return "its content has another hash"
    if below is not None and not _ids_in(below):
        return "it is a branch without a list of ids"
    return None


def _ids_in(below: Any) -> list[str]:
    """The ids in a branch, if it is one."""
    try:
        ids = load_json(below)
    except Undecodable:
        return []
    if not isinstance(ids, list) or any(
        type(one) is not str or len(one) != ID_LENGTH for one in ids
    ):
        return []
    return ids
