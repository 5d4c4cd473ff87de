"""Rows that were damaged by hand: the error names them, and all others stay readable and writable."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID, uuid4

import pytest

from ecs_sql import Entity, SqlAlchemyEntityStorage
from ecs_sql.errors import (
    EcsSqlError,
    MissingReferenceError,
    StoredValueError,
    UnknownDiscriminatorError,
)
from ecs_sql.testing import assert_same_graph
from ecs_sql.testing.models import Containers, Scalars
from tests.damage import database_of, id_value, put, remove, row_of, run_sql

if TYPE_CHECKING:
    from tests.conftest import MakeSqlStorage
    from tests.storages import Storages


class Engine(Entity):
    power: int = 1
    notes: list[str] = []


class Diesel(Engine):
    fuel: str = "diesel"


class Car(Entity):
    name: str = ""
    engine: Engine | None = None
    spare: Diesel | None = None
    next: Car | None = None


class Road(Entity):
    length: float = 0.0


class Damage(NamedTuple):
    """How one row is damaged, and what its reading raises."""

    do: Callable[[SqlAlchemyEntityStorage, Diesel], object]
    error: type[EcsSqlError]
    column: str | None


def _put(column: str, value: Any, table: str) -> Callable[[SqlAlchemyEntityStorage, Diesel], None]:
    return lambda storage, entity: put(storage, entity, column, value, table)


DAMAGES = {
    "another form": Damage(_put("notes", '{"a": 1}', "engine"), StoredValueError, "notes"),
    "another type inside": Damage(_put("notes", '["a", 7]', "engine"), StoredValueError, "notes"),
    "null inside": Damage(_put("notes", "[null]", "engine"), StoredValueError, "notes"),
    "no list of ids": Damage(
        _put("old_ids", '{"a": 1}', "base_entities"), StoredValueError, "old_ids"
    ),
    "ids of numbers": Damage(
        _put("old_ids", "[1, 2]", "base_entities"), StoredValueError, "old_ids"
    ),
    "ids that are none": Damage(
        _put("old_ids", '["no id"]', "base_entities"), StoredValueError, "old_ids"
    ),
    "unknown type": Damage(
        _put("type", "petrol", "base_entities"), UnknownDiscriminatorError, None
    ),
    "a module for a type": Damage(
        _put("type", "os.system", "base_entities"), UnknownDiscriminatorError, None
    ),
}
# What PostgreSQL's and MariaDB's column types keep out.
ON_SQLITE = {
    "broken JSON": Damage(_put("notes", '["a"', "engine"), StoredValueError, "notes"),
    "bytes for JSON": Damage(_put("notes", b"\xff\xfe", "engine"), StoredValueError, "notes"),
    "text for a number": Damage(_put("power", "many", "engine"), StoredValueError, "power"),
    "bytes for text": Damage(_put("fuel", b"oil", "diesel"), StoredValueError, "fuel"),
    "broken old_ids": Damage(_put("old_ids", "[", "base_entities"), StoredValueError, "old_ids"),
    "no id of a parent": Damage(
        _put("parent_id", "no id", "base_entities"), StoredValueError, "parent_id"
    ),
    "no id of a lineage": Damage(
        _put("lineage_id", "no id", "base_entities"), StoredValueError, "lineage_id"
    ),
    "no date": Damage(
        _put("created_at", "yesterday", "base_entities"), StoredValueError, "created_at"
    ),
    "a number for a date": Damage(
        _put("created_at", 7, "base_entities"), StoredValueError, "created_at"
    ),
}


class Fleet(NamedTuple):
    """What is stored: one engine gets damaged, everything else is sound."""

    storage: SqlAlchemyEntityStorage
    damaged: Diesel
    on_it: Car
    sound: list[Entity]


def _fleet(storage: SqlAlchemyEntityStorage) -> Fleet:
    damaged = Diesel(power=3, notes=["it"])
    on_it = Car(name="on it", engine=damaged)
    sound: list[Entity] = [
        Car(name="before", engine=Engine(power=1), spare=Diesel(power=2)),
        Road(),
    ]
    sound += [Car(name="after", engine=Diesel(power=4)), Engine(power=5), Diesel(power=6)]
    storage.register_many(sound[:2])
    storage.register(on_it)
    storage.register_many(sound[2:])
    return Fleet(storage, damaged, on_it, sound)


def _check_named(error: EcsSqlError, damage: Damage, ecs_id: UUID) -> None:
    assert type(error) is damage.error
    assert getattr(error, "ecs_id", None) == ecs_id
    assert str(ecs_id) in str(error)
    if damage.column is not None:
        assert getattr(error, "column", None) == damage.column
        assert damage.column in str(error)


def _check_readings(fleet: Fleet, damage: Damage) -> None:
    storage, damaged, on_it, sound = fleet
    first = sound[0].ecs_id
    readings: dict[str, Callable[[], object]] = {
        "get": lambda: storage.get(damaged.ecs_id),
        "get as its class": lambda: storage.get(damaged.ecs_id, Diesel),
        "get what refers to it": lambda: storage.get(on_it.ecs_id),
        "get_many": lambda: storage.get_many([first, damaged.ecs_id]),
        "list_by_type": lambda: storage.list_by_type(Diesel),
        "list_by_type of a base": lambda: storage.list_by_type(Engine),
        "list_by_type of all": lambda: storage.list_by_type(Entity),
    }
    for name, read in readings.items():
        with pytest.raises(EcsSqlError) as caught:
            read()
            pytest.fail(f"{name} told nothing")
        _check_named(caught.value, damage, damaged.ecs_id)
    assert storage.has_entity(damaged.ecs_id)
    assert not storage.verify().ok


def _check_rest(fleet: Fleet) -> None:
    storage, _, _, sound = fleet
    for entity, loaded in zip(sound, storage.get_many([one.ecs_id for one in sound]), strict=True):
        assert_same_graph(loaded, entity)
    assert [one.ecs_id for one in storage.list_by_type(Road)] == [sound[1].ecs_id]
    assert storage.get_lineage_ids(sound[0].lineage_id) == [sound[0].ecs_id]
    car = storage.get(sound[2].ecs_id, Car)
    assert car is not None
    assert car.engine is not None
    car.engine.power += 1
    storage.register(car)
    assert car.parent_id == sound[2].ecs_id
    assert_same_graph(storage.get(car.ecs_id), car)


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_named_and_the_rest_stays_readable(
    make_sql_storage: MakeSqlStorage, name: str
) -> None:
    fleet = _fleet(make_sql_storage(Car, Diesel, Road))
    DAMAGES[name].do(fleet.storage, fleet.damaged)
    _check_readings(fleet, DAMAGES[name])
    _check_rest(fleet)


@pytest.mark.parametrize("table", ["diesel", "engine"])
def test_a_missing_row_of_the_class_or_its_parent_is_named(
    make_sql_storage: MakeSqlStorage, table: str
) -> None:
    """By all that asks for the version; a list is of the rows that its class's table has."""
    fleet = _fleet(make_sql_storage(Car, Diesel, Road))
    storage, damaged, on_it, sound = fleet
    remove(storage, damaged, table)
    for read in (
        lambda: storage.get(damaged.ecs_id),
        lambda: storage.get(damaged.ecs_id, Diesel),
        lambda: storage.get(on_it.ecs_id),
        lambda: storage.get_many([sound[0].ecs_id, damaged.ecs_id]),
        lambda: storage.list_by_type(Car),
        lambda: storage.get_lineage_entities(damaged.lineage_id),
    ):
        with pytest.raises(StoredValueError, match="row in table") as caught:
            read()
        assert (caught.value.entity_class, caught.value.ecs_id) == (Diesel, damaged.ecs_id)
    listed = {one.ecs_id for one in storage.list_by_type(Diesel)}
    assert damaged.ecs_id not in listed
    assert {one.ecs_id for one in sound if isinstance(one, Diesel)} <= listed
    (finding,) = storage.verify().findings
    assert (finding.kind, finding.table, finding.ecs_id) == ("missing_row", table, damaged.ecs_id)
    _check_rest(fleet)


