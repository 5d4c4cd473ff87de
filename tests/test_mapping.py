"""Registration: from entity classes to tables, and what the mapping knows afterwards."""

from __future__ import annotations

import enum
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, Literal, TypeVar
from uuid import UUID

import pytest
from pydantic import (
    AwareDatetime,
    BaseModel,
    Field,
    NaiveDatetime,
    SecretStr,
    create_model,
)
from sqlalchemy import (
    BigInteger,
    Integer,
    LargeBinary,
    Numeric,
    String,
    Table,
    TypeDecorator,
    Uuid,
    make_url,
)
from sqlalchemy import (
    Enum as SqlEnum,
)
from sqlalchemy.schema import CreateTable

from ecs_sql import BaseEntitySQL, ColumnOptions, Entity, EntityMapping, errors
from ecs_sql.testing import assert_same_graph

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Dialect

    from tests.conftest import MakeSqlStorage, MakeStorage

T = TypeVar("T")


class Color(enum.Enum):
    RED = 1


class Right(enum.Flag):
    READ = 1


class Message(Entity):
    role: Literal["system", "user"] = "user"
    content: str = ""


class Thread(Entity):
    title: str
    subtitle: str | None = None
    first: Message | None = None
    messages: list[Message] = []
    named: dict[str, Message] = {}
    words: list[str] = []


def table_of(entity_class: type[Entity]) -> Table:
    mapping = EntityMapping()
    mapping.register(entity_class)
    return mapping.table(entity_class)


def own_columns(entity_class: type[Entity]) -> list[str]:
    """The columns of a class's own table, without the key."""
    return [name for name in table_of(entity_class).c.keys() if name != "id"]  # noqa: SIM118


def faults_of(*classes: type[Entity]) -> tuple[errors.MappingFault, ...]:
    with pytest.raises(errors.MappingError) as caught:
        EntityMapping().register(*classes)
    return caught.value.faults


def entity_with(name: str = "Sample", base: type[Entity] = Entity, /, **fields: Any) -> type[Any]:
    """An entity class of these fields; each is an annotation, or annotation and default."""
    definitions: dict[str, Any] = {
        field: value if isinstance(value, tuple) else (value, ...)
        for field, value in fields.items()
    }
    return create_model(name, __base__=base, __module__=__name__, **definitions)


# ---------------------------------------------------------------- tables


def test_registration_builds_the_tables_of_a_class_and_of_all_it_refers_to() -> None:
    mapping = EntityMapping()
    mapping.register(Thread)
    assert set(mapping) == {Thread, Message}
    assert set(mapping.metadata.tables) == {
        "base_entities",
        "ecs_chunks",
        "ecs_meta",
        "thread",
        "message",
    }


def test_every_version_has_a_row_in_the_base_table() -> None:
    base = EntityMapping().metadata.tables["base_entities"]
    assert {column.name: bool(column.nullable) for column in base.columns} == {
        "id": False,
        "ecs_id": False,
        "lineage_id": False,
        "parent_id": True,
        "created_at": False,
        "old_ids": False,
        "type": False,
    }
    assert [column.name for column in base.primary_key] == ["id"]
    indexes = {tuple(index.columns.keys()): bool(index.unique) for index in base.indexes}
    assert indexes == {("ecs_id",): True, ("lineage_id",): False, ("parent_id",): False}


def test_a_reference_is_an_id_a_list_of_them_ids_and_the_rest_one_json_column() -> None:
    assert own_columns(Thread) == [
        "title",
        "subtitle",
        "first_id",
        "messages_ids",
        "named",
        "words",
    ]


def test_only_what_may_be_none_is_nullable() -> None:
    nullable = {column.name for column in table_of(Thread).columns if column.nullable}
    assert nullable == {"subtitle", "first_id"}


