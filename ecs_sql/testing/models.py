"""The entity classes that the contract stores: one for each shape of graph and each family of values."""

# ruff: noqa: PLC2401, RUF012 - odd names are tested; pydantic copies the defaults of its fields
from __future__ import annotations

import enum
from collections import deque
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, TypeVar
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    NaiveDatetime,
    PrivateAttr,
    RootModel,
    computed_field,
    field_validator,
)
from typing_extensions import TypeAliasType, TypedDict

from ecs_sql.entity import Entity

T = TypeVar("T")

# ---------------------------------------------------------------- shapes of graphs


class Node(Entity):
    """Refers to its own kind in every common way."""

    name: str = ""
    size: int = 0
    next: Node | None = None
    parent: Node | None = None
    children: list[Node] = []
    named: dict[str, Node] = {}


class Passport(Entity):
    """One-to-one with a person."""

    number: str


class Person(Entity):
    """Has one passport, or none."""

    name: str
    passport: Passport | None = None


class Book(Entity):
    """Many-to-many with persons."""

    title: str
    authors: list[Person] = []


class Folder(Entity):
    """A tree whose children know their parent."""

    name: str
    parent: Folder | None = None
    folders: list[Folder] = []


class Shape(Entity):
    """A base class that is referred to in place of its subclasses."""

    name: str = ""


class Circle(Shape):
    """A shape with a number of its own."""

    radius: float = 1.0


class Square(Shape):
    """A shape with another number of its own."""

    side: float = 1.0


class RoundedSquare(Square):
    """A subclass of a subclass."""

    corner: float = 0.1


class Drawing(Entity):
    """Refers to any shape by the base class."""

    main: Shape | None = None
    shapes: list[Shape] = []


class Tag(Entity):
    """Small, and kept in sets."""

    label: str


class Placement(BaseModel):
    """A plain model, not an entity, that refers to one."""

    node: Node
    x: float = 0.0


class Scene(Entity):
    """Refers to entities from every container there is."""

    by_name: dict[str, Node] = {}
    by_number: dict[int, list[Node]] = {}
    row: tuple[Node, ...] = ()
    pair: tuple[Node, Tag] | None = None
    tags: set[Tag] = set()
    fixed_tags: frozenset[Tag] = frozenset()
    queue: deque[Node] = deque()
    placement: Placement | None = None
    placements: list[Placement] = []
    owner: Person | Tag | None = None
    label: Tag | str = ""
    board: dict[str, list[Placement]] = {}


# ---------------------------------------------------------------- ways to inherit


class Stamped(Entity):
    """An abstract base, whose fields belong to its subclasses."""

    __abstract__ = True

    stamp: int = 0
    approved_by: Person | None = None


class Titled(Entity):
    """A concrete base."""

    title: str = ""


class Letter(Stamped):
    """Has an abstract base alone."""

    text: str = ""


class Report(Titled, Stamped):
    """Has a concrete base and an abstract one."""

    pages: int = 0


class LabelledReport(Report, Tag):
    """Has two concrete bases."""

    appendix: Letter | None = None


class Awkward(Entity):
    """Has names that a database, or a library, has plans of its own for."""

    id: int = 0
    type: str = ""
    metadata: dict[str, int] = {}
    position: int = 0
    name: str = "lower"
    Name: str = "upper"
    select: str = ""
    order: int = 0
    group: list[str] = []
    user: Tag | None = None
    user_id: int = 0
    users: list[Tag] = []
    users_ids: str = ""
    größe_in_metern: float = 0.0
    名前: str = ""
    a_name_that_is_longer_than_any_of_the_databases_would_like_it_to_be_1: int = 1
    a_name_that_is_longer_than_any_of_the_databases_would_like_it_to_be_2: int = 2


# ---------------------------------------------------------------- families of values


class Color(enum.Enum):
    """Stored by name, whatever its values are."""

    RED = 1
    GREEN = "green"
    NONE = None


class Level(enum.IntEnum):
    """An enum whose members are ints."""

    LOW = 1
    HIGH = 2


class Access(enum.Flag):
    """Combines freely."""

    READ = enum.auto()
    WRITE = enum.auto()
    EXECUTE = enum.auto()


Celsius = NewType("Celsius", float)
Percent = Annotated[int, Field(ge=0, le=100)]
Labels = TypeAliasType("Labels", list[str])


class Scalars(Entity):
    """One field for each scalar type."""

    flag: bool = False
    count: int = 0
    ratio: float = 0.0
    text: str = ""
    data: bytes = b""
    price: Decimal = Decimal(0)
    key: UUID = UUID(int=0)
    day: date = date(2000, 1, 1)
    clock: time = time(0)
    moment: datetime = datetime(2000, 1, 1)  # noqa: DTZ001 - takes both kinds
    aware: AwareDatetime | None = None
    naive: NaiveDatetime | None = None
    span: timedelta = timedelta(0)
    color: Color = Color.RED
    level: Level = Level.LOW
    access: Access = Access(0)
    mode: Literal["r", "w", 1] = "r"
    path: Path = Path()
    ip4: IPv4Address = IPv4Address("0.0.0.0")  # noqa: S104 - a value, no socket
    ip6: IPv6Address = IPv6Address("::")
    url: HttpUrl | None = None
    temperature: Celsius = Celsius(0.0)
    percent: Percent = 0