@pytest.mark.parametrize("name", ON_SQLITE)
def test_what_only_sqlite_keeps_is_named_and_the_rest_stays_readable(
    storages: Storages, name: str
) -> None:
    fleet = _fleet(storages.open_url(storages.database("sqlite"), Car, Diesel, Road))
    ON_SQLITE[name].do(fleet.storage, fleet.damaged)
    _check_readings(fleet, ON_SQLITE[name])
    _check_rest(fleet)


def test_text_that_is_no_json_is_named_where_a_column_takes_it(
    make_sql_storage: MakeSqlStorage,
) -> None:
    fleet = _fleet(make_sql_storage(Car, Diesel, Road))
    if database_of(fleet.storage) == "postgresql":
        run_sql(fleet.storage, "ALTER TABLE engine ALTER notes TYPE TEXT USING notes::text")
    put(fleet.storage, fleet.damaged, "notes", '["a', "engine")
    _check_readings(fleet, Damage(lambda *_: None, StoredValueError, "notes"))
    _check_rest(fleet)


def test_a_dangling_reference_is_named(make_sql_storage: MakeSqlStorage) -> None:
    fleet = _fleet(make_sql_storage(Car, Diesel, Road))
    storage, _, on_it, _ = fleet
    put(storage, on_it, "engine_id", id_value(storage, uuid4()))
    for read in (
        lambda: storage.get(on_it.ecs_id),
        lambda: storage.list_by_type(Car),
        lambda: storage.get_many([fleet.sound[0].ecs_id, on_it.ecs_id]),
    ):
        with pytest.raises(MissingReferenceError) as caught:
            read()
        _check_named(
            caught.value, Damage(lambda *_: None, MissingReferenceError, "engine_id"), on_it.ecs_id
        )
    _check_rest(fleet)


