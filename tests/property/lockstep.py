"""One backend's side of the state machine: does what the model does, and compares what it finds."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from ecs_sql import SqlAlchemyEntityStorage, errors
from ecs_sql.testing import assert_one_object_per_version
from tests.property.machine_model import Fields, Refused, Registered, Version, renamed, shape
from tests.property.models import PARTS, Motor, Part, Slot, Wheel
from tests.property.walking import reachable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ecs_sql import EntityStorage
    from ecs_sql.storage.base import VersionedStorage
    from tests.property.machine_model import Model
    from tests.property.strategies import Change
    from tests.storages import Storages


class Stop(Exception):
    """Leaves a block, which is then rolled back."""


class Block:
    """An open block; a joined one is of a Session of the application's own, which ends it."""

    def __init__(self, storage: EntityStorage, *, joined: bool) -> None:
        self._session: Session | None = None
        if joined and isinstance(storage, SqlAlchemyEntityStorage):
            self._session = Session(storage.engine)
            self._open = storage.transaction(self._session)
        else:
            self._open = storage.transaction()
        self._open.__enter__()

    def commit(self) -> None:
        self._open.__exit__(None, None, None)
        if self._session is not None:
            self._session.commit()
            self._session.close()

    def roll_back(self) -> None:
        if self._session is not None:
            self._open.__exit__(None, None, None)
            self._session.rollback()
            self._session.close()
            return
        stop = Stop()
        assert not self._open.__exit__(Stop, stop, None)


