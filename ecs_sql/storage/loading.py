"""Stored rows to entities: whole graphs, level by level, one object per version within one load."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from ecs_sql.codecs.base import Dangling, Decoding, Undecodable
from ecs_sql.codecs.records import finish_model
from ecs_sql.codecs.references import pinned_id
from ecs_sql.entity_codec import Content, EntityCodec
from ecs_sql.errors import UnstorableValueError
from ecs_sql.fields import EXTRA_FIELD
from ecs_sql.identity import IdentifiedModel, Identity, mark_from_storage
from ecs_sql.storage.rows import Rows, UnitOfWork

Row = tuple[EntityCodec, int, Identity, Content]


class _Batch(NamedTuple):
    """Rows of one class whose objects are made and whose references are known."""

    codec: EntityCodec
    identities: Sequence[Identity]
    contents: Sequence[Content]
    parsed: list[Sequence[Any]]
    entities: list[IdentifiedModel]


class Loaded(NamedTuple):
    """One load's entities and what they were loaded from."""

    entities: dict[UUID, Any]
    positions: dict[UUID, int]
    sources: list[tuple[IdentifiedModel, Identity, Content]]


_FIRST_AHEAD = 64
_AHEAD_GROWTH = 4
_AHEAD_FROM_LEVEL = 3


