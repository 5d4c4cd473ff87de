"""Bad input: each kind is refused by an error of its own that says the remedy, and nothing changes.

What any storage must refuse is in the contract; here is what takes a SQL database, and how the
messages read.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel, create_model
from sqlalchemy import LargeBinary, String, inspect, text, update

import ecs_sql
from ecs_sql import Entity, EntityMapping, InMemoryEntityStorage, SqlAlchemyEntityStorage, errors
from ecs_sql.testing import assert_same_graph, assert_same_picture, picture

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MakeSqlStorage, MakeStorage
    from tests.storages import Storages


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Cup(Entity):
    name: str = ""


class Jug(Cup):
    litres: float = 1.0


class Shelf(Entity):
    name: str = ""
    color: Color = Color.RED
    words: list[str] = []
    next: Shelf | None = None
    cups: list[Cup] = []


class Stranger(Entity):
    name: str = ""


class Callback(Entity):
    call: Callable[[], None] | None = None


class Vague(Entity):
    things: list[object] = []
    fine: int = 0
    matrix: dict[tuple[int, int], complex] = {}


def _same_name_elsewhere() -> type[Entity]:
    class Cup(Entity):
        volume: int = 0

    return Cup


def rows(storage: SqlAlchemyEntityStorage) -> dict[str, list[str]]:
    """Every row of every table, whatever the classes say."""
    with storage.engine.connect() as connection:
        return {
            table: sorted(map(repr, connection.execute(text(f"SELECT * FROM {table}"))))
            for table in inspect(connection).get_table_names()
        }


def damage(storage: SqlAlchemyEntityStorage, entity: Entity, **values: Any) -> None:
    """Write into the row of an entity's own table, past the library."""
    tables = storage.mapping.metadata.tables
    base, own = tables["base_entities"], tables[type(entity).__name__.lower()]
    change = update(own).values(
        {
            name: text(f":{name}") if isinstance(value, str) else value
            for name, value in values.items()
        }
    )
    row_id = base.select().with_only_columns(base.c.id).where(base.c.ecs_id == entity.ecs_id)
    texts = {name: value for name, value in values.items() if isinstance(value, str)}
    with storage.engine.begin() as connection:
        found = connection.execute(row_id).scalar_one()
        assert connection.execute(change.where(own.c.id == found), texts).rowcount == 1


def check_message(error: BaseException, *mentions: object) -> None:
    """The message names what is wrong, and a remedy after it."""
    assert isinstance(error, errors.EcsSqlError)
    for mention in mentions:
        assert str(mention) in str(error)
    assert ";" in str(error), f"no remedy in {str(error)!r}"


# ---------------------------------------------------------------- classes


def test_a_field_that_cannot_be_mapped_is_refused_at_registration() -> None:
    with pytest.raises(errors.MappingError) as caught:
        EntityMapping().register(Callback)
    (fault,) = caught.value.faults
    assert (fault.entity_class, fault.field) == (Callback, "call")
    check_message(caught.value, "Callback", "call", "Callable", fault.remedy)


def test_all_faults_of_all_classes_come_in_one_report() -> None:
    mapping = EntityMapping()
    with pytest.raises(errors.MappingError) as caught:
        mapping.register(Callback, Cup, Vague)
    found = {(fault.entity_class, fault.field) for fault in caught.value.faults}
    assert found == {(Callback, "call"), (Vague, "things"), (Vague, "matrix")}
    check_message(caught.value, "Callback.call", "Vague.things", "Vague.matrix")
    assert all(fault.remedy for fault in caught.value.faults)


def test_a_refused_registration_leaves_the_mapping_as_it_was() -> None:
    mapping = EntityMapping()
    mapping.register(Shelf)
    before = set(mapping), set(mapping.metadata.tables)
    with pytest.raises(errors.MappingError):
        mapping.register(Stranger, Callback)
    assert (set(mapping), set(mapping.metadata.tables)) == before
    mapping.register(Stranger)
    assert Stranger in mapping


def test_a_refused_registration_makes_no_table(
    make_sql_storage: MakeSqlStorage, storages: Storages
) -> None:
    storage = make_sql_storage(Cup)
    before = rows(storage)
    with pytest.raises(errors.MappingError):
        storages.reopen(storage, Stranger, Vague)
    assert rows(storage) == before