def test_the_key_of_a_table_is_that_of_its_parent_s() -> None:
    class Animal(Entity):
        name: str = ""

    class Dog(Animal):
        tricks: list[str] = []

    mapping = EntityMapping()
    mapping.register(Dog)
    assert list(mapping) == [Animal, Dog]
    for entity_class, parent in ((Animal, "base_entities"), (Dog, "animal")):
        table = mapping.table(entity_class)
        (key,) = table.primary_key
        assert key.name == "id"
        assert [item.target_fullname for item in key.foreign_keys] == [f"{parent}.id"]
        assert all(item.constraint and item.constraint.name for item in key.foreign_keys)
    assert own_columns(Dog) == ["tricks"]


COLUMN_TYPES: list[tuple[Any, str, str, str]] = [
    (bool, "BOOLEAN", "BOOLEAN", "BOOL"),
    (int, "BIGINT", "BIGINT", "BIGINT"),
    (float, "DOUBLE", "DOUBLE PRECISION", "DOUBLE"),
    (str, "TEXT", "TEXT", "LONGTEXT"),
    (bytes, "BLOB", "BYTEA", "LONGBLOB"),
    (Decimal, "TEXT", "TEXT", "LONGTEXT"),
    (UUID, "CHAR(32)", "UUID", "CHAR(32)"),
    (date, "DATE", "DATE", "DATE"),
    (time, "TEXT", "TEXT", "LONGTEXT"),
    (timedelta, "TEXT", "TEXT", "LONGTEXT"),
    (datetime, "TEXT", "TEXT", "LONGTEXT"),
    (AwareDatetime, "DATETIME", "TIMESTAMP WITH TIME ZONE", "DATETIME(6)"),
    (NaiveDatetime, "DATETIME", "TIMESTAMP WITHOUT TIME ZONE", "DATETIME(6)"),
    (Color, "TEXT", "TEXT", "LONGTEXT"),
    (Right, "BIGINT", "BIGINT", "BIGINT"),
    (Literal["a", "b"], "TEXT", "TEXT", "LONGTEXT"),
    (list[int], "TEXT", "JSON", "LONGTEXT"),
    (dict[str, Any], "TEXT", "JSON", "LONGTEXT"),
    (int | str, "TEXT", "JSON", "LONGTEXT"),
    (Message, "CHAR(32)", "UUID", "CHAR(32)"),
    (list[Message], "TEXT", "JSON", "LONGTEXT"),
    (Annotated[str, String(40)], "VARCHAR(40)", "VARCHAR(40)", "VARCHAR(40)"),
    (Annotated[int, Integer], "INTEGER", "INTEGER", "INTEGER"),
    (Annotated[Decimal, Numeric(12, 2)], "TEXT", "NUMERIC(12, 2)", "NUMERIC(12, 2)"),
    (Annotated[UUID, Uuid(native_uuid=False)], "CHAR(32)", "CHAR(32)", "CHAR(32)"),
]


@pytest.mark.parametrize("annotation, sqlite, postgresql, mariadb", COLUMN_TYPES)  # noqa: PT006
def test_each_annotation_has_its_type_on_each_database(
    annotation: Any, sqlite: str, postgresql: str, mariadb: str
) -> None:
    column = table_of(entity_with(value=annotation)).columns.values()[-1]
    for driver, expected in (
        ("sqlite", sqlite),
        ("postgresql+psycopg", postgresql),
        ("mariadb+pymysql", mariadb),
    ):
        assert column.type.compile(dialect=_dialect(driver)) == expected


def test_mariadb_tables_compare_text_exactly() -> None:
    statement = str(CreateTable(table_of(Message)).compile(dialect=_dialect("mariadb+pymysql")))
    assert "ENGINE=InnoDB" in statement
    assert "utf8mb4_nopad_bin" in statement


def _dialect(driver: str) -> Dialect:
    return make_url(f"{driver}://").get_dialect()()


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("class_name", "table_name"),
    [
        ("ChatThread", "chat_thread"),
        ("HTTPServer", "http_server"),
        ("V2Thing", "v2_thing"),
        ("order", "order"),
        ("_Hidden", "_hidden"),
    ],
)
def test_a_table_has_its_class_s_name_in_snake_case(class_name: str, table_name: str) -> None:
    assert table_of(entity_with(class_name)).name == table_name