class Unions(Entity):
    """Optional and united scalars."""

    maybe: str | None = None
    number: bool | int | float | None = None
    anything: bool | int | float | str | bytes | Decimal | UUID | date | datetime | None = None
    color_or_level: Color | Level | None = None
    one_or_many: int | list[int] = 0
    optional_items: list[int | None] = []
    keyed: dict[str, int | str | None] = {}


class Options(TypedDict, total=False):
    """A typed dict whose keys may be missing."""

    name: str
    price: Decimal


class Point(NamedTuple):
    """A named tuple."""

    x: float
    y: float = 0.0


@dataclass
class Box:
    """A dataclass that holds a container."""

    width: int
    parts: list[Point]


class Engine(BaseModel):
    """A nested model."""

    power: Decimal
    built: date | None = None


class Cat(BaseModel):
    """One of a discriminated union."""

    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(BaseModel):
    """The other of a discriminated union."""

    kind: Literal["dog"] = "dog"
    tricks: list[str] = []


class Names(RootModel[list[str]]):
    """A root model."""


class TurboEngine(Engine):
    """A subclass that a field typed as its base cannot keep."""

    boost: int = 1


class Containers(Entity):
    """One field for each container, and some that nest them."""

    numbers: list[int] = []
    ratios: list[float] = []
    pair: tuple[int, str] = (0, "")
    row: tuple[Decimal, ...] = ()
    empty: tuple[()] = ()
    words: set[str] = set()
    keys: frozenset[UUID] = frozenset()
    table: dict[str, int] = {}
    by_number: dict[int, str] = {}
    by_day: dict[date, Decimal] = {}
    by_key: dict[UUID, bytes] = {}
    by_color: dict[Color, bool] = {}
    by_flag: dict[bool, str] = {}
    by_moment: dict[datetime, int] = {}
    by_choice: dict[Literal["a", 1], int] = {}
    queue: deque[int] = deque()
    labels: Labels = []
    nested: dict[str, list[tuple[int, set[str]]]] = {}


class Models(Entity):
    """One field for each kind of structured value."""

    options: Options = {}
    point: Point = Point(0.0)
    box: Box | None = None
    engine: Engine | None = None
    engines: dict[str, list[Engine]] = {}
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None
    pets: list[Cat | Dog] = []
    names: Names = Names([])
    free: Any = None


class Crate(Entity, Generic[T]):
    """A generic class."""

    item: T
    more: list[T] = []


class IntCrate(Crate[int]):
    """A class that closes a generic one."""


# ---------------------------------------------------------------- what pydantic classes may do


class Frozen(Entity):
    """Cannot be assigned to."""

    model_config = ConfigDict(frozen=True)

    name: str
    words: list[str] = []
    other: Node | None = None


class Validated(Entity):
    """Validates whatever is assigned."""

    model_config = ConfigDict(validate_assignment=True)

    name: str
    size: int = 0
    other: Node | None = None

    @field_validator("size")
    @classmethod
    def _positive(cls, size: int) -> int:
        if size < 0:
            raise ValueError("negative")
        return size


class Open(Entity):
    """Takes fields that it does not know."""

    model_config = ConfigDict(extra="allow")

    name: str = ""


class Aliased(Entity):
    """Is constructed by other names than its own."""

    name: str = Field(alias="fullName")
    size: int = Field(default=0, validation_alias="givenSize", serialization_alias="sizeGiven")


class Counter(Entity):
    """Counts what pydantic runs on it, and has every kind of field that is not stored."""

    name: str = ""
    cache: dict[str, int] = Field(default_factory=dict, exclude=True)
    secret: str = Field(default="none", exclude=True)
    other: Node | None = None
    _opened: bool = PrivateAttr(default=False)
    _initial: str = PrivateAttr(default="")

    validated: int = Field(default=0, exclude=True)

    @field_validator("name")
    @classmethod
    def _count(cls, name: str) -> str:
        if name == "no validator may see this":
            raise ValueError("a validator ran")
        return name

    @computed_field  # type: ignore[prop-decorator]
    @property
    def shout(self) -> str:
        """Not stored, since it follows from the rest."""
        return self.name.upper()

    def model_post_init(self, _context: Any, /) -> None:
        """Look at the graph, and try to change what is stored."""
        self._opened = True
        self._initial = self.name[:1] + (self.other.name[:1] if self.other else "")
        self.name = self.name or "invented"
