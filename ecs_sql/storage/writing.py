"""Versions into the database: their rows, whole columns at a time, and the chunks of their large values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ecs_sql.codecs.base import dump_json
from ecs_sql.codecs.chunks import IDS, Chunk
from ecs_sql.entity_codec import Content, EntityCodec
from ecs_sql.lineage import Insert
from ecs_sql.storage.chunk_store import ChunkStore
from ecs_sql.storage.dialects.base import Target
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
        base_columns = self._base_columns(inserts, chunks)
        base = self._catalogue.base.target
        positions = self._dialect.insert_base(self._driver, base, base_columns)
        for codec, ids, contents in _groups(inserts, positions):
            statements = self._catalogue.statements(codec)
            for target, columns in _columns(statements, contents, chunks):
                rows = list(zip(ids, *columns, strict=True))
                self._dialect.insert_rows(self._driver, target, rows)
        self._chunks.add(chunks)

    def insert_lone(self, insert: Insert) -> bool:
        """See `UnitOfWork.insert_lone`."""
        chunks: dict[str, Chunk] = {}
        statements = self._catalogue.statements(insert.codec)
        tables = [self._base_columns([insert], chunks)]
        tables += [columns for _, columns in _columns(statements, [insert.content], chunks)]
        rows = [tuple(value for (value,) in columns) for columns in tables]
        if chunks:  # which are rows of their own
            return False
        return self._dialect.insert_lone(self._driver, statements.all_targets, rows)

    def _base_columns(self, inserts: Sequence[Insert], chunks: dict[str, Chunk]) -> list[list[Any]]:
        bookkeeping = zip(*map(_identity_of, inserts), strict=True)
        ecs_ids, lineage_ids, parent_ids, created_at, old_ids = map(list, bookkeeping)
        texts = list(map(_ids_text, old_ids)) if any(old_ids) else [_NO_IDS] * len(old_ids)
        columns = [
            ecs_ids,
            lineage_ids,
            parent_ids,
            created_at,
            IDS.shortened(texts, chunks),
            _types(list(map(_codec_of, inserts))),
        ]
        return self._catalogue.base.to_driver(columns)


def _types(codecs: list[EntityCodec]) -> list[str]:
    """The name by which each class's versions tell it."""
    names = {codec: codec.spec.table_name for codec in set(codecs)}
    return list(map(names.__getitem__, codecs))


def _groups(
    inserts: Sequence[Insert], positions: Sequence[int]
) -> Iterator[tuple[EntityCodec, Sequence[int], list[Content]]]:
    """The inserts of each class: where they stand in stored order, and their contents."""
    contents = list(map(_content_of, inserts))
    groups: dict[EntityCodec, tuple[list[int], list[Content]]] = {}
    start = 0
    for codec, run in groupby(map(_codec_of, inserts)):  # those of a class mostly stand together
        end = start + len(list(run))
        own_positions, own_contents = groups.setdefault(codec, ([], []))
        own_positions += positions[start:end]
        own_contents += contents[start:end]
        start = end
    for codec, own in groups.items():
        yield codec, *own


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
    return dump_json(ids) if ids else _NO_IDS


_NO_IDS = "[]"
_identity_of = attrgetter("identity")
_codec_of = attrgetter("codec")
_content_of = attrgetter("content")