class Load:
    """One load: gathers the rows of a graph level by level, then makes its entities.

    What a graph holds was mostly stored together, an entity before what it refers to. So from the third
    level on it reads ahead in stored order, fourfold as far each time for as long as that pays: a chain of
    n entities takes statements in the order of log n.
    """

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        self._entities: dict[UUID, Any] = {}
        self._positions: dict[UUID, int] = {}
        self._batches: list[_Batch] = []
        self._spare: dict[UUID, Row] = {}
        self._referrers: set[EntityCodec] = set()
        self._missing: set[UUID] = set()

    def ids(self, ecs_ids: Iterable[UUID]) -> None:
        """Gather these versions, as far as they are stored, and all that they refer to."""
        self._gather(list(dict.fromkeys(ecs_ids)), 1)

    def rows(self, rows: Iterable[Rows]) -> None:
        """Gather these rows and all that they refer to."""
        pinned: list[UUID] = []
        for batch in rows:
            pinned += self._absorb(batch)
        self._gather(self._wanted(pinned), 2)

    def _gather(self, wanted: list[UUID], level: int) -> None:
        ahead = 0
        while wanted:
            spare = len(self._spare)
            wanted = self._take_spare(wanted)
            if not wanted:
                break
            if level == _AHEAD_FROM_LEVEL:
                ahead = _FIRST_AHEAD
            elif ahead:  # go on while at least a quarter of what was read ahead was of use
                used = spare - len(self._spare)
                ahead = ahead * _AHEAD_GROWTH if used and used * 4 >= spare else 0
            wanted = self._read_level(wanted, ahead)
            level += 1

    def _read_level(self, wanted: list[UUID], ahead: int) -> list[UUID]:
        pinned: list[UUID] = []
        asked = set(wanted)
        referrers, self._referrers = self._referrers, set()
        self._spare.clear()
        for rows in self._work.find(wanted, referrers, ahead):
            pinned += self._absorb(self._only(rows, asked) if ahead else rows)
        self._missing |= asked - self._entities.keys()
        return self._wanted(pinned)

    def _wanted(self, pinned: Iterable[UUID]) -> list[UUID]:
        known, missing = self._entities, self._missing
        return [
            ecs_id
            for ecs_id in dict.fromkeys(pinned)
            if ecs_id not in known and ecs_id not in missing
        ]

    def _only(self, rows: Rows, asked: set[UUID]) -> Rows:
        """The asked rows; those that were read ahead are kept aside."""
        kept: list[tuple[int, Identity, Content]] = []
        for row in zip(rows.positions, rows.identities, rows.contents, strict=True):
            if row[1].ecs_id in asked:
                kept.append(row)
            elif row[1].ecs_id not in self._entities:
                self._spare[row[1].ecs_id] = (rows.codec, *row)
        return _rows(rows.codec, kept)

    def _take_spare(self, wanted: list[UUID]) -> list[UUID]:
        """Absorb what was read ahead, and what that refers to; what is left has to be read."""
        left: list[UUID] = []
        while wanted:
            groups: dict[EntityCodec, list[tuple[int, Identity, Content]]] = {}
            for ecs_id in wanted:
                row = self._spare.pop(ecs_id, None)
                if row is None:
                    left.append(ecs_id)
                else:
                    groups.setdefault(row[0], []).append(row[1:])
            pinned: list[UUID] = []
            for codec, rows in groups.items():
                pinned += self._absorb(_rows(codec, rows))
            unread = set(left)
            wanted = [ecs_id for ecs_id in self._wanted(pinned) if ecs_id not in unread]
        return left

    def _absorb(self, rows: Rows) -> list[UUID]:
        """Make the rows' objects, still empty, and tell the ids that they refer to."""
        codec, positions, identities, contents = rows
        if not identities:
            return []
        parsed: list[Sequence[Any]] = list(zip(*contents, strict=True))
        try:
            pinned = codec.parse(parsed)
        except Undecodable as error:
            ecs_ids = [identity.ecs_id for identity in identities]
            raise codec.located(ecs_ids, contents, error, Decoding({})) from error
        make, entity_class = object.__new__, codec.spec.entity_class
        entities = [make(entity_class) for _ in identities]
        for identity, position, entity in zip(identities, positions, entities, strict=True):
            self._entities[identity.ecs_id] = entity
            self._positions[identity.ecs_id] = position
        if pinned:
            self._referrers.add(codec)
        self._batches.append(_Batch(codec, identities, contents, parsed, entities))
        return pinned

    def finish(self) -> Loaded:
        """Fill the objects, now that all are there, then let the classes finish them.

        Raises:
            StoredValueError: when a stored value no longer decodes.
            MissingReferenceError: when a referenced version is not stored.
        """
        run = Decoding(self._entities)
        sources: list[tuple[IdentifiedModel, Identity, Content]] = []
        filled = [self._fill(batch, run) for batch in self._batches]
        for batch, is_filled in zip(self._batches, filled, strict=True):
            # A default that was filled in may be another one each time (an id, the present): what this
            # load made of the older form is what an unchanged object has.
            contents = (
                batch.codec.encode(batch.entities, pinned_id) if is_filled else batch.contents
            )
            sources += zip(batch.entities, batch.identities, contents, strict=True)
        for model in run.models:
            finish_model(model)
        for batch in self._batches:
            if batch.codec.spec.entity_class.__pydantic_post_init__:
                for entity, content in zip(batch.entities, batch.contents, strict=True):
                    self._finish_entity(batch.codec, entity, content)
        return Loaded(self._entities, self._positions, sources)

    def _fill(self, batch: _Batch, run: Decoding) -> bool:
        """Fill the batch's objects; tells whether an older form lacked a field that got its default."""
        codec = batch.codec
        run.filled = False
        try:
            values = codec.decode(batch.parsed, len(batch.entities), run)
        except (Undecodable, Dangling) as error:
            ecs_ids = [identity.ecs_id for identity in batch.identities]
            raise codec.located(ecs_ids, batch.contents, error, run) from error
        for entity, identity, own in zip(batch.entities, batch.identities, values, strict=True):
            bookkeeping = {
                "ecs_id": identity.ecs_id,
                "lineage_id": identity.lineage_id,
                "parent_id": identity.parent_id,
                "old_ids": list(identity.old_ids),
                "created_at": identity.created_at,
            }
            codec.fill(entity, bookkeeping, own)
            mark_from_storage(entity)
        return run.filled

    def _finish_entity(self, codec: EntityCodec, entity: Any, content: Content) -> None:
        """Private attributes and `model_post_init`; a stored field that it changed is put back."""
        stored = codec.stored_names
        finish_model(entity, stored)
        if _changed_inside(codec, entity, content):
            columns: list[Sequence[Any]] = [[value] for value in content]
            codec.parse(columns)
            run = Decoding(self._entities)
            values = codec.decode(columns, 1, run)[0]
            entity.__dict__.update({name: values[name] for name in values if name in stored})
            if EXTRA_FIELD in values:
                object.__setattr__(entity, "__pydantic_extra__", values[EXTRA_FIELD])
            for model in run.models:
                finish_model(model)


def _rows(codec: EntityCodec, rows: list[tuple[int, Identity, Content]]) -> Rows:
    positions, identities, contents = zip(*rows, strict=True) if rows else ((), (), ())
    return Rows(codec, positions, identities, contents)


def _changed_inside(codec: EntityCodec, entity: Any, content: Content) -> bool:
    try:
        return codec.encode([entity], pinned_id)[0] != content
    except UnstorableValueError:
        return True