def test_a_reference_to_a_version_of_another_class_is_named(
    make_sql_storage: MakeSqlStorage,
) -> None:
    fleet = _fleet(make_sql_storage(Car, Diesel, Road))
    storage, _, on_it, sound = fleet
    for column, other in (("engine_id", sound[1]), ("spare_id", sound[3])):
        put(storage, on_it, "engine_id", id_value(storage, fleet.damaged.ecs_id))
        put(storage, on_it, column, id_value(storage, other.ecs_id))
        for read in (lambda: storage.get(on_it.ecs_id), lambda: storage.list_by_type(Car)):
            with pytest.raises(StoredValueError) as caught:
                read()
            _check_named(
                caught.value, Damage(lambda *_: None, StoredValueError, column), on_it.ecs_id
            )
            assert str(other.ecs_id) in str(caught.value)
    _check_rest(fleet)


@pytest.mark.parametrize("column", ["old_ids", "notes"])
def test_a_damaged_row_that_is_not_asked_for_harms_nobody(
    make_sql_storage: MakeSqlStorage, column: str
) -> None:
    """Also where a load reads ahead over it."""
    storage = make_sql_storage(Car, Diesel)
    tail = Car(name="end")
    for number in range(100):
        tail = Car(name=str(number), next=tail)
    storage.register(tail)
    damaged = Diesel()
    decoys = [Car(name=f"decoy {number}", engine=damaged) for number in range(5)]
    storage.register_many([damaged, *decoys])
    head = tail
    for number in range(100):
        head = Car(name=f"head {number}", next=head)
    storage.register(head)
    if column == "notes":
        put(storage, damaged, "notes", "[7]", "engine")
    else:
        for one in (damaged, *decoys):
            put(storage, one, "old_ids", "[7]", "base_entities")
    assert_same_graph(storage.get(head.ecs_id), head)
    assert storage.get_many([head.ecs_id, uuid4()])[1] is None
    with pytest.raises(StoredValueError) as caught:
        storage.get(decoys[0].ecs_id)
    assert str(damaged.ecs_id if column == "notes" else decoys[0].ecs_id) in str(caught.value)


@pytest.mark.parametrize("stored", [7, -1, "x", "", b"\x01", 0.5])
def test_a_number_that_is_no_boolean_is_not_true(storages: Storages, stored: Any) -> None:
    storage = storages.open_url(storages.database("sqlite"), Scalars)
    damaged, sound = Scalars(flag=True), Scalars(flag=False)
    storage.register_many([damaged, sound])
    put(storage, damaged, "flag", stored)
    with pytest.raises(StoredValueError) as caught:
        storage.get(damaged.ecs_id)
    assert (caught.value.ecs_id, caught.value.column) == (damaged.ecs_id, "flag")
    assert_same_graph(storage.get(sound.ecs_id), sound)


def test_a_number_that_is_no_boolean_is_not_true_on_mariadb(storages: Storages) -> None:
    storage = storages.open_url(storages.database("mariadb"), Scalars)
    damaged = Scalars(flag=True)
    storage.register(damaged)
    put(storage, damaged, "flag", 7)
    with pytest.raises(StoredValueError, match="flag"):
        storage.get(damaged.ecs_id)


@pytest.mark.parametrize(
    ("column", "stored"),
    [
        ("queue", '{"maxlen": -1, "items": []}'),
        ("queue", '{"maxlen": 1, "items": [1, 2]}'),
        ("queue", '{"maxlen": 99999999999999999999, "items": []}'),
        ("queue", '{"maxlen": 1, "items": {"a": 1}}'),
        ("ratios", "[1e400]"),
        ("ratios", "[NaN]"),
        ("row", '["NaN", 1]'),
    ],
)
def test_forms_that_no_value_has_are_named(storages: Storages, column: str, stored: str) -> None:
    storage = storages.open_url(storages.database("sqlite"), Containers)
    damaged = Containers()
    storage.register(damaged)
    put(storage, damaged, column, stored)
    with pytest.raises(StoredValueError) as caught:
        storage.get(damaged.ecs_id)
    assert (caught.value.ecs_id, caught.value.column) == (damaged.ecs_id, column)


def test_an_id_that_is_none_is_named_where_it_is_read(storages: Storages) -> None:
    """Nobody can ask for the version any more; what lists it tells its row."""
    storage = storages.open_url(storages.database("sqlite"), Car, Diesel, Road)
    fleet = _fleet(storage)
    lineage_id = fleet.damaged.lineage_id
    row_id = row_of(storage, fleet.damaged)
    put(storage, fleet.damaged, "ecs_id", "no id", "base_entities")
    assert storage.get(fleet.damaged.ecs_id) is None
    for read in (
        lambda: storage.list_by_type(Diesel),
        lambda: storage.get_lineage_ids(lineage_id),
        lambda: storage.get_lineage_entities(lineage_id),
    ):
        with pytest.raises(StoredValueError, match="no id") as caught:
            read()
        assert caught.value.column == "ecs_id"
    (finding,) = [f for f in storage.verify().findings if f.column == "ecs_id"]
    assert (finding.kind, finding.row_id) == ("undecodable_value", row_id)
    _check_rest(fleet)