def test_what_is_no_entity_class_is_refused_at_registration() -> None:
    mapping = EntityMapping()
    with pytest.raises(errors.MappingError) as caught:
        mapping.register(Cup, BaseModel, "Jug", Cup())  # type: ignore[call-overload]
    assert [fault.reason for fault in caught.value.faults] == ["it is no entity class"] * 3
    assert "pydantic.main.BaseModel: it is no entity class; derive it" in str(caught.value)
    assert "'Jug': it is no entity class" in str(caught.value)
    with pytest.raises(errors.MappingError, match="it is no entity class"):
        mapping.register("Jug")  # type: ignore[call-overload]
    assert not mapping


def test_a_row_class_of_an_unregistered_class_is_a_missing_key_with_the_remedy() -> None:
    with pytest.raises(KeyError) as caught:
        _ = EntityMapping()[Cup]
    assert "call mapping.register(Cup)" in str(caught.value.__cause__)


def test_memory_refuses_at_register_what_a_mapping_refuses() -> None:
    storage = InMemoryEntityStorage()
    for refused in (Callback(), Vague()):
        with pytest.raises(errors.MappingError) as caught:
            storage.register(refused)
        check_message(caught.value, type(refused).__name__)
    assert storage.get_registry_status().versions == 0


def test_two_classes_of_one_table_name_are_refused() -> None:
    other = _same_name_elsewhere()
    mapping = EntityMapping()
    for classes in ((Cup, other), (other, Cup)):
        with pytest.raises(errors.MappingError) as caught:
            mapping.register(*classes)
        check_message(caught.value, "Cup", "cup", "__tablename__")
        assert len(mapping) == 0
    mapping.register(Cup)
    with pytest.raises(errors.MappingError):
        mapping.register(other)
    assert Cup in mapping


@pytest.mark.filterwarnings("ignore:Field name")  # pydantic's own, of properties
@pytest.mark.parametrize(
    "name",
    ["ecs_id", "lineage_id", "parent_id", "old_ids", "created_at", "live_id", "from_storage"],
)
def test_a_redefined_bookkeeping_field_is_refused_when_the_class_is_defined(name: str) -> None:
    with pytest.raises(errors.ReservedFieldError) as caught:
        type("Redefined", (Entity,), {"__annotations__": {name: str}, name: ""})
    check_message(caught.value, "Redefined", name)


@pytest.mark.parametrize("deep", [False, True])
def test_an_unregistered_class_is_refused(make_sql_storage: MakeSqlStorage, deep: bool) -> None:
    storage = make_sql_storage(Shelf)
    jug = Jug(name="no mapping has a Jug")
    stored = Shelf(name="stored")
    storage.register(stored)
    stored.name = "changed"
    root: Entity = Shelf(next=stored, cups=[Cup(), jug]) if deep else jug
    before, before_rows = picture(root, stored), rows(storage)
    with pytest.raises(errors.UnregisteredClassError) as caught:
        storage.register_many([stored, root])
    assert caught.value.entity_class is Jug
    check_message(caught.value, "Jug", jug.ecs_id, "register")
    assert_same_picture(picture(root, stored), before)
    assert rows(storage) == before_rows


def test_an_unregistered_class_cannot_be_asked_for(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Shelf)
    with pytest.raises(errors.UnregisteredClassError) as caught:
        storage.list_by_type(Stranger)
    check_message(caught.value, "Stranger", "register")


# ---------------------------------------------------------------- values and ids


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "nul \x00"),
        ("name", "\ud800"),
        ("name", 7),
        ("color", "RED"),
        ("words", ["fine", "\udc00"]),
        ("words", ("fine",)),
        ("next", "a shelf"),
        ("next", Cup()),
        ("cups", [Shelf()]),
    ],
)
def test_a_value_that_no_database_holds_is_refused(
    make_storage: MakeStorage, field: str, value: Any
) -> None:
    storage = make_storage(Shelf)
    stored = Shelf(name="stored")
    storage.register(stored)
    stored.name = "changed"
    shelf = Shelf(name="refused", next=stored)
    root = Shelf(next=shelf, cups=[Cup()])
    setattr(shelf, field, value)
    before = shelf.ecs_id, stored.ecs_id, stored.parent_id
    with pytest.raises(errors.UnstorableValueError) as caught:
        storage.register_many([root, stored])
    error = caught.value
    assert (error.entity_class, error.ecs_id, error.field) == (Shelf, shelf.ecs_id, field)
    check_message(error, "Shelf", field, shelf.ecs_id)
    assert (shelf.ecs_id, stored.ecs_id, stored.parent_id) == before
    assert storage.get_registry_status().versions == 1