def test_tablename_names_the_table_of_that_class_alone() -> None:
    class Document(Entity):
        __tablename__: ClassVar[str] = "papers"

    class Letter(Document):
        pass

    assert (table_of(Document).name, table_of(Letter).name) == ("papers", "letter")


@pytest.mark.parametrize("name", ["Größe", "BaseEntities", "EcsMeta", "A" * 80, "日本"])
def test_a_table_name_that_a_database_may_not_take_is_a_slug_and_a_hash(name: str) -> None:
    table = table_of(entity_with(name))
    assert table.name == table_of(entity_with(name)).name
    assert table.name.isascii()
    assert len(table.name) <= 50
    assert table.name not in ("base_entities", "ecs_chunks", "ecs_meta")
    assert table.name[-7] == "_"


HOSTILE_NAMES = [
    "id",
    "type",
    "metadata",
    "select",
    "order",
    "group",
    "user",
    "Name",
    "name",
    "NAME",
    "größe",
    "日本語",
    "x" * 80,
    "x" * 81,
    "key",
    "values",
    "to_entity",
    "from_entity",
    "mapping",
    "attributes",
    "entity_class",
    "old_id",
    "id_",
]
SYSTEM_COLUMNS = [
    *("tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"),
    *("db_row_id", "db_trx_id", "db_roll_ptr", "fts_doc_id", "DB_ROW_ID"),
]


def test_names_of_columns_are_used_as_they_are_where_every_database_takes_them() -> None:
    columns = own_columns(entity_with(**dict.fromkeys(HOSTILE_NAMES, str)))
    assert len(columns) == len({name.lower() for name in columns}) == len(HOSTILE_NAMES)
    for name, column in zip(HOSTILE_NAMES, columns, strict=True):
        plain = name.isascii() and name.islower() and len(name) <= 50 and name != "id"
        assert (column == name) is plain
        assert column.isascii()
        assert len(column) <= 50


def test_hostile_names_keep_their_values(make_storage: MakeStorage) -> None:
    entity_class = entity_with(**dict.fromkeys(HOSTILE_NAMES, (str, "")))
    storage = make_storage(entity_class)
    entity = entity_class(**{name: f"value of {name}" for name in HOSTILE_NAMES})
    storage.register(entity)
    assert_same_graph(storage.get(entity.ecs_id), entity)


def test_names_that_a_database_keeps_for_itself_keep_their_values(
    make_storage: MakeStorage,
) -> None:
    fields = entity_with("Columns", **dict.fromkeys(SYSTEM_COLUMNS, (str, "")))
    classes = [entity_with(name, text=(str, "")) for name in ("PgClass", "PgType", "SqliteMaster")]
    storage = make_storage(fields, *classes)
    entities = [fields(**{name: name for name in SYSTEM_COLUMNS}), *(c(text="x") for c in classes)]
    storage.register_many(entities)
    for entity in entities:
        assert_same_graph(storage.get(entity.ecs_id), entity)


def test_plain_fields_are_named_before_references() -> None:
    fields: dict[str, Any] = {"owner": Message, "owner_id": str, "items": list[Message]}
    assert own_columns(entity_with(**fields))[1] == "owner_id"
    reference = own_columns(entity_with(**fields))[0]
    assert reference.startswith("owner_id_")
    assert own_columns(entity_with(owner_id=str, owner=Message))[1] == reference


def test_two_classes_of_one_name_are_refused_until_one_sets_tablename() -> None:
    other = entity_with("Message", text=str)
    (fault,) = faults_of(Message, other)
    assert (fault.entity_class, fault.field) == (other, None)
    assert "__tablename__" in fault.remedy
    renamed = type("Message", (Entity,), {"__tablename__": "other_message", "__module__": __name__})
    mapping = EntityMapping()
    mapping.register(Message, renamed)
    assert {mapping.table(c).name for c in (Message, renamed)} == {"message", "other_message"}


