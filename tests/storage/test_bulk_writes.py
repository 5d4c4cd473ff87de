"""Many versions at once: what the drivers' ways for many rows do with every kind of column, and with a clash."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID, uuid4

import psycopg
import pytest
from pydantic import AwareDatetime, NaiveDatetime
from sqlalchemy import (
    JSON,
    Dialect,
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    String,
    TypeDecorator,
    Uuid,
    create_engine,
    text,
)

from ecs_sql import ColumnOptions, Entity, SqlAlchemyEntityStorage, errors
from ecs_sql.storage.dialects.postgresql_writes import COPY_ROWS
from ecs_sql.testing import assert_same_graph
from ecs_sql.testing.models import Containers, LabelledReport, Models, Node, Scalars, Unions
from tests.statements import count_statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

    from tests.conftest import MakeSqlStorage
    from tests.storages import Storages

MANY = 3 * COPY_ROWS


class Reversed(TypeDecorator[str]):
    """A type of an application's own, whose driver's values the library does not know."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        return None if value is None else value[::-1].encode()

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        return None if value is None else bytes(value).decode()[::-1]


class Wishes(Entity):
    """Columns of types that fields wished for."""

    short: Annotated[str, String(40)]
    small: Annotated[int, SmallInteger()] = -(2**15)
    middle: Annotated[int, Integer()] = 2**31 - 1
    price: Annotated[Decimal | None, Numeric(12, 2)] = Decimal("-1234567890.50")
    text_id: Annotated[UUID, Uuid(native_uuid=False)] = UUID(int=7)
    data: Annotated[dict[str, int], JSON()] = {"b": 1, "a": 2}
    own: Annotated[str | None, ColumnOptions(Reversed())] = "forwards"


class Optionals(Entity):
    """Columns that take NULL."""

    number: int | None = None
    ratio: float | None = None
    flag: bool | None = None
    name: str | None = None
    data: bytes | None = None
    owner: UUID | None = None
    day: dt.date | None = None
    moment: AwareDatetime | None = None
    naive: NaiveDatetime | None = None
    amount: Decimal | None = None
    tags: list[str] | None = None
    other: Node | None = None


FILLED: dict[str, Any] = {
    "number": -(2**63),
    "ratio": 1e-320,
    "flag": True,
    "name": "tab\tline\nback\\slash \\N 'quote' \u20ac \U0001f600",
    "data": bytes(range(256)),
    "owner": UUID(int=2**128 - 1),
    "day": dt.date(1, 1, 1),
    "moment": dt.datetime(9999, 12, 30, 23, 59, 59, 999999, tzinfo=dt.UTC),
    "naive": dt.datetime(1, 1, 1, 0, 0, 0, 1),
    "amount": Decimal("1E-30"),
    "tags": ["\\", "\t", ""],
}


def entities_of(kind: str) -> list[Entity]:
    made: dict[str, Callable[[int], Entity]] = {
        "scalars": lambda _: Scalars(),
        "containers": lambda _: Containers(),
        "models": lambda _: Models(),
        "unions": lambda _: Unions(),
        "inherited": lambda n: LabelledReport(label=f"{n}"),
        "wishes": lambda n: Wishes(short=f"{n}", own=None if n % 3 else "forwards"),
        "optionals": lambda n: Optionals(**(FILLED if n % 2 else {})),
    }
    return [made[kind](number) for number in range(MANY)]


@pytest.mark.parametrize(
    "kind", ["scalars", "containers", "models", "unions", "inherited", "wishes", "optionals"]
)
def test_many_versions_come_back_as_they_went_in(
    kind: str, make_sql_storage: MakeSqlStorage
) -> None:
    entities = entities_of(kind)
    storage = make_sql_storage(type(entities[0]))
    storage.register_many(entities)
    for entity, found in zip(entities, storage.list_by_type(type(entities[0])), strict=True):
        assert_same_graph(found, entity)


def test_who_watches_statements_sees_all_of_them(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Node)
    with count_statements(storage.engine) as statements:
        storage.register_many([Node(name=f"{number}") for number in range(MANY)])
    written = [s for s in statements.writes if s.startswith("INSERT INTO")]
    assert {statement.split()[2] for statement in written} == {"base_entities", "node"}


# ---------------------------------------------------------------- PostgreSQL


@pytest.fixture
def copies() -> list[str]:
    """The COPY statements that the driver ran."""
    return []


@pytest.fixture
def engine(storages: Storages, copies: list[str]) -> Iterator[Engine]:
    class Recording(psycopg.Cursor[Any]):
        def copy(self, statement: Any, *arguments: Any, **options: Any) -> Any:
            copies.append(str(statement))
            return super().copy(statement, *arguments, **options)

    made = create_engine(
        storages.database("postgresql"), connect_args={"cursor_factory": Recording}
    )
    yield made
    made.dispose()


def tables_in(copies: list[str]) -> set[str]:
    return {statement.split()[1] for statement in copies}


def test_many_rows_are_copied_and_few_are_not(engine: Engine, copies: list[str]) -> None:
    storage = SqlAlchemyEntityStorage(engine, [Node, Optionals])
    storage.register_many([Node() for _ in range(COPY_ROWS - 1)])
    assert not copies
    storage.register_many([Node() for _ in range(COPY_ROWS)])
    assert tables_in(copies) == {"base_entities", "node"}


def test_values_whose_form_is_not_known_are_not_copied(engine: Engine, copies: list[str]) -> None:
    storage = SqlAlchemyEntityStorage(engine, [Wishes])
    storage.register_many(entities_of("wishes"))
    assert tables_in(copies) == {"base_entities"}


def test_a_column_that_somebody_altered_is_written_all_the_same(
    engine: Engine, copies: list[str]
) -> None:
    SqlAlchemyEntityStorage(engine, [Optionals])
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE optionals ALTER number TYPE NUMERIC"))
    storage = SqlAlchemyEntityStorage(engine, [Optionals])
    entities = [Optionals(number=number) for number in range(MANY)]
    storage.register_many(entities)
    assert tables_in(copies) == {"base_entities"}
    with engine.connect() as connection:
        total = connection.execute(text("SELECT sum(number) FROM optionals")).scalar()
    assert total == sum(range(MANY))


def test_an_id_that_another_transaction_stored_is_a_conflict(
    engine: Engine, copies: list[str]
) -> None:
    storage = SqlAlchemyEntityStorage(engine, [Node])
    ids = [uuid4() for _ in range(MANY)]
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as join:
        join.execute(text("SELECT 1 FROM base_entities")).all()  # takes its snapshot
        storage.register_many([Node(ecs_id=ecs_id, lineage_id=ecs_id) for ecs_id in ids])
        mine = [Node(ecs_id=ecs_id, lineage_id=ecs_id) for ecs_id in ids]
        with (
            pytest.raises(errors.WriteConflictError, match="repeat the whole transaction"),
            storage.transaction(join),
        ):
            storage.register_many(mine)
        assert join.execute(text("SELECT 1")).scalar() == 1  # the savepoint held
    assert len(copies) == 3  # two that stored, and the one that clashed
    assert storage.get_registry_status().versions == MANY