def test_the_message_shows_the_value_and_shortens_it(make_storage: MakeStorage) -> None:
    storage = make_storage(Shelf)
    for shown, name in (("'short\\x00'", "short\x00"), ("...", "x" * 10_000 + "\x00")):
        with pytest.raises(errors.UnstorableValueError) as caught:
            storage.register(Shelf(name=name))
        check_message(caught.value, shown)
        assert len(str(caught.value)) < 1_000


def test_an_id_of_another_type_is_an_error(make_storage: MakeStorage) -> None:
    storage = make_storage(Shelf, Jug)
    cup = Cup()
    storage.register(cup)
    for wrong in (Shelf, Jug):
        with pytest.raises(errors.EntityTypeError) as caught:
            storage.get(cup.ecs_id, wrong)
        check_message(caught.value, cup.ecs_id, "Cup", wrong.__name__)


def test_an_id_of_another_lineage_or_class_is_an_error(make_storage: MakeStorage) -> None:
    storage = make_storage(Shelf)
    cup = Cup(name="first")
    storage.register(cup)
    strangers = (Cup(ecs_id=cup.ecs_id), Shelf(ecs_id=cup.ecs_id, lineage_id=cup.lineage_id))
    for stranger in strangers:
        before = picture(stranger)
        with pytest.raises(errors.IdentityConflictError) as caught:
            storage.register(stranger)
        check_message(caught.value, type(stranger).__name__, cup.ecs_id)
        assert_same_picture(picture(stranger), before)
    assert_same_graph(storage.get(cup.ecs_id), cup)
    assert storage.get_registry_status().versions == 1


def test_what_is_no_entity_is_an_error(make_storage: MakeStorage) -> None:
    storage = make_storage(Cup)
    for wrong in ("text", None, 1, Cup):
        with pytest.raises((TypeError, errors.EcsSqlError)):
            storage.register(wrong)  # type: ignore[call-overload]
        with pytest.raises((TypeError, errors.EcsSqlError)):
            storage.register_many([wrong])  # type: ignore[type-var]
    assert storage.get_registry_status().versions == 0


# ---------------------------------------------------------------- what stands in the database


def test_what_is_no_class_cannot_be_asked_for(make_storage: MakeStorage) -> None:
    storage: Any = make_storage(Cup)
    asked: list[Callable[[], object]] = [
        lambda: storage.list_by_type("Cup"),
        lambda: storage.get(uuid4(), "Cup"),
        lambda: storage.get_many([uuid4()], "Cup"),
        lambda: EntityMapping().register_subclasses("Cup"),  # type: ignore[arg-type]
    ]
    for ask in asked:
        with pytest.raises(errors.NotAnEntityClassError) as caught:
            ask()
        check_message(caught.value, "'Cup'", "give the class itself")


def test_one_where_a_list_belongs_is_an_error(make_storage: MakeStorage) -> None:
    storage: Any = make_storage(Cup)
    ecs_id = uuid4()
    for ask, value, remedy in (
        (storage.register_many, Cup(), "register it"),
        (storage.register_many, 5, "give a list"),
        (storage.get_many, ecs_id, "give a list"),
        (storage.existing, ecs_id, "give a list"),
    ):
        with pytest.raises(errors.ArgumentError) as caught:
            ask(value)
        assert caught.value.value is value
        check_message(caught.value, remedy)
    assert storage.list_by_type(Cup) == []


@pytest.mark.parametrize("classes", [Cup, "Cup"])
def test_a_storage_is_opened_with_a_list_of_classes(classes: Any) -> None:
    with pytest.raises(errors.ArgumentError) as caught:
        SqlAlchemyEntityStorage("sqlite://", classes)
    check_message(caught.value, "Cup", "give a list")


def test_what_is_no_storage_cannot_be_used() -> None:
    with pytest.raises(errors.ArgumentError) as caught:
        ecs_sql.EntityRegistry.use_storage("sqlite://")  # type: ignore[arg-type]
    check_message(caught.value, "'sqlite://'", "SqlAlchemyEntityStorage")