def test_names_of_indexes_and_keys_are_short_and_explicit() -> None:
    entity_class = entity_with("A" * 60, **{"b" * 60: Annotated[int, ColumnOptions(index=True)]})
    table = table_of(entity_class)
    names: list[object] = [index.name for index in table.indexes]
    names += [constraint.name for constraint in table.foreign_key_constraints]
    assert len(names) == 2
    assert all(isinstance(name, str) and len(name) <= 50 for name in names)


# ---------------------------------------------------------------- faults


def test_all_faults_of_all_classes_are_in_one_error() -> None:
    class Callable_(Entity):
        __tablename__: ClassVar[str] = "message"
        hook: type = int
        cache: dict[str, int] = Field(exclude=True)

    class Referring(Entity):
        vague: object = None
        bad: Callable_ | None = None

    faults = faults_of(Referring, Thread, Callable_)
    assert {(fault.entity_class, fault.field) for fault in faults} == {
        (Referring, "vague"),
        (Callable_, "hook"),
        (Callable_, "cache"),
    }
    for fault in faults:
        assert fault.reason
        assert fault.remedy
        assert str(fault) in str(errors.MappingError(faults))


def test_a_faulty_class_that_is_only_referred_to_is_reported_too() -> None:
    inner = entity_with("Inner", hook=type)
    (fault,) = faults_of(entity_with("Outer", inner=inner), Thread)
    assert (fault.entity_class, fault.field) == (inner, "hook")


def test_a_refused_registration_leaves_the_mapping_as_it_was() -> None:
    mapping = EntityMapping()
    mapping.register(Message)
    with pytest.raises(errors.MappingError):
        mapping.register(Thread, entity_with(hook=type))
    assert list(mapping) == [Message]
    assert set(mapping.metadata.tables) == {"base_entities", "ecs_chunks", "ecs_meta", "message"}
    mapping.register(Thread)
    assert list(mapping) == [Message, Thread]


def test_to_register_a_class_again_changes_nothing() -> None:
    mapping = EntityMapping()
    mapping.register(Thread)
    before = mapping.metadata.tables["thread"]
    mapping.register(Message, Thread)
    assert mapping.metadata.tables["thread"] is before


# ---------------------------------------------------------------- forward references

library = EntityMapping()


@library.register
class Chapter(Entity):
    book: Volume | None = None


@library.register
class Volume(Entity):
    chapters: list[Chapter] = []


def test_a_decorated_class_may_refer_to_what_follows_it() -> None:
    assert set(library) == {Chapter, Volume}
    assert library[Chapter].book is not None
    assert "book_id" in library.table(Chapter).c


def test_classes_of_a_function_may_refer_to_each_other() -> None:
    mapping = EntityMapping()

    @mapping.register
    class Left(Entity):
        right: Right_ | None = None

    @mapping.register
    class Right_(Entity):
        left: Left | None = None

    assert set(mapping) == {Left, Right_}


def test_a_name_that_nobody_defines_is_a_fault_at_the_first_use() -> None:
    mapping = EntityMapping()

    @mapping.register
    class Hopeful(Entity):
        other: Nowhere | None = None  # type: ignore[name-defined]  # noqa: F821

    uses: list[Callable[[], object]] = [
        lambda: list(mapping),
        lambda: mapping.metadata,
        lambda: mapping[Hopeful],
    ]
    for use in uses:
        with pytest.raises(errors.MappingError, match="Nowhere"):
            use()


# ---------------------------------------------------------------- inheritance


def test_subclasses_are_registered_with_their_base() -> None:
    class Vehicle(Entity):
        __abstract__: ClassVar[bool] = True
        wheels: int = 4

    class Car(Vehicle):
        doors: int = 5

    class Cabriolet(Car):
        open: bool = False

    class Lorry(Vehicle):
        load: float = 0.0

    mapping = EntityMapping()
    mapping.register_subclasses(Vehicle)
    expected: set[object] = {Car, Cabriolet, Lorry}
    assert set(mapping) == expected
    mapping = EntityMapping()
    mapping.register_subclasses(Car)
    assert set(mapping) == {Car, Cabriolet}