class Backend:
    """Two storages on one database, and the real objects and ids for the model's handles and numbers."""

    def __init__(self, name: str, storages: Storages) -> None:
        self.name = name
        self._storages = storages
        self.first = storages.open(name, *PARTS)
        self.second = storages.reopen(self.first)

    def start(self, model: Model) -> None:
        """Begin another example, with nothing stored."""
        for storage in (self.first, self.second):
            storage.clear()
        self._model = model
        self._objects: dict[int, Part] = {}
        self._ids: dict[int, UUID] = {}
        self._numbers: dict[UUID, int] = {}
        self._lineages: dict[int, UUID] = {}
        self._order: list[int] = []
        self._blocks: list[tuple[Block, list[int]]] = []
        self._cleared = False
        self._is_read = False

    def abandon(self) -> None:
        """Close what a failed example left open."""
        while self._blocks:
            with contextlib.suppress(Exception):
                self._blocks.pop()[0].roll_back()

    def storage(self, which: int) -> EntityStorage:
        """The first or the second storage; in a block always the first, which has it open."""
        return self.second if which % 2 and not self._blocks else self.first

    def reopen(self) -> None:
        """Open the second storage anew."""
        self._is_read = False
        if isinstance(self.second, SqlAlchemyEntityStorage):
            self.second.engine.dispose()
        self.second = self._storages.reopen(self.first)

    # Live objects

    def new(self, handle: int, label: str) -> None:
        self._objects[handle] = self._model.things[handle].kind(label=label)
        self._learn(handle)

    def edit(self, change: Change, handles: Sequence[int], made: int | None) -> None:
        at = handles[change.at % len(handles)]
        change.apply([self._objects[handle] for handle in handles])
        if made is not None:
            self._objects[made] = self._objects[at].many[-1]
            self._learn(made)
        self._learn(at)

    def detach(self, handle: int) -> None:
        part = self._objects[handle]
        part.one, part.row = None, ()
        for container in (part.many, part.group, part.named, part.slots):
            container.clear()
        if isinstance(part, Motor):
            part.spare, part.owner = None, ""

    def copy(self, handle: int, copy: int, label: str | None) -> None:
        update = {} if label is None else {"label": label}
        made = self._objects[copy] = self._objects[handle].model_copy(update=update)
        # pydantic's copy shares its containers with the original.
        made.marks = {key: list(numbers) for key, numbers in made.marks.items()}
        made.many, made.group, made.named = list(made.many), set(made.group), dict(made.named)
        made.slots = [Slot(part=slot.part, note=slot.note) for slot in made.slots]

    def copy_graph(self, copies: dict[int, int]) -> None:
        """A deep copy of the first of these handles, and so of all of them."""
        original = self._objects[next(iter(copies))]
        made = original.model_copy(deep=True)
        pairs = zip(reachable(original), reachable(made), strict=True)
        real = {id(part): copy for part, copy in pairs}
        for handle, copy in copies.items():
            self._objects[copy] = real[id(self._objects[handle])]

    def _learn(self, handle: int) -> None:
        """Note the random ids of an identity that is new; check one that is not."""
        part, number = self._objects[handle], self._model.things[handle].number
        identity = self._model.identities[number]
        if number not in self._ids:
            assert part.ecs_id not in self._numbers, "an id was given out twice"
            self._ids[number], self._numbers[part.ecs_id] = part.ecs_id, number
            self._lineages.setdefault(identity.lineage, part.lineage_id)
        self._check_identity(part, number)

    def _check_identity(self, part: Part, number: int) -> None:
        identity = self._model.identities[number]
        told = self._numbers.get(part.ecs_id, part.ecs_id)
        assert told == number, f"{self.name}: {part.label!r} bears {told}, not {number}"
        assert part.lineage_id == self._lineages[identity.lineage]
        assert part.parent_id == (None if identity.parent is None else self._ids[identity.parent])
        assert part.old_ids == [self._ids[old] for old in identity.old]

    # Writing

    def register(self, roots: Sequence[int], expected: Registered | Refused, which: int) -> None:
        self._is_read = False
        objects = [self._objects[handle] for handle in roots]
        storage = self.storage(which)
        if isinstance(expected, Refused):
            with pytest.raises(getattr(errors, str(expected))):
                storage.register_many(objects)
            return
        if len(objects) == 1:
            assert storage.register(objects[0]) is objects[0]
        else:
            assert storage.register_many(objects) == objects
        for handle in expected.forked:
            self._learn(handle)
        self._order += self._order_of(storage, expected)

    def _order_of(self, storage: EntityStorage, expected: Registered) -> list[int]:
        if not expected.is_order_open:
            return expected.made
        listed = [self._numbers[part.ecs_id] for part in storage.list_by_type(Part)]
        new = listed[len(self._order) :]
        assert sorted(new) == sorted(expected.made)
        return new

    def register_spoiled(self, root: int, spoiled: int, which: int) -> None:
        """Register while one part holds what no part can."""
        self._is_read = False
        part = self._objects[spoiled]
        label, part.label = part.label, "\x00"
        with pytest.raises(errors.UnstorableValueError):
            self.storage(which).register(self._objects[root])
        part.label = label

    def clear(self) -> None:
        self._is_read = False
        self.first.clear()
        self._order = []
        self._cleared = True
        self._forget_cleared()

    def _forget_cleared(self) -> None:
        """The second storage remembers objects whose versions are gone; it would know after a clear of its own.

        That would remove what was stored since, so it is let know without one.
        """
        if self._cleared and not self._blocks:
            cast("VersionedStorage", self.second)._renew_token()
            self._cleared = False

    def begin(self, *, joined: bool) -> None:
        self._is_read = False
        self._blocks.append((Block(self.first, joined=joined and not self._blocks), self._order[:]))

    def commit(self) -> None:
        self._is_read = False
        self._blocks.pop()[0].commit()
        self._forget_cleared()

    def roll_back(self) -> None:
        self._is_read = False
        block, self._order = self._blocks.pop()
        block.roll_back()
        if not self._blocks:
            self._cleared = False

    # Reading

    def load(self, loaded: dict[int, int], numbers: Sequence[int], which: int) -> None:
        """Load versions; their objects are those of the handles."""
        found = self.storage(which).get_many([self._ids[number] for number in numbers], Part)
        roots = [part for part in found if part is not None]
        assert [self._numbers[part.ecs_id] for part in roots] == list(numbers)
        assert_one_object_per_version(*roots)
        parts = {self._numbers[part.ecs_id]: part for part in reachable(*roots)}
        assert parts.keys() == loaded.keys()
        assert all(part.from_storage for part in parts.values())
        for number, handle in loaded.items():
            self._objects[handle] = parts[number]
            self._learn(handle)

    def check_get(self, number: int, wanted: type[Part], which: int) -> None:
        """`get` of one type: the version, nothing, or a refusal."""
        storage, ecs_id = self.storage(which), self._ids.get(number, uuid4())
        version = self._model.stored.get(number)
        assert storage.has_entity(ecs_id) == (version is not None)
        if version is not None and not issubclass(version.kind, wanted):
            with pytest.raises(errors.EntityTypeError):
                storage.get(ecs_id, wanted)
        else:
            self._check_version(storage.get(ecs_id, wanted), version)
        self._check_version(storage.get_cold_snapshot(ecs_id), version)  # type: ignore[arg-type]

    def check_list(self, kind: type[Part], which: int) -> None:
        listed = self.storage(which).list_by_type(kind)
        stored = self._model.stored
        expected = [number for number in self._order if issubclass(stored[number].kind, kind)]
        self._check_versions(listed, expected, stored)

    def check_lineage(self, lineage: int, which: int) -> None:
        """A lineage's versions in stored order; who follows the parents never comes back."""
        storage, identities = self.storage(which), self._model.identities
        lineage_id = self._lineages.get(lineage, uuid4())
        expected = [number for number in self._order if identities[number].lineage == lineage]
        listed = [self._numbers[ecs_id] for ecs_id in storage.get_lineage_ids(lineage_id)]
        assert listed == expected
        assert storage.has_lineage_id(lineage_id) == bool(expected)
        entities = storage.get_lineage_entities(lineage_id)
        self._check_versions(entities, expected, self._model.stored)  # type: ignore[arg-type]
        parents = {entity.ecs_id: entity.parent_id for entity in entities}
        for ecs_id, parent in parents.items():
            line, above = {ecs_id}, parent
            while above is not None:
                assert above not in line
                line.add(above)
                above = parents.get(above)

    def check_read_only(self, handle: int, which: int) -> None:
        storage = self.storage(which)
        with storage.transaction(read_only=True):
            self.check_list(Part, which)
            with pytest.raises(errors.ReadOnlyTransactionError):
                storage.register(self._objects[handle])
            with pytest.raises(errors.ReadOnlyTransactionError):
                storage.clear()
            self.check_list(Part, which)

    # After every step

    def check(self) -> None:
        """Live objects hold what they should; storages too, and every version as it was stored."""
        handle_of = {id(part): handle for handle, part in self._objects.items()}
        for handle, part in self._objects.items():
            thing = self._model.things[handle]
            self._check_identity(part, thing.number)
            now = renamed(_fields_of(part), lambda target: handle_of[id(target)])
            assert shape(now) == shape(thing.fields)
        if self._is_read and self.name != "memory":
            return  # what is done to objects alone reaches no database
        self._is_read = True
        self._check_stored(self.first, self._model.stored)
        if self._blocks and self.second is not self.first:
            self._check_stored(self.second, self._model.committed)

    def forget_all_but(self, kept: Iterable[int]) -> None:
        """Keep these objects alone."""
        self._objects = {handle: self._objects[handle] for handle in kept}

    def _check_stored(self, storage: EntityStorage, stored: dict[int, Version]) -> None:
        numbers = list(self._ids)
        found = storage.get_many([self._ids[number] for number in numbers], Part)
        assert_one_object_per_version(*[part for part in found if part is not None])
        for number, part in zip(numbers, found, strict=True):
            self._check_version(part, stored.get(number))
        status = storage.get_registry_status()
        lineages = {self._model.identities[number].lineage for number in stored}
        kinds = {version.kind for version in stored.values()}
        assert (status.versions, status.lineages) == (len(stored), len(lineages))
        assert status.entity_types == len(kinds)

    def _check_versions(
        self, parts: Sequence[Part], numbers: Sequence[int], stored: dict[int, Version]
    ) -> None:
        assert [self._numbers[part.ecs_id] for part in parts] == list(numbers)
        for number, part in zip(numbers, parts, strict=True):
            self._check_version(part, stored[number])

    def _check_version(self, part: Part | None, version: Version | None) -> None:
        if part is None or version is None:
            assert part is version, "a version is there that should not be, or is missing"
            return
        assert type(part) is version.kind
        self._check_identity(part, self._numbers[part.ecs_id])
        found = renamed(_fields_of(part), lambda target: self._numbers[target.ecs_id])
        assert shape(found) == shape(version.fields)

    def check_whole(self) -> None:
        """Every lineage and class, and the tables themselves; for the end of an example."""
        for lineage in {self._model.identities[number].lineage for number in self._order}:
            self.check_lineage(lineage, lineage)
        for kind in PARTS:
            self.check_list(kind, 1)
        report = self.first.verify()
        assert report.ok, report
        if isinstance(self.first, SqlAlchemyEntityStorage):
            self._check_rows(self.first)

    def _check_rows(self, storage: SqlAlchemyEntityStorage) -> None:
        """The base rows, by SQL of our own."""
        query = text("SELECT ecs_id, parent_id, type FROM base_entities ORDER BY id")
        with storage.engine.connect() as connection:
            rows = connection.execute(query).all()
        identities, stored = self._model.identities, self._model.stored
        expected = [
            (
                self._ids[number],
                None if (parent := identities[number].parent) is None else self._ids[parent],
                stored[number].kind.__name__.lower(),
            )
            for number in self._order
        ]
        assert [(_uuid(own), _uuid(parent), kind) for own, parent, kind in rows] == expected


def _uuid(value: Any) -> UUID | None:
    return value if value is None or isinstance(value, UUID) else UUID(value)


def _fields_of(part: Part) -> Fields:
    """A real part's fields as the model has them; the references are the parts themselves."""
    own: Fields = {}
    if isinstance(part, Wheel):
        own = {"spokes": part.spokes}
    elif isinstance(part, Motor):
        owner = part.owner
        own = {
            "spare": part.spare,
            "owner": ("part" if isinstance(owner, Part) else "text", owner),
        }
    return {
        "label": part.label,
        "number": part.number,
        "marks": part.marks,
        "one": part.one,
        "many": part.many,
        "row": part.row,
        "group": part.group,
        "named": part.named,
        "slots": [(slot.part, slot.note) for slot in part.slots],
        **own,
    }
