"""What every storage does: its operations on top of units of work.

A backend supplies units of work and says which classes it knows; all else stands here once, so that the
backends cannot differ.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from operator import attrgetter
from typing import Any, TypeVar, overload
from uuid import UUID

from ecs_sql.entity import Entity
from ecs_sql.entity_codec import Content, EntityCodec
from ecs_sql.errors import (
    EntityTypeError,
    ReadOnlyTransactionError,
    UnregisteredClassError,
)
from ecs_sql.graph import Graph
from ecs_sql.identity import (
    IdentifiedModel,
    Memory,
    memories,
    memories_in,
    memories_of,
    memory_of,
    number_of,
    remember,
    remember_all,
)
from ecs_sql.lineage import (
    Head,
    Insert,
    Survey,
    check_parents,
    plan_inserts,
    planned_heads,
    present_heads,
    sort_unknown,
)
from ecs_sql.storage.arguments import checked_class, checked_entities, checked_id, checked_ids
from ecs_sql.storage.blocks import TransactionalStorage
from ecs_sql.storage.garbage import collection_paused
from ecs_sql.storage.latest import check_latest
from ecs_sql.storage.loading import Load, Loaded, find_one, load_one
from ecs_sql.storage.rows import LINEAGE_ID, Found, RegistryStatus, UnitOfWork
from ecs_sql.storage.transactions import (
    Transaction,
    current_transaction,
)
from ecs_sql.storage.verification.verifiable import Verifiable

E = TypeVar("E", bound=Entity)
T = TypeVar("T")


_ENTITY = attrgetter("entity")
_WRITTEN = attrgetter("identity", "content")


class VersionedStorage(TransactionalStorage, Verifiable):
    """The operations of a storage, on top of a backend's units of work."""

    @abstractmethod
    def _codec_for(self, entity_class: type[IdentifiedModel]) -> EntityCodec:
        """The codec of a class that this storage takes.

        Raises:
            UnregisteredClassError: when it takes no such class.
        """

    @abstractmethod
    def _knows(self, entity_class: type[Any]) -> bool:
        """Whether a class, or a subclass of it, can have versions here."""

    _has_lone_writes = False
    """Whether a single new version can be written more quickly than by a unit of work that asks first."""

    def _begin_lone(self) -> UnitOfWork:
        """Begin a unit of work for `insert_lone` alone."""
        return self._begin_write()

    # Writing

    @overload
    def register(self, entity: E, *, expect_latest: bool = False) -> E: ...
    @overload
    def register(self, entity: UUID) -> Entity | None: ...
    def register(self, entity: Entity | UUID, *, expect_latest: bool = False) -> Entity | None:
        """See `EntityStorage.register`."""
        if isinstance(entity, UUID):
            return self.get(entity)
        self.register_many([entity], expect_latest=expect_latest)
        return entity

    def register_many(self, entities: Iterable[E], *, expect_latest: bool = False) -> list[E]:
        """See `EntityStorage.register_many`."""
        roots = checked_entities(entities)
        transaction = current_transaction(self)
        if transaction is not None and transaction.read_only:
            raise ReadOnlyTransactionError("register")
        token = self._token  # another one once another thread has cleared

        def store(present: Transaction) -> None:
            found = survey if self._token is token else self._survey(roots, transaction)
            self._store(present, found, expect_latest=expect_latest)

        with collection_paused:
            survey = self._survey(roots, transaction)
            is_done = survey.is_settled or (transaction is None and self._write_lone(survey, token))
            if not is_done:
                self._write(store)
        return roots

    def _survey(self, roots: Sequence[Entity], transaction: Transaction | None) -> Survey:
        known = memories_of if transaction is None else transaction.journal.memories_of
        graph = Graph(roots, self._codec_for)
        return Survey(graph, lambda nodes: memories_in(self._token, nodes, known(nodes)))

    def _write_lone(self, survey: Survey, token: object) -> bool:
        """Write a single new entity without asking first whether it is stored; False where it is not that.

        To ask would take as long as to write it, and mostly it is new.
        """
        if not self._has_lone_writes or survey.changed or len(survey.unknown) != 1:
            return False
        inserts = plan_inserts(survey, survey.unknown, ())
        if inserts[0].identity.parent_id is not None:
            return False

        def write() -> bool:
            with self._own_transaction(self._begin_lone, repeatable=True) as transaction:
                is_written = self._token is token and transaction.work.insert_lone(inserts[0])
                if is_written:
                    self._note(transaction, survey, inserts)
                return is_written

        return self._attempt(write)

    def _store(self, transaction: Transaction, survey: Survey, *, expect_latest: bool) -> None:
        work = transaction.work
        new, changed = survey.unknown, survey.changed
        if survey.unknown:
            heads = work.heads([identity.ecs_id for identity in survey.identities.values()])
            stored = self._contents(work, list(heads)) if heads else {}
            new, differing = sort_unknown(survey, heads, stored)
            changed = [*survey.changed, *differing]
        inserts = plan_inserts(survey, new, changed)
        check_parents(inserts, self._parent_heads(work, inserts))
        if expect_latest:
            check_latest(work, inserts)
        if inserts:
            work.insert(inserts)
        self._note(transaction, survey, inserts)

    def _parent_heads(self, work: UnitOfWork, inserts: Sequence[Insert]) -> dict[UUID, Head]:
        """The parents of the new versions, and their parents as far as `old_ids` does not tell them."""
        if all(insert.identity.parent_id is None for insert in inserts):
            return {}
        heads = {**present_heads(inserts), **planned_heads(inserts)}
        wanted = {insert.identity.parent_id for insert in inserts} - heads.keys()
        while wanted := wanted - {None}:
            found = work.heads([ecs_id for ecs_id in wanted if ecs_id is not None])
            heads.update(found)
            wanted = {h.parent_id for h in found.values() if not h.tells_ancestors} - heads.keys()
        return heads

    def _contents(self, work: UnitOfWork, ecs_ids: Sequence[UUID]) -> dict[UUID, Content]:
        return {
            ecs_id: content
            for rows in work.find(ecs_ids)
            for ecs_id, content in zip(rows.ecs_ids, rows.contents, strict=True)
        }

    def _note(self, transaction: Transaction, survey: Survey, inserts: Sequence[Insert]) -> None:
        journal, token = transaction.journal, transaction.token
        if inserts:
            identities, contents = zip(*map(_WRITTEN, inserts), strict=True)
            bookkeeping = tuple(zip(*identities, strict=True))
            journal.written(inserts, list(memories(token, bookkeeping, contents)))
        if len(inserts) == len(survey.graph.nodes):
            return
        objects = set(map(id, map(_ENTITY, inserts)))
        others = [node for node in survey.unknown if id(node) not in objects]
        if others:  # found stored as they are, or equal copies of what other objects wrote
            written = {insert.identity.ecs_id: insert.content for insert in inserts}
            known = [
                Memory(
                    token,
                    node.ecs_id,
                    node.lineage_id,
                    written.get(node.ecs_id, survey.contents[id(node)]),
                )
                for node in others
            ]
            journal.read(others, known)

    def clear(self) -> None:
        """See `EntityStorage.clear`."""
        transaction = current_transaction(self)
        if transaction is not None and transaction.read_only:
            raise ReadOnlyTransactionError("clear")
        self._write(self._clear)

    def _clear(self, transaction: Transaction) -> None:
        transaction.work.clear()
        transaction.journal.cleared(
            self._renew_token
        )  # until then others can read what was removed
        transaction.token = self._renew_token()

    # Reading

    def _load(self, gather: Callable[[UnitOfWork, Load], None]) -> Loaded:
        def read(work: UnitOfWork) -> Load:
            run = Load(work)
            paused.enter_context(collection_paused)  # not yet while it waits for a connection
            gather(work, run)
            return run

        token = self._present_token()
        with ExitStack() as paused:
            return self._finished(self._read(read), token)

    def _finished(self, load: Load, token: object) -> Loaded:
        """Finish a load; reading may be repeated, but what classes do on load is done once."""
        with collection_paused:
            loaded = load.finish()
            for entities, bookkeeping, contents in loaded.sources:
                self._remember_loaded(entities, memories(token, bookkeeping, contents))
        return loaded

    def _remember_loaded(
        self, entities: Sequence[IdentifiedModel], known: Iterable[Memory]
    ) -> None:
        """Remember what was read: at once where it is committed, else when it will be."""
        current = current_transaction(self)
        if current is None:
            remember_all(entities, known)
        elif not current.joined:
            current.journal.read_all(entities, known)

    def has_entity(self, ecs_id: UUID) -> bool:
        """See `EntityStorage.has_entity`."""
        return bool(self.existing([ecs_id]))

    def existing(self, ecs_ids: Iterable[UUID]) -> set[UUID]:
        """Those of the ids that are stored, in one question."""
        ids = checked_ids(ecs_ids)
        return self._read(lambda work: work.existing(ids))

    @overload
    def get(self, ecs_id: UUID, entity_type: type[E]) -> E | None: ...
    @overload
    def get(self, ecs_id: UUID, entity_type: None = None) -> Entity | None: ...
    def get(self, ecs_id: UUID, entity_type: type[Entity] | None = None) -> Entity | None:
        """See `EntityStorage.get`."""
        ecs_id = checked_id(ecs_id)
        if entity_type is not None:
            self._check_known(entity_type)
        entity: Entity | None = self._get_one(ecs_id)
        if entity_type is not None and entity is not None and not isinstance(entity, entity_type):
            raise EntityTypeError(ecs_id, entity_type, type(entity))
        return entity

    def _get_one(self, ecs_id: UUID) -> Any:
        current = current_transaction(self)
        token = self._token if current is None else current.token
        found, load = (
            self._find_alone(ecs_id) if current is None else self._find_inside(current.work, ecs_id)
        )
        if found is None:
            return None
        if load is not None:
            return self._finished(load, token).entities[ecs_id.int]
        entity, content = load_one(found)
        memory = memory_of(token, ecs_id, found[1][LINEAGE_ID], content)
        if current is None:
            remember(entity, memory)
        elif not current.joined:
            current.journal.read_one(entity, memory)
        return entity

    def _find_alone(self, ecs_id: UUID) -> tuple[Found | None, Load | None]:
        """See `find_one`; in a unit of work of its own."""
        return self._read(lambda work: find_one(work, ecs_id))

    def _find_inside(self, work: UnitOfWork, ecs_id: UUID) -> tuple[Found | None, Load | None]:
        """See `find_one`; in a transaction."""
        return find_one(work, ecs_id)

    @overload
    def get_many(self, ecs_ids: Iterable[UUID], entity_type: type[E]) -> list[E | None]: ...
    @overload
    def get_many(
        self, ecs_ids: Iterable[UUID], entity_type: None = None
    ) -> list[Entity | None]: ...
    def get_many(self, ecs_ids: Iterable[UUID], entity_type: type[Any] | None = None) -> list[Any]:
        """See `EntityStorage.get_many`."""
        ids = checked_ids(ecs_ids)
        if entity_type is not None:
            self._check_known(entity_type)
        entities = self._load(lambda work, load: load.ids(ids)).entities
        found = list(map(entities.get, map(number_of, ids)))
        if entity_type is not None:
            for ecs_id, entity in zip(ids, found, strict=True):
                if entity is not None and not isinstance(entity, entity_type):
                    raise EntityTypeError(ecs_id, entity_type, type(entity))
        return found

    def _check_known(self, entity_type: type[Any]) -> None:
        if not self._knows(checked_class(entity_type)):
            raise UnregisteredClassError(entity_type)

    def get_cold_snapshot(self, ecs_id: UUID) -> Entity | None:
        """See `EntityStorage.get_cold_snapshot`."""
        return self.get(ecs_id)

    def list_by_type(self, entity_type: type[E]) -> list[E]:
        """See `EntityStorage.list_by_type`."""
        self._check_known(entity_type)
        listed: list[E] = []

        def gather(work: UnitOfWork, load: Load) -> None:
            listed[:] = load.rows(work.of_class(entity_type))

        self._load(gather)
        return listed

    def has_lineage_id(self, lineage_id: UUID) -> bool:
        """See `EntityStorage.has_lineage_id`."""
        return bool(self.get_lineage_ids(lineage_id))

    def get_lineage_ids(self, lineage_id: UUID) -> list[UUID]:
        """See `EntityStorage.get_lineage_ids`."""
        checked = checked_id(lineage_id)
        return self._read(lambda work: work.lineage(checked))

    def get_lineage_entities(self, lineage_id: UUID) -> list[Entity]:
        """See `EntityStorage.get_lineage_entities`."""
        listed: list[UUID] = []
        checked = checked_id(lineage_id)

        def gather(work: UnitOfWork, load: Load) -> None:
            listed[:] = work.lineage(checked)
            load.ids(listed)

        entities = self._load(gather).entities
        return [entities[ecs_id.int] for ecs_id in listed]

    def get_registry_status(self) -> RegistryStatus:
        """See `EntityStorage.get_registry_status`."""
        return self._read(lambda work: work.status())