def test_an_abstract_base_folds_into_the_tables_below_it() -> None:
    class Named(Entity):
        __abstract__: ClassVar[bool] = True
        name: str = ""

    class River(Named):
        length: int = 0

    class Creek(River):
        dry: bool = False

    assert own_columns(River) == ["name", "length"]
    assert own_columns(Creek) == ["dry"]
    (fault,) = faults_of(Named)
    assert fault.entity_class is Named


def test_generic_classes_fold_into_their_parametrised_ones() -> None:
    class Box(Entity, Generic[T]):
        content: T
        spare: list[T] = []

    class Crate(Box[Message], Generic[T]):
        label: T

    mapping = EntityMapping()
    mapping.register(Box[int], Box[str], Crate[int])
    assert mapping.table(Box[int]).name != mapping.table(Box[str]).name
    assert own_columns(Box[int]) == ["content", "spare"]
    assert own_columns(Box[Message]) == ["content_id", "spare_ids"]
    assert own_columns(Crate[int]) == ["label"]
    assert Box[Message] in mapping
    (fault,) = faults_of(Box)
    assert "Box[int]" in fault.remedy


class Stamped(BaseModel):
    """No entity: a mixin of plain fields."""

    stamp: str = ""


class Priced(Entity):
    price: Decimal = Decimal(0)


class Weighed(Entity):
    weight: int = 0


class Ware(Priced, Weighed, Stamped):
    name: str = ""


def test_the_first_concrete_base_is_the_table_s_parent_and_others_fold_in() -> None:
    (key,) = table_of(Ware).primary_key
    assert [item.target_fullname for item in key.foreign_keys] == ["priced.id"]
    assert set(own_columns(Ware)) == {"weight", "stamp", "name"}


def test_a_folded_base_lists_its_subclasses_too(make_storage: MakeStorage) -> None:
    storage = make_storage(Ware, Weighed)
    ware, weighed = Ware(weight=1, name="ware", stamp="s", price=Decimal("1.10")), Weighed(weight=2)
    storage.register_many([ware, weighed])
    for base, expected in ((Weighed, [ware, weighed]), (Priced, [ware]), (Ware, [ware])):
        listed = storage.list_by_type(base)
        assert [entity.ecs_id for entity in listed] == [entity.ecs_id for entity in expected]
    assert_same_graph(storage.get(ware.ecs_id, Weighed), ware)


class Measured(Entity):
    value: float = 0.0
    unit: str = ""
    note: str | None = None


def test_a_redefined_field_uses_its_base_s_column() -> None:
    class Metre(Measured):
        unit: Literal["m", "cm"] = "m"
        note: str = ""

    assert own_columns(Metre) == []


def test_a_redefined_field_has_the_codec_of_its_subclass(make_storage: MakeStorage) -> None:
    class Metre(Measured):
        unit: Literal["m", "cm"] = "m"

    storage = make_storage(Metre)
    metre, other = Metre(unit="cm"), Measured(unit="mile")
    storage.register_many([metre, other])
    assert_same_graph(storage.get(metre.ecs_id), metre)
    assert_same_graph(storage.get(other.ecs_id), other)
    metre.unit = "mile"  # type: ignore[assignment]
    with pytest.raises(errors.UnstorableValueError, match="unit"):
        storage.register(metre)


@pytest.mark.parametrize(
    ("field", "annotation"),
    [("value", int), ("value", float | None), ("unit", list[str]), ("unit", Message)],
)
def test_a_redefined_field_of_another_column_type_is_refused(field: str, annotation: Any) -> None:
    other = entity_with("Other", Measured, **{field: annotation})
    (fault,) = faults_of(other)
    assert (fault.entity_class, fault.field) == (other, field)
    assert "Measured" in fault.reason


