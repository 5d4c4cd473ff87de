"""Row attributes where a field's value alone does not tell how it is stored."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
from sqlalchemy import Numeric, func, select
from sqlalchemy.orm import Session

from ecs_sql import Entity, errors

if TYPE_CHECKING:
    from ecs_sql import SqlAlchemyEntityStorage
    from tests.conftest import MakeSqlStorage


class Message(Entity):
    kind: Literal["plain"] = "plain"
    text: str = ""


class Command(Message):
    kind: Literal["command"] = "command"  # type: ignore[assignment]


class Priced(Entity):
    price: Decimal
    rounded: Annotated[Decimal, Numeric(8, 2)]
    count: int = 1


class Named(Entity):
    self: str = "a field of that name"


class Noted(Entity):
    note: Any


PRICES = [Decimal(text) for text in ("9", "10", "1.50", "-2", "1E+3")]


def _priced(make_sql_storage: MakeSqlStorage) -> SqlAlchemyEntityStorage:
    storage = make_sql_storage(Priced)
    storage.register_many([Priced(price=price, rounded=price) for price in PRICES])
    return storage


def test_a_redefined_field_is_read_and_compared_by_its_own_class(
    make_sql_storage: MakeSqlStorage,
) -> None:
    storage = make_sql_storage(Command)
    storage.register_many([Message(text="a"), Command(text="b")])
    base, derived = storage.mapping[Message], storage.mapping[Command]
    with Session(storage.engine) as session:
        assert {row.kind for row in session.scalars(select(base))} == {"plain", "command"}
        assert session.scalars(select(derived).where(derived.kind == "command")).one().text == "b"
        assert session.scalars(select(base).where(base.kind == "plain")).one().text == "a"


@pytest.mark.parametrize("field", ["price", "rounded"])
def test_decimals_are_ordered_by_value(make_sql_storage: MakeSqlStorage, field: str) -> None:
    storage = _priced(make_sql_storage)
    column = getattr(storage.mapping[Priced], field)
    with Session(storage.engine) as session:
        assert set(session.scalars(select(column).where(column > Decimal(5)))) == {9, 10, 1000}
        assert set(session.scalars(select(column).where(column <= Decimal("1.5")))) == {
            Decimal("1.5"),
            -2,
        }


def test_numbers_add_up(make_sql_storage: MakeSqlStorage) -> None:
    storage = _priced(make_sql_storage)
    row = storage.mapping[Priced]
    with Session(storage.engine) as session:
        assert session.scalar(select(func.sum(row.count))) == len(PRICES)
        assert session.scalars(select(row).where(row.count + 1 > 1)).all()
        assert not session.scalars(select(row).where(row.count + 1 > 2)).all()


def test_a_row_that_was_only_added_has_its_entity(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Named)
    entity = Named()
    with Session(storage.engine) as session:
        row = storage.mapping[Named].from_entity(entity)
        session.add(row)
        assert row.to_entity().ecs_id == entity.ecs_id


def test_none_in_a_field_that_takes_anything_is_a_value(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Noted)
    row_class = storage.mapping[Noted]
    noted = Noted(note=None)
    with Session(storage.engine) as session, session.begin():
        session.add(row_class.from_entity(noted))
    stored = storage.get(noted.ecs_id, Noted)
    assert stored is not None
    assert not stored.has_modifications(noted)
    with Session(storage.engine) as session:
        assert session.scalars(select(row_class.note)).all() == [None]


def test_a_damaged_column_is_our_own_error(make_sql_storage: MakeSqlStorage) -> None:
    storage = _priced(make_sql_storage)
    with storage.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE priced SET price = 'no number'")
    with Session(storage.engine) as session, pytest.raises(errors.StoredValueError, match="price"):
        session.scalars(select(storage.mapping[Priced])).all()
