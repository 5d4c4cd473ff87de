"""Versions into the database: their rows, whole columns at a time, and the chunks of their large values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ecs_sql.codecs.base import dump_json
from ecs_sql.codecs.chunks import IDS, Chunk
from ecs_sql.entity_codec import Content, EntityCodec
from ecs_sql.lineage import Insert
from ecs_sql.storage.chunk_store import ChunkStore
from ecs_sql.storage.dialects.base import Row, Target
from ecs_sql.storage.driver import Driver
from ecs_sql.storage.statements import ClassStatements

if TYPE_CHECKING:
    from ecs_sql.storage.catalogue import Catalogue


class VersionWriter:
    """Writes versions through one connection."""

    def __init__(self, driver: Driver, catalogue: Catalogue, chunks: ChunkStore) -> None:
        self._driver = driver
        self._catalogue = catalogue
        self._dialect = catalogue.dialect
        self._chunks = chunks

    def insert(self, inserts: Sequence[Insert]) -> None:
        """See `UnitOfWork.insert`."""
        chunks: dict[str, Chunk] = {}
        base_rows = self._base_rows(inserts, chunks)
        base = self._catalogue.base.target
        positions = self._dialect.insert_base(self._driver, base, base_rows)
        groups: dict[EntityCodec, list[int]] = {}
        for index, insert in enumerate(inserts):
            groups.setdefault(insert.codec, []).append(index)
        for codec, indices in groups.items():
            statements = self._catalogue.statements(codec)
            ids = [positions[index] for index in indices]
            contents = [inserts[index].content for index in indices]
            for target, columns in _columns(statements, contents, chunks):
                rows = list(zip(ids, *columns, strict=True))
                self._dialect.insert_rows(self._driver, target, rows)
        self._chunks.add(chunks)

    def insert_lone(self, insert: Insert) -> bool:
        """See `UnitOfWork.insert_lone`."""
        chunks: dict[str, Chunk] = {}
        statements = self._catalogue.statements(insert.codec)
        rows = self._base_rows([insert], chunks)
        for _, columns in _columns(statements, [insert.content], chunks):
            rows.append(tuple(column[0] for column in columns))
        if chunks:  # which are rows of their own
            return False
        return self._dialect.insert_lone(self._driver, statements.all_targets, rows)

    def _base_rows(self, inserts: Sequence[Insert], chunks: dict[str, Chunk]) -> list[Row]:
        bookkeeping = zip(*(insert.identity for insert in inserts), strict=True)
        ecs_ids, lineage_ids, parent_ids, created_at, old_ids = map(list, bookkeeping)
        types = [insert.codec.spec.table_name for insert in inserts]
        texts = IDS.shortened(list(map(_ids_text, old_ids)), chunks)
        columns = [ecs_ids, lineage_ids, parent_ids, created_at, texts, types]
        return list(zip(*self._catalogue.base.to_driver(columns), strict=True))


def _columns(
    statements: ClassStatements, contents: Sequence[Content], chunks: dict[str, Chunk]
) -> Iterator[tuple[Target, list[list[Any]]]]:
    """Each table of a class, and its columns as the driver takes them; chunks of large values are added."""
    columns = statements.content_columns(contents, chunks)
    start = 0
    for target in statements.targets:
        end = start + len(target.columns) - 1
        yield target, columns[start:end]
        start = end


def _ids_text(ids: tuple[UUID, ...]) -> str:
    return dump_json(ids) if ids else "[]"