# ---------------------------------------------------------------- a column's own wish


class Article(Entity):
    sku: Annotated[str, ColumnOptions(String(40), index=True, name="article_number")]
    title: Annotated[str, String(200), ColumnOptions(index=True)] = ""
    stock: Annotated[int | None, BigInteger] = None
    origin: Annotated[Message | None, ColumnOptions(index=True, name="origin_message")] = None
    text: Annotated[str, ColumnOptions(index=True)] = ""
    shade: Annotated[Literal["dark", "light"], SqlEnum("dark", "light", native_enum=False)] = "dark"


def test_a_field_may_wish_for_type_index_and_name_of_its_column() -> None:
    table = table_of(Article)
    assert list(table.c.keys())[1:] == [
        "article_number",
        "title",
        "stock",
        "origin_message",
        "text",
        "shade",
    ]
    indexed = {column.name for index in table.indexes for column in index.columns}
    assert indexed == {"article_number", "title", "origin_message", "text"}
    assert table.c.article_number.type.compile(dialect=_dialect("sqlite")) == "VARCHAR(40)"


def test_wished_columns_keep_their_values(make_storage: MakeStorage) -> None:
    storage = make_storage(Article)
    article = Article(sku="ß" * 40, stock=2**40, origin=Message(), text="long " * 500)
    storage.register(article)
    assert_same_graph(storage.get(article.ecs_id), article)
    article.sku = "x" * 41
    with pytest.raises(errors.UnstorableValueError, match="sku"):
        storage.register(article)


@pytest.mark.parametrize(
    ("annotation", "wish"),
    [
        (int, String(20)),
        (str, Integer),
        (Decimal, Numeric()),
        (Decimal, Numeric(80, 2)),
        (str, String(1_000_000)),
        (Message, String(36)),
        (list[str], String(40)),
        (Literal["dark", "light"], SqlEnum("dark", "light", name="shade")),
    ],
)
def test_a_wish_that_would_narrow_is_refused(annotation: Any, wish: Any) -> None:
    (fault,) = faults_of(entity_with(value=Annotated[annotation, wish]))
    assert fault.field == "value"
    assert fault.remedy


def test_a_wished_name_that_is_taken_gets_a_hash() -> None:
    same = ColumnOptions(name="same")
    columns = own_columns(entity_with(a=Annotated[int, same], b=Annotated[int, same]))
    assert columns[0] == "same"
    assert columns[1].startswith("same_")


# ---------------------------------------------------------------- secrets


