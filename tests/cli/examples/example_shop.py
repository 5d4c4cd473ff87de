"""Entity classes of every shape that reports tell apart."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Generic, Literal, TypeVar

import sqlalchemy
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, computed_field
from sqlalchemy import Numeric, String

from ecs_sql import ColumnOptions, Entity

T = TypeVar("T")


Shade = sqlalchemy.Enum("dark", "light", native_enum=False)


class Status(Enum):
    OPEN = 1
    PAID = 2


class Named(Entity):
    __abstract__ = True

    name: str


class Customer(Named):
    email: Annotated[str, ColumnOptions(String(200), index=True)]
    notes: Annotated[str | None, ColumnOptions(index=True)] = None
    password: str = Field("", exclude=True)


class Company(Customer):
    contact: Customer | None = None

    @computed_field
    @property
    def title(self) -> str:
        return self.name.title()


class Address(BaseModel):
    street: str
    keeper: Customer | None = None


class Box(Entity, Generic[T]):
    content: T


class Item(Entity):
    sku: Annotated[str, String(40)]
    price: Annotated[Decimal, Numeric(10, 2)]
    shade: Annotated[Literal["dark", "light"], Shade]


class Order(Entity):
    """Refers to others in every way."""

    model_config = ConfigDict(extra="allow")

    customer: Customer
    lines: list[tuple[int, Item]]
    placed: AwareDatetime
    addresses: dict[Literal["billing", "shipping"], Address] = {}
    status: Status = Status.OPEN
    items: list[Item] = []
    payload: Any = None
    subject: Customer | Item | str | None = None
    pair: tuple[Item, Item] | None = None
    box: Box[int] | None = None
    select: Order | None = None