@pytest.mark.parametrize(
    ("argument", "value"), [("batch_rows", 0), ("batch_rows", -1), ("keep", -1)]
)
def test_a_verification_that_would_read_nothing_is_refused(
    make_storage: MakeStorage, argument: str, value: int
) -> None:
    storage: Any = make_storage(Cup)
    with pytest.raises(errors.ArgumentError) as caught:
        storage.verify(**{argument: value})
    check_message(caught.value, f"{argument}={value}")


@pytest.mark.parametrize("length", ["x", 0, -1, 1.5])
def test_a_column_type_of_no_length_is_refused(length: Any) -> None:
    annotations: list[Any] = [Annotated[str, String(length)], Annotated[bytes, LargeBinary(length)]]
    for annotation in annotations:
        made = create_model("Made", __base__=Entity, field=(annotation, ...))
        with pytest.raises(errors.MappingError) as caught:
            EntityMapping().register(made)
        check_message(caught.value, "Made.field", "its length is no whole number")


def test_what_is_no_entity_cannot_be_compared() -> None:
    for strange in (None, 3, "cup", Cup):
        with pytest.raises(errors.NotAnEntityError, match="is no entity; give an instance"):
            Cup().diff(strange)  # type: ignore[arg-type]


def test_a_stored_type_that_nobody_registered_is_an_error(
    make_sql_storage: MakeSqlStorage, storages: Storages
) -> None:
    storage = make_sql_storage(Shelf, Jug)
    jug, cup = Jug(), Cup()
    shelf = Shelf(cups=[cup, jug])
    storage.register(shelf)
    before = rows(storage)
    reader = storages.reopen(storage, Shelf)
    reads: list[Callable[[], object]] = [
        lambda: reader.get(jug.ecs_id),
        lambda: reader.get(jug.ecs_id, Cup),
        lambda: reader.get(shelf.ecs_id),
        lambda: reader.list_by_type(Cup),
    ]
    for read in reads:
        with pytest.raises(errors.UnknownDiscriminatorError) as caught:
            read()
        assert caught.value.discriminator == "jug"
        check_message(caught.value, "jug", "register")
    assert_same_graph(reader.get(cup.ecs_id), cup)
    assert reader.has_entity(jug.ecs_id)
    assert rows(storage) == before


@pytest.mark.parametrize(
    ("column", "stored"),
    [("color", "PURPLE"), ("words", '{"not": "a list"}'), ("words", "[1]"), ("words", "[null]")],
)
def test_a_stored_value_that_does_not_decode_is_an_error(
    make_sql_storage: MakeSqlStorage, column: str, stored: str
) -> None:
    storage = make_sql_storage(Shelf)
    whole = Shelf(name="whole")
    damaged = Shelf(name="damaged", words=["a"], next=whole)
    root = Shelf(name="root", next=damaged)
    storage.register(root)
    damage(storage, damaged, **{column: stored})
    before = rows(storage)
    for ecs_id in (damaged.ecs_id, root.ecs_id):
        with pytest.raises(errors.StoredValueError) as caught:
            storage.get(ecs_id)
        error = caught.value
        assert (error.entity_class, error.ecs_id, error.column) == (Shelf, damaged.ecs_id, column)
        check_message(error, "Shelf", damaged.ecs_id, column)
    assert_same_graph(storage.get(whole.ecs_id), whole)
    assert rows(storage) == before


def test_a_stored_reference_without_its_target_is_an_error(
    make_sql_storage: MakeSqlStorage,
) -> None:
    storage = make_sql_storage(Shelf)
    whole = Shelf(name="whole")
    damaged = Shelf(name="damaged", next=whole)
    root = Shelf(name="root", next=damaged)
    storage.register(root)
    missing = uuid4()
    damage(storage, damaged, next_id=missing)
    _check_missing_reference(storage, damaged, [damaged, root], missing, "next_id")
    assert_same_graph(storage.get(whole.ecs_id), whole)


def test_a_stored_list_that_refers_to_nothing_is_an_error(
    make_sql_storage: MakeSqlStorage,
) -> None:
    storage = make_sql_storage(Shelf)
    damaged = Shelf(cups=[Cup()])
    storage.register(damaged)
    missing = uuid4()
    damage(storage, damaged, cups_ids=f'["{missing}"]')
    _check_missing_reference(storage, damaged, [damaged], missing, "cups_ids")