class Reversed(TypeDecorator[SecretStr]):
    """Stands for an encrypting type: takes the secret, and stores what nobody reads at a glance."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: SecretStr | None, dialect: Dialect) -> bytes | None:
        return value.get_secret_value()[::-1].encode() if value is not None else None

    def process_result_value(self, value: Any, dialect: Dialect) -> SecretStr | None:
        return SecretStr(value.decode()[::-1]) if value is not None else None


class Account(Entity):
    password: Annotated[SecretStr, Reversed]
    hint: Annotated[SecretStr | None, ColumnOptions(Reversed)] = None
    session: SecretStr = Field(default=SecretStr("none"), exclude=True)


@pytest.mark.parametrize(
    "annotation", [SecretStr, SecretStr | None, list[SecretStr], dict[str, SecretStr]]
)
def test_a_secret_is_refused_unless_the_field_says_how_it_is_stored(annotation: Any) -> None:
    (fault,) = faults_of(entity_with(key=annotation))
    assert "clear" in fault.reason
    assert "exclude" in fault.remedy


def test_a_secret_is_stored_as_its_column_type_encrypts_it(
    make_sql_storage: MakeSqlStorage,
) -> None:
    storage = make_sql_storage(Account)
    account = Account(password=SecretStr("hunter2 ß"), session=SecretStr("not stored"))
    storage.register(account)
    loaded = storage.get(account.ecs_id, Account)
    assert loaded is not None
    assert (loaded.password, loaded.hint) == (account.password, None)
    assert loaded.session.get_secret_value() == "none"
    with storage.engine.connect() as connection:
        stored = connection.exec_driver_sql("SELECT password FROM account").scalar_one()
    assert bytes(stored) == "hunter2 ß"[::-1].encode()
    storage.register(loaded)
    assert storage.get_registry_status().versions == 1


# ---------------------------------------------------------------- the mapping as a mapping


def test_a_mapping_leads_from_each_class_to_its_row_class() -> None:
    mapping = EntityMapping()
    mapping.register(Thread)
    rows: Mapping[Any, type[BaseEntitySQL]] = mapping
    assert len(rows) == 2
    assert {row.entity_class for row in rows.values()} == {Thread, Message}
    assert all(issubclass(row, BaseEntitySQL) for row in rows.values())
    assert rows[Thread] is rows[Thread]
    assert rows.get(Article) is None
    assert Article not in rows
    with pytest.raises(KeyError):
        rows[Article]


def test_each_mapping_has_row_classes_of_its_own() -> None:
    one, other = EntityMapping(), EntityMapping()
    one.register(Thread)
    other.register(Thread)
    assert one[Thread] is not other[Thread]
    assert not issubclass(one[Thread], other.base)


def test_a_mapping_never_grows_by_itself(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Thread)
    with pytest.raises(errors.UnregisteredClassError):
        storage.register(Weighed())
    assert set(storage.mapping) == {Thread, Message}


def test_a_class_that_is_registered_later_gets_its_table_too(
    make_sql_storage: MakeSqlStorage,
) -> None:
    storage = make_sql_storage(Message)
    storage.mapping.register(Ware)
    ware = Ware(name="later")
    storage.register(ware)
    assert_same_graph(storage.get(ware.ecs_id), ware)


# ---------------------------------------------------------------- many classes

CIRCLES, LENGTH = 30, 6


def test_many_classes_whose_references_run_in_circles(make_sql_storage: MakeSqlStorage) -> None:
    circles, catalogue = _catalogue()
    storage = make_sql_storage(catalogue)
    assert len(storage.mapping) == CIRCLES * LENGTH + 1
    entities: list[list[Any]] = [[cls(name=cls.__name__) for cls in circle] for circle in circles]
    for circle in entities:
        for entity, following in pairwise([*circle, circle[0]]):
            entity.next = following
    root: Any = catalogue(**{f"part_{i}": circle[0] for i, circle in enumerate(entities)})
    storage.register(root)
    assert storage.get_registry_status().versions == CIRCLES * LENGTH + 1
    assert_same_graph(storage.get(root.ecs_id), root)
    entities[3][4].name = "changed"
    storage.register(root)
    assert storage.get_registry_status().versions == CIRCLES * LENGTH + 1 + LENGTH + 1


@cache
def _catalogue() -> tuple[list[list[type[Any]]], type[Any]]:
    circles = [_circle(f"Part{circle}x", LENGTH) for circle in range(CIRCLES)]
    fields = {f"part_{i}": (circle[0] | None, None) for i, circle in enumerate(circles)}
    return circles, entity_with("Catalogue", **fields)


@pytest.mark.slow
def test_one_circle_of_many_classes() -> None:
    classes = _circle("Link", 120)
    mapping = EntityMapping()
    mapping.register(*classes)
    assert set(mapping) == set(classes)


def _circle(prefix: str, length: int) -> list[type[Any]]:
    """Classes each of which refers to the next, and the last to the first, by names still open."""
    names = [f"{prefix}{number}" for number in range(length)]
    circle = [
        entity_with(
            name,
            name=(str, ""),
            next=(f"{following} | None", None),
            all=(f"list[{following} | {names[0]}]", []),
            **{f"value_{number}": (int | None, None) for number in range(8)},
        )
        for name, following in pairwise([*names, names[0]])
    ]
    if length <= LENGTH:
        for entity_class in circle:
            entity_class.model_rebuild(_types_namespace=dict(zip(names, circle, strict=True)))
    return circle
