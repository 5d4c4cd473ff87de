"""Stored rows to entities: whole graphs, level by level, one object per version within one load."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from ecs_sql.codecs.base import Dangling, Decoding, Undecodable
from ecs_sql.codecs.records import finish_model
from ecs_sql.codecs.references import pinned_id
from ecs_sql.entity_codec import Content, EntityCodec, Values
from ecs_sql.errors import UnstorableValueError
from ecs_sql.fields import EXTRA_FIELD
from ecs_sql.identity import (
    IdentifiedModel,
    mark_from_storage,
    mark_one_from_storage,
    number_of,
)
from ecs_sql.instances import new_instances
from ecs_sql.storage.garbage import collection_paused
from ecs_sql.storage.rows import CONTENT, Found, Row, Rows, UnitOfWork


@dataclass(slots=True)
class _Batch:
    """Rows of one class whose objects are made and whose references are known."""

    rows: Rows
    parsed: list[Values]
    entities: list[IdentifiedModel]
    is_filled: bool = False
    has_defaults: bool = False
    """Whether an older form lacked a field that got its default."""


class Source(NamedTuple):
    """Entities of one class, and the bookkeeping and contents that they were loaded from."""

    entities: Sequence[IdentifiedModel]
    bookkeeping: Sequence[Values]
    contents: Sequence[Content]


class Loaded(NamedTuple):
    """One load's entities, by the numbers of their ids, and what they were loaded from."""

    entities: dict[int, Any]
    sources: list[Source]


Wanted = dict[int, UUID]
"""Ids that are to be read, each by its number."""

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
        self._entities: dict[int, Any] = {}
        self._run = Decoding(self._entities)
        self._batches: list[_Batch] = []
        self._spare: dict[int, tuple[EntityCodec, Row]] = {}
        self._referrers: set[EntityCodec] = set()
        self._missing: set[int] = set()

    def ids(self, ecs_ids: Iterable[UUID]) -> None:
        """Gather these versions, as far as they are stored, and all that they refer to."""
        self._gather(_unique(ecs_ids), 1)

    def rows(self, rows: Iterable[Rows]) -> list[Any]:
        """Gather these rows and all that they refer to; the rows' entities, in stored order, unfinished."""
        pinned: list[UUID] = []
        for batch in rows:
            pinned += self._absorb(batch)
        batches = list(self._batches)
        self._gather(self._wanted(pinned), 2)
        return _in_stored_order(batches)

    def _gather(self, wanted: Wanted, level: int) -> None:
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

    def _read_level(self, wanted: Wanted, ahead: int) -> Wanted:
        pinned: list[UUID] = []
        known = len(self._entities)
        referrers, self._referrers = self._referrers, set()
        self._spare.clear()
        for rows in self._work.find(wanted.values(), referrers, ahead):
            pinned += self._absorb(self._only(rows, wanted) if ahead else rows)
        if len(self._entities) - known < len(wanted):
            self._missing.update(wanted.keys() - self._entities.keys())
        return self._wanted(pinned)

    def _wanted(self, pinned: Iterable[UUID]) -> Wanted:
        """Those of the ids that are still to be read, each once."""
        unique = _unique(pinned)
        for known in unique.keys() & self._entities.keys() | unique.keys() & self._missing:
            del unique[known]
        return unique

    def _only(self, rows: Rows, asked: Wanted) -> Rows:
        """The asked rows; those that were read ahead are kept aside."""
        kept: list[Row] = []
        for number, row in zip(map(number_of, rows.ecs_ids), rows.single(), strict=True):
            if number in asked:
                kept.append(row)
            elif number not in self._entities:
                self._spare[number] = (rows.codec, row)
        return Rows.of(rows.codec, kept)

    def _take_spare(self, wanted: Wanted) -> Wanted:
        """Absorb what was read ahead, and what that refers to; what is left has to be read."""
        if not self._spare:
            return wanted
        left: Wanted = {}
        while wanted:
            groups: dict[EntityCodec, list[Row]] = {}
            for number, ecs_id in wanted.items():
                spare = self._spare.pop(number, None)
                if spare is None:
                    left[number] = ecs_id
                else:
                    groups.setdefault(spare[0], []).append(spare[1])
            pinned: list[UUID] = []
            for codec, rows in groups.items():
                pinned += self._absorb(Rows.of(codec, rows))
            new = self._wanted(pinned)
            wanted = {number: new[number] for number in new if number not in left}
        return left

    def _absorb(self, rows: Rows) -> list[UUID]:
        """Make the rows' objects, still empty, and tell the ids that they refer to."""
        if not rows.positions:
            return []
        codec, parsed = rows.codec, list(rows.content)
        try:
            pinned = codec.parse(parsed)
        except Undecodable as error:
            raise codec.located(rows.ecs_ids, rows.contents, error, Decoding({})) from error
        entities = new_instances(codec.spec.entity_class, len(rows.positions))
        self._entities.update(zip(map(number_of, rows.ecs_ids), entities, strict=True))
        batch = _Batch(rows, parsed, entities)
        self._batches.append(batch)
        if pinned:
            self._referrers.add(codec)
        if not codec.holds_references:  # at once, while the processor has all of it at hand
            self._fill(batch)
        return pinned

    def finish(self) -> Loaded:
        """Fill the objects, now that all are there, then let the classes finish them.

        Raises:
            StoredValueError: when a stored value no longer decodes.
            MissingReferenceError: when a referenced version is not stored.
        """
        for batch in self._batches:
            if not batch.is_filled:
                self._fill(batch)
        sources = [
            Source(batch.entities, batch.rows.bookkeeping, _contents_of(batch))
            for batch in self._batches
        ]
        for model in self._run.models:
            finish_model(model)
        for batch in self._batches:
            codec = batch.rows.codec
            if codec.spec.entity_class.__pydantic_post_init__:
                for entity, content in zip(batch.entities, batch.rows.contents, strict=True):
                    self._finish_entity(codec, entity, content)
        return Loaded(self._entities, sources)

    def _fill(self, batch: _Batch) -> None:
        """Fill the batch's objects."""
        rows, run = batch.rows, self._run
        codec = rows.codec
        run.filled = False
        try:
            values = codec.decode(batch.parsed, run)
        except (Undecodable, Dangling) as error:
            raise codec.located(rows.ecs_ids, rows.contents, error, run) from error
        codec.fill(batch.entities, rows.bookkeeping, values)
        mark_from_storage(batch.entities)
        batch.is_filled, batch.has_defaults = True, run.filled

    def _finish_entity(self, codec: EntityCodec, entity: Any, content: Content) -> None:
        """Private attributes and `model_post_init`; a stored field that it changed is put back."""
        stored = codec.stored_names
        finish_model(entity, stored)
        if _changed_inside(codec, entity, content):
            columns: list[Sequence[Any]] = [[value] for value in content]
            codec.parse(columns)
            run = Decoding(self._entities)
            values = {
                item.name: value
                for item, (value,) in zip(
                    codec.spec.fields, codec.decode(columns, run), strict=True
                )
            }
            if EXTRA_FIELD in values:
                object.__setattr__(entity, "__pydantic_extra__", values.pop(EXTRA_FIELD))
            entity.__dict__.update(values)
            for model in run.models:
                finish_model(model)