def _check_missing_reference(
    storage: SqlAlchemyEntityStorage,
    damaged: Entity,
    roots: list[Shelf],
    missing: UUID,
    column: str,
) -> None:
    before = rows(storage)
    for root in roots:
        with pytest.raises(errors.MissingReferenceError) as caught:
            storage.get(root.ecs_id)
        error = caught.value
        assert (error.ecs_id, error.target) == (damaged.ecs_id, missing)
        assert error.column == column
        check_message(error, "Shelf", damaged.ecs_id, missing)
    assert rows(storage) == before


def test_tables_that_lack_columns_are_refused(
    make_sql_storage: MakeSqlStorage, storages: Storages
) -> None:
    storage = make_sql_storage(Cup)
    cup = Cup(name="c")
    storage.register(cup)
    before = rows(storage)
    grown = type(
        "Cup",
        (Entity,),
        {"__annotations__": {"name": str, "volume": int, "saucer": str}, "__module__": __name__},
    )
    with pytest.raises(errors.SchemaMismatchError) as caught:
        storages.reopen(storage, grown)
    assert {table: set(columns) for table, columns in caught.value.missing.items()} == {
        "cup": {"volume", "saucer"}
    }
    check_message(caught.value, "cup", "volume", "saucer")
    assert rows(storage) == before
    assert_same_graph(storage.get(cup.ecs_id), cup)


def test_a_table_that_is_missing_is_told_with_the_remedy(
    make_sql_storage: MakeSqlStorage,
) -> None:
    storage = make_sql_storage(Cup)
    storage.mapping.metadata.drop_all(storage.engine)
    with (
        storage.engine.connect() as connection,
        pytest.raises(errors.StorageError, match=r"lacks a table .*; open a storage on it"),
        storage.transaction(connection),
    ):
        storage.register(Cup())


def test_another_storage_format_is_refused(
    make_sql_storage: MakeSqlStorage, storages: Storages
) -> None:
    storage = make_sql_storage(Cup)
    meta = storage.mapping.metadata.tables.get("ecs_meta")
    with storage.engine.begin() as connection:
        columns = [column["name"] for column in inspect(connection).get_columns("ecs_meta")]
        column = next(name for name in columns if name != "id") if meta is None else columns[-1]
        connection.execute(text(f"UPDATE ecs_meta SET {column} = 999"))
    before = rows(storage)
    with pytest.raises(errors.StorageFormatError) as caught:
        storages.reopen(storage, Shelf)
    assert str(caught.value.found) == "999"
    check_message(caught.value, "999", caught.value.expected)
    assert rows(storage) == before


# ---------------------------------------------------------------- URLs


@pytest.mark.parametrize(
    "url",
    [
        "",
        "no url",
        "nosuchdatabase://x",
        "oracle://x",
        "postgresql+nosuchdriver://x/y",
        "sqlite+nosuchdriver:///x.db",
        "postgresql+psycopg://nobody@127.0.0.1:1/nothing?connect_timeout=2",
        "mariadb+pymysql://nobody@127.0.0.1:1/nothing?connect_timeout=2",
    ],
)
def test_an_unusable_url_is_refused(url: str) -> None:
    with pytest.raises(errors.StorageUrlError) as caught:
        SqlAlchemyEntityStorage(url, [Cup])
    check_message(caught.value, "sqlite:///")


def test_a_database_file_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    for place in (tmp_path / "missing" / "app.db", tmp_path):
        with pytest.raises(errors.StorageUrlError) as caught:
            SqlAlchemyEntityStorage(f"sqlite:///{place}", [Cup])
        check_message(caught.value, place)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("no database, but longer than a header of a hundred bytes\n" * 10)
    before = file.read_bytes()
    with pytest.raises(errors.EcsSqlError):
        SqlAlchemyEntityStorage(f"sqlite:///{file}", [Cup])
    assert file.read_bytes() == before


def test_a_password_in_a_url_stays_out_of_the_message() -> None:
    with pytest.raises(errors.StorageUrlError) as caught:
        SqlAlchemyEntityStorage(
            "postgresql+psycopg://u:hunter2@127.0.0.1:1/x?connect_timeout=2", [Cup]
        )
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in caught.value.url


# ---------------------------------------------------------------- the hierarchy


def test_every_error_is_one_of_the_library() -> None:
    for error in vars(errors).values():
        if isinstance(error, type) and issubclass(error, Exception):
            assert issubclass(error, errors.EcsSqlError)
    assert ecs_sql.errors is errors
