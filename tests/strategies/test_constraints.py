"""Drawn values keep every constraint of their annotation, and a column's wish."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import annotated_types
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PastDate,
    StringConstraints,
    TypeAdapter,
    create_model,
)
from sqlalchemy import DateTime, Integer, LargeBinary, Numeric, SmallInteger, String

from ecs_sql import Entity, InMemoryEntityStorage
from ecs_sql.strategies import entities

UTC = dt.UTC
NOON = dt.datetime(2020, 1, 1, 12, tzinfo=UTC)


def _odd(number: int) -> int:
    if number % 2 == 0:
        raise ValueError(number)
    return number


CONSTRAINED: dict[str, Any] = {
    "ge_le": Annotated[int, Field(ge=3, le=5)],
    "gt_lt": Annotated[int, Field(gt=3, lt=5)],
    "multiple_of": Annotated[int, Field(multiple_of=7, gt=0, lt=100)],
    "float_open": Annotated[float, Field(gt=0, lt=1e-300)],
    "float_steps": Annotated[float, Field(multiple_of=0.5, ge=-1, le=1)],
    "interval": Annotated[float, annotated_types.Interval(ge=-1, lt=1)],
    "positive": pydantic.PositiveInt,
    "strict": pydantic.StrictInt,
    "conint": pydantic.conint(gt=1, lt=9, multiple_of=3),
    "condecimal": pydantic.condecimal(gt=Decimal("0.5"), max_digits=4, decimal_places=2),
    "decimal_open": Annotated[Decimal, Field(gt=1, lt=2)],
    "decimal_steps": Annotated[Decimal, Field(multiple_of=Decimal("0.25"), ge=0, le=1)],
    "text_length": Annotated[str, Field(min_length=2, max_length=3)],
    "long_text": Annotated[str, Field(min_length=40)],
    "pattern": Annotated[str, Field(pattern=r"^[a-z]+\d$", max_length=8)],
    "stripped": Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)],
    "lower": Annotated[str, StringConstraints(to_lower=True, max_length=5)],
    "bytes_length": Annotated[bytes, Field(min_length=1, max_length=2)],
    "list_length": Annotated[list[int], Field(min_length=6, max_length=7)],
    "inner": list[Annotated[int, Field(gt=10, lt=13)]],
    "optional": Annotated[int | None, Field(gt=10, lt=13)],
    "set_length": Annotated[set[int], annotated_types.Len(2, 3)],
    "dict_length": Annotated[dict[str, int], Field(min_length=1)],
    "date": Annotated[dt.date, Field(ge=dt.date(2020, 1, 1), lt=dt.date(2020, 1, 3))],
    "past": PastDate,
    "future": pydantic.FutureDatetime,
    "datetime": Annotated[dt.datetime, Field(gt=NOON, le=NOON + dt.timedelta(hours=1))],
    "aware": Annotated[pydantic.AwareDatetime, Field(ge=NOON)],
    "naive": Annotated[pydantic.NaiveDatetime, Field(lt=dt.datetime(1900, 1, 1))],
    "time": Annotated[dt.time, Field(ge=dt.time(12), lt=dt.time(13))],
    "timedelta": Annotated[dt.timedelta, Field(gt=dt.timedelta(0), le=dt.timedelta(days=1))],
    "uuid4": pydantic.UUID4,
    "uuid7": Annotated[UUID, pydantic.types.UuidVersion(7)],
    "validated": Annotated[int, AfterValidator(_odd)],
    "before": Annotated[int, BeforeValidator(lambda value: value)],
    "varchar": Annotated[str, String(3)],
    "short_decimal": Annotated[Decimal, String(4)],
    "smallint": Annotated[int, SmallInteger],
    "integer": Annotated[int | None, Integer()],
    "numeric": Annotated[Decimal, Numeric(4, 1)],
    "numeric_bound": Annotated[Decimal, Numeric(6, 2), Field(gt=0)],
    "binary": Annotated[bytes, LargeBinary(2)],
    "zoned": Annotated[dt.datetime, DateTime(timezone=True)],
    "dsn": pydantic.PostgresDsn,
    "websocket": pydantic.AnyWebsocketUrl,
    "bytes_size": pydantic.ByteSize,
    "network": pydantic.IPvAnyNetwork,
}


@pytest.mark.parametrize("name", CONSTRAINED)
def test_drawn_values_keep_the_constraint(name: str) -> None:
    annotation = CONSTRAINED[name]
    generated = create_model("Constrained", __base__=Entity, value=(annotation, ...))
    adapter = TypeAdapter[Any](annotation)

    @settings(max_examples=10)
    @given(entity=entities(generated))
    def check(entity: Any) -> None:
        adapter.validate_python(entity.value)
        storage = InMemoryEntityStorage()
        storage.register(entity)

    check()


def test_a_field_validator_narrows_what_is_drawn() -> None:
    class Booking(Entity):
        first: int
        last: int

        @pydantic.field_validator("first")
        @classmethod
        def not_negative(cls, value: int) -> int:
            return _at_least(0, value)

        @pydantic.model_validator(mode="after")
        def in_order(self) -> Booking:
            _at_least(self.first, self.last)
            return self

    @given(booking=entities(Booking))
    def check(booking: Booking) -> None:
        assert 0 <= booking.first <= booking.last

    check()


def _at_least(least: int, value: int) -> int:
    if value < least:
        raise ValueError(value)
    return value


def test_a_caller_may_give_strategies_for_fields() -> None:
    class Planet(Entity):
        name: str
        moons: list[Planet] = []

    @given(planet=entities(Planet, fields={"name": st.sampled_from(["Io", "Mars"])}))
    def check(planet: Planet) -> None:
        assert {planet.name, *(moon.name for moon in planet.moons)} <= {"Io", "Mars"}

    check()