def _unique(ecs_ids: Iterable[UUID]) -> Wanted:
    ids = list(ecs_ids)
    return dict(zip(map(number_of, ids), ids, strict=True))


def _contents_of(batch: _Batch) -> Sequence[Content]:
    """What an unchanged object has: as it is stored, or what this load made of an older form.

    A default that was filled in may be another one each time (an id, the present).
    """
    codec, entities = batch.rows.codec, batch.entities
    return codec.encode(entities, pinned_id) if batch.has_defaults else batch.rows.contents


def find_one(work: UnitOfWork, ecs_id: UUID) -> tuple[Found | None, Load | None]:
    """A version, and the load of its graph where its class is not simple."""
    found = work.find_one(ecs_id)
    if found is None or found[0].is_simple:
        return found, None
    load = Load(work)
    with collection_paused:
        load.rows([Rows.of(found[0], [found[1]])])
    return found, load


def load_one(found: Found) -> tuple[IdentifiedModel, Content]:
    """The entity of one version whose class is simple, and its content.

    Raises:
        StoredValueError: when a stored value no longer decodes.
    """
    codec, row = found
    content = row[CONTENT:]
    try:
        entity, run = codec.make(row)
    except Exception as error:
        raise codec.located([row[1]], [content], error, Decoding({})) from error
    mark_one_from_storage(entity)
    if run is not None:
        if run.filled:  # see `_contents_of`
            (content,) = codec.encode([entity], pinned_id)
        for model in run.models:
            finish_model(model)
    return entity, content


def _in_stored_order(batches: Sequence[_Batch]) -> list[Any]:
    placed = [batch.rows.positions for batch in batches]
    if all(before[-1] < after[0] for before, after in pairwise(placed)):
        return [entity for batch in batches for entity in batch.entities]
    positions = chain.from_iterable(placed)
    entities = chain.from_iterable(batch.entities for batch in batches)
    return [
        entity for _, entity in sorted(zip(positions, entities, strict=True), key=itemgetter(0))
    ]


def _changed_inside(codec: EntityCodec, entity: Any, content: Content) -> bool:
    try:
        return codec.encode([entity], pinned_id)[0] != content
    except UnstorableValueError:
        return True
