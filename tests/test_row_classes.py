"""Row classes in plain SQLAlchemy code: an application's own Session, on each database."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID, uuid4

import pytest
from pydantic import HttpUrl
from sqlalchemy import String, delete, func, select, update
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, aliased, mapped_column

from ecs_sql import BaseEntitySQL, Entity, EntityMapping, errors
from ecs_sql.testing import assert_same_graph, assert_same_value
from ecs_sql.testing.models import (
    Access,
    Circle,
    Color,
    Drawing,
    Level,
    Models,
    Node,
    RoundedSquare,
    Scalars,
    Shape,
    Square,
    Unions,
)
from tests.statements import count_statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ecs_sql import SqlAlchemyEntityStorage
    from tests.conftest import MakeSqlStorage

# ---------------------------------------------------------------- select and where

INDIA = timezone(timedelta(hours=5, minutes=30))
NOON = datetime(2024, 7, 1, 12, 30, 15, 123456, tzinfo=UTC)

SCALARS: dict[str, tuple[Any, Any]] = {
    "flag": (True, False),
    "count": (2**63 - 1, -(2**63)),
    "ratio": (0.1, 1e300),
    "text": ("it's 100% größer", "It's 100% größer"),
    "data": (b"\x00\xff", b"\x00"),
    "price": (Decimal("1.10"), Decimal("1.1")),
    "key": (UUID(int=2**128 - 1), UUID(int=1)),
    "day": (date(2024, 2, 29), date(1, 1, 1)),
    "clock": (time(12, 30, 1, 5), time(12, 30, tzinfo=INDIA)),
    "moment": (NOON, NOON.replace(tzinfo=None)),
    "aware": (NOON, NOON + timedelta(microseconds=1)),
    "naive": (datetime(2024, 7, 1, 12, 30, 15, 123456), datetime(1, 1, 1)),
    "span": (timedelta(days=-1, microseconds=1), timedelta(days=999)),
    "color": (Color.GREEN, Color.NONE),
    "level": (Level.HIGH, Level.LOW),
    "access": (Access.READ | Access.WRITE, Access.EXECUTE),
    "mode": ("w", 1),
    "path": (Path("a/b"), Path("/a/b")),
    "ip4": (IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2")),
    "ip6": (IPv6Address("::1"), IPv6Address("fe80::1")),
    "url": (HttpUrl("https://example.org/a?b=c"), HttpUrl("https://example.org/")),
    "temperature": (36.6, -273.15),
    "percent": (100, 50),
}


def test_every_scalar_field_is_here() -> None:
    assert SCALARS.keys() == Scalars.model_fields.keys() - Entity.model_fields.keys()


def test_where_takes_the_values_of_every_scalar_field(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Scalars)
    entities = [Scalars(**{name: values[i] for name, values in SCALARS.items()}) for i in (0, 1)]
    storage.register_many(entities)
    row = storage.mapping[Scalars]
    failed: dict[str, object] = {}
    for name, values in SCALARS.items():
        column = getattr(row, name)
        try:
            with Session(storage.engine) as session:
                for entity, value in zip(entities, values, strict=True):
                    found = session.scalars(select(row).where(column == value)).all()
                    assert [one.ecs_id for one in found] == [entity.ecs_id], name
                    assert_same_value(getattr(found[0], name), value)
                both = select(row.ecs_id).where(column.in_(values)).order_by(row.id)
                assert list(session.scalars(both)) == [e.ecs_id for e in entities], name
                other = select(row.ecs_id).where(column != values[0])
                assert list(session.scalars(other)) == [entities[1].ecs_id], name
        except Exception as error:  # noqa: BLE001 - all fields are tried
            failed[name] = error
    assert not failed


def test_where_takes_bookkeeping(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Node)
    node = Node(name="first")
    storage.register(node)
    first, created_at = node.ecs_id, node.created_at
    node.name = "second"
    storage.register(node)
    row = storage.mapping[Node]
    with Session(storage.engine) as session:
        for condition, expected in (
            (row.ecs_id == first, ["first"]),
            (row.ecs_id.in_([first, node.ecs_id, uuid4()]), ["first", "second"]),
            (row.lineage_id == node.lineage_id, ["first", "second"]),
            (row.parent_id == first, ["second"]),
            (row.parent_id.is_(None), ["first"]),
            (row.created_at == created_at.astimezone(INDIA), ["first"]),
            (row.created_at > created_at, ["second"]),
            (row.type == "node", ["first", "second"]),
        ):
            assert list(session.scalars(select(row.name).where(condition).order_by(row.id))) == (
                expected
            )
        (second,) = session.scalars(select(row).where(row.name == "second"))
        assert second.old_ids == [first]
        assert second.created_at == node.created_at
        assert second.created_at.tzinfo is not None


def test_columns_order_and_reckon_as_what_they_are(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Scalars)
    days = [date(2024, 1, number) for number in (3, 1, 2)]
    storage.register_many(
        [
            Scalars(count=number, text=f"text {number}", day=day, flag=number == 9, ratio=0.5)
            for number, day in zip((9, 10, 11), days, strict=True)
        ]
    )
    row = storage.mapping[Scalars]
    with Session(storage.engine) as session:

        def counts(*conditions: Any) -> list[int]:
            return list(session.scalars(select(row.count).where(*conditions).order_by(row.count)))

        assert counts(row.count + 1 > 10) == [10, 11]
        assert counts(row.count.between(9, 10)) == [9, 10]
        assert counts(row.count % 2 == 1) == [9, 11]
        assert counts(row.ratio * 2 == 1.0) == [9, 10, 11]
        assert counts(row.text.like("%1")) == [11]
        assert counts(row.text.startswith("text 1")) == [10, 11]
        assert counts(row.text + "!" == "text 9!") == [9]
        assert counts(func.upper(row.text) == "TEXT 9") == [9]
        assert counts(row.flag) == [9]
        assert counts(~row.flag) == [10, 11]
        assert counts(row.flag.is_(True)) == [9]
        assert counts(row.day >= date(2024, 1, 2)) == [9, 11]
        assert list(session.scalars(select(row.day).order_by(row.day))) == sorted(days)
        assert session.scalar(select(func.max(row.day))) == days[0]
        assert session.scalar(select(func.max(row.count))) == 11
        assert session.scalar(select(func.sum(row.count))) == 30
        assert session.scalar(select(func.count()).select_from(row)) == 3


def test_a_value_that_the_field_cannot_have_is_refused(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Scalars)
    row = storage.mapping[Scalars]
    with Session(storage.engine) as session:
        for condition in (row.color == "RED", row.count == "1", row.key == "text"):
            with pytest.raises(StatementError):
                session.scalars(select(row).where(condition)).all()


class Lengthy(Entity):
    code: Annotated[str, String(5)]


def test_a_long_parameter_is_a_question_like_any_other(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Lengthy)
    storage.register(Lengthy(code="12345"))
    row = storage.mapping[Lengthy]
    with Session(storage.engine) as session:
        assert session.scalars(select(row).where(row.code.like("%3%"))).one().code == "12345"


def test_null_is_none(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Unions)
    storage.register_many([Unions(maybe="text", number=1), Unions()])
    row = storage.mapping[Unions]
    with Session(storage.engine) as session:
        for condition in (row.maybe.is_(None), row.maybe == None, row.number.is_(None)):  # noqa: E711
            (found,) = session.scalars(select(row).where(condition))
            assert (found.maybe, found.number) == (None, None)


def test_values_in_json_columns_are_read_as_the_field_s_own(
    make_sql_storage: MakeSqlStorage,
) -> None:
    storage = make_sql_storage(Models)
    entity = Models(free={"a": [1, None, 1.0, True]})
    storage.register(entity)
    with Session(storage.engine) as session:
        row = session.scalars(select(storage.mapping[Models])).one()
        assert_same_value(row.free, entity.free)
        assert_same_value(row.point, entity.point)
        assert_same_value(row.names, entity.names)


def test_references_are_the_ids_that_they_pin(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Node)
    a, b = Node(name="a"), Node(name="b")
    root = Node(name="root", next=a, children=[b, a, b], named={"b": b})
    storage.register(root)
    row = storage.mapping[Node]
    with Session(storage.engine) as session:
        found = session.scalars(select(row).where(row.next == a.ecs_id)).one()
        assert found.ecs_id == root.ecs_id
        assert (found.next, found.next_id) == (a.ecs_id, a.ecs_id)
        assert found.children == [b.ecs_id, a.ecs_id, b.ecs_id]
        assert found.named == {"b": str(b.ecs_id)}
        assert session.scalars(select(row.name).where(row.next == a)).one() == "root"
        target = aliased(row)
        joined = select(row.name, target.name).join(target, target.ecs_id == row.next_id)
        assert [tuple(names) for names in session.execute(joined)] == [("root", "a")]


# ---------------------------------------------------------------- polymorphic loading


def shapes() -> list[Shape]:
    return [
        Shape(name="plain"),
        Circle(name="c", radius=2.5),
        Square(name="s"),
        RoundedSquare(name="r", corner=0.5),
        Circle(name="d"),
    ]


def test_a_base_class_loads_rows_of_its_subclasses_in_few_statements(
    make_sql_storage: MakeSqlStorage,
) -> None:
    storage = make_sql_storage(Drawing, Circle, RoundedSquare)
    mapping = storage.mapping
    entities = shapes() + [Circle(name=f"{i}") for i in range(50)]
    storage.register_many(entities)
    row = mapping[Shape]
    with Session(storage.engine) as session, count_statements(storage.engine) as statements:
        found = session.scalars(select(row).order_by(row.id)).all()
        assert [type(one) for one in found] == [mapping[type(entity)] for entity in entities]
        assert [one.name for one in found] == [entity.name for entity in entities]
        assert (found[1].radius, found[3].corner) == (2.5, 0.5)
        squares = session.scalars(select(mapping[Square])).all()
        assert {one.name for one in squares} == {"s", "r"}
    assert len(statements.reads) <= 8


def test_a_row_of_any_type_loads_through_the_mapping_s_root(
    make_sql_storage: MakeSqlStorage,
) -> None:
    storage = make_sql_storage(Drawing, Circle, RoundedSquare, Scalars)
    entities: list[Entity] = [*shapes(), Scalars(count=7), Drawing()]
    storage.register_many(entities)
    base = storage.mapping.base
    with Session(storage.engine) as session:
        found = session.scalars(select(base).order_by(base.id)).all()
        assert [row.entity_class for row in found] == [type(entity) for entity in entities]
        assert found[5].count == 7


# ---------------------------------------------------------------- rows and entities


def test_to_entity_restores_the_graph(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Drawing, Circle, RoundedSquare)
    drawing = Drawing(shapes=shapes())
    drawing.main = drawing.shapes[1]
    storage.register(drawing)
    with Session(storage.engine) as session:
        row = session.scalars(select(storage.mapping[Drawing])).one()
        entity = row.to_entity()
        assert_same_graph(entity, drawing)
        assert entity.from_storage
        assert row.to_entity() is not entity
        shape = session.scalars(
            select(storage.mapping[Shape]).where(storage.mapping[Shape].name == "r")
        ).one()
        assert_same_graph(shape.to_entity(), drawing.shapes[3])
    storage.register(entity)
    assert entity.ecs_id == drawing.ecs_id


def test_to_entity_reads_through_the_row_s_session(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Node)
    row_class = storage.mapping[Node]
    child = Node(name="child")
    root = Node(name="root", next=child)
    with Session(storage.engine) as session:
        row = row_class.from_entity(root)
        session.add_all([row, row_class.from_entity(child)])
        session.flush()
        assert_same_graph(row.to_entity(), root)
        session.rollback()
    assert storage.get(root.ecs_id) is None


def test_a_row_without_a_session_has_no_entity(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Node)
    storage.register(Node())
    with Session(storage.engine) as session:
        row = session.scalars(select(storage.mapping[Node])).one()
    for detached in (row, storage.mapping[Node].from_entity(Node())):
        with pytest.raises(errors.DetachedRowError, match="Session"):
            detached.to_entity()


def test_rows_of_entities_are_stored_as_register_stores_them(
    make_sql_storage: MakeSqlStorage,
) -> None:
    storage = make_sql_storage(Drawing, Circle, RoundedSquare)
    mapping = storage.mapping
    drawing = Drawing(shapes=shapes())
    drawing.main = drawing.shapes[3]
    with Session(storage.engine) as session:
        session.add_all(
            [
                mapping[Drawing].from_entity(drawing),
                *(mapping[Shape].from_entity(shape) for shape in drawing.shapes),
            ]
        )
        session.commit()
    assert_same_graph(storage.get(drawing.ecs_id), drawing)
    storage.register(drawing)
    assert storage.get_registry_status().versions == 6
    drawing.shapes[0].name = "changed"
    storage.register(drawing)
    assert storage.get_lineage_ids(drawing.lineage_id) == [drawing.parent_id, drawing.ecs_id]


def test_every_scalar_goes_through_a_row(make_sql_storage: MakeSqlStorage) -> None:
    storage = make_sql_storage(Scalars)
    entities = [Scalars(**{name: values[i] for name, values in SCALARS.items()}) for i in (0, 1)]
    with Session(storage.engine) as session:
        session.add_all(storage.mapping[Scalars].from_entity(entity) for entity in entities)
        session.commit()
    for entity in entities:
        assert_same_graph(storage.get(entity.ecs_id), entity)
        storage.register(entity)
    assert storage.get_registry_status().versions == 2


def test_from_entity_refuses_what_register_refuses() -> None:
    mapping = EntityMapping()
    mapping.register(Node, Circle)
    with pytest.raises(errors.UnstorableValueError, match="name"):
        mapping[Node].from_entity(Node(name="\x00"))
    for row_class in (mapping[Node], mapping[Circle]):
        with pytest.raises(errors.UnregisteredClassError):
            row_class.from_entity(Shape())


class Clashing(Entity):
    id: str = ""
    id_: str = ""
    type: str = ""
    metadata: dict[str, int] = {}
    mapping: int = 0
    attributes: list[str] = []
    entity_class: str = ""
    to_entity: str = ""
    from_entity: str = ""
    values: Node | None = None


def test_attributes_that_the_row_needs_itself_have_an_underscore(
    make_sql_storage: MakeSqlStorage,
) -> None:
    storage = make_sql_storage(Clashing)
    row = storage.mapping[Clashing]
    for name in ("type", "mapping", "attributes", "entity_class", "to_entity", "from_entity"):
        assert row.attributes[name] == f"{name}_"
    assert row.attributes["metadata"] in ("metadata", "metadata_")
    assert len(set(row.attributes.values())) == len(row.attributes)
    entity = Clashing(
        id="own id", id_="x", type="own type", metadata={"a": 1}, to_entity="field", values=Node()
    )
    storage.register(entity)
    with Session(storage.engine) as session:
        for field in ("id", "type", "to_entity"):
            attribute = getattr(row, row.attributes[field])
            found = session.scalars(select(row).where(attribute == getattr(entity, field))).one()
            assert (found.type, type(found.id)) == ("clashing", int)
            assert getattr(found, row.attributes["metadata"]) == {"a": 1}
            assert_same_graph(found.to_entity(), entity)


# ---------------------------------------------------------------- versions never change


@pytest.fixture
def stored(make_sql_storage: MakeSqlStorage) -> Iterator[SqlAlchemyEntityStorage]:
    storage = make_sql_storage(Circle)
    circle = Circle(name="as it was")
    storage.register(circle)
    yield storage
    assert_same_graph(storage.get(circle.ecs_id), circle)


CHANGES: dict[str, Callable[[Any], None]] = {
    "a field": lambda row: setattr(row, "name", "changed"),
    "a field of the base": lambda row: setattr(row, "parent_id", uuid4()),
    "a field of the subclass": lambda row: setattr(row, "radius", 7.0),
    "many": lambda row: vars(type(row))["radius"].__set__(row, 7.0),
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_update_of_a_version_is_refused(stored: SqlAlchemyEntityStorage, change: str) -> None:
    with Session(stored.engine) as session:
        row = session.scalars(select(stored.mapping[Shape])).one()
        CHANGES[change](row)
        with pytest.raises(errors.ImmutableVersionError, match="CircleRow"):
            session.flush()


def test_a_delete_of_a_version_is_refused(stored: SqlAlchemyEntityStorage) -> None:
    with Session(stored.engine) as session:
        session.delete(session.scalars(select(stored.mapping[Shape])).one())
        with pytest.raises(errors.ImmutableVersionError, match="CircleRow"):
            session.commit()


def test_a_change_that_was_taken_back_is_no_update(stored: SqlAlchemyEntityStorage) -> None:
    with Session(stored.engine) as session:
        row: Any = session.scalars(select(stored.mapping[Shape])).one()
        before = row.name
        row.name = "changed"
        row.name = before
        session.commit()


BULK_CHANGES: dict[str, Callable[[Session, type[BaseEntitySQL]], object]] = {
    "update": lambda session, row: session.execute(update(row).values(name="changed")),
    "update where": lambda session, row: session.execute(
        update(row).where(row.name == "as it was").values(name="changed")
    ),
    "update by key": lambda session, row: session.execute(
        update(row), [{"id": 1, "name": "changed"}]
    ),
    "delete": lambda session, row: session.execute(delete(row)),
    "delete where": lambda session, row: session.execute(delete(row).where(row.name != "")),
    "query update": lambda session, row: session.query(row).update({"name": "changed"}),
    "query delete": lambda session, row: session.query(row).delete(),
}


@pytest.mark.parametrize("change", BULK_CHANGES)
def test_changes_in_bulk_are_refused(stored: SqlAlchemyEntityStorage, change: str) -> None:
    with Session(stored.engine) as session, pytest.raises(errors.ImmutableVersionError):
        BULK_CHANGES[change](session, stored.mapping[Shape])
    with Session(stored.engine) as session:
        assert session.scalars(select(stored.mapping[Shape].name)).all() == ["as it was"]


class ApplicationBase(DeclarativeBase):
    pass


class Setting(ApplicationBase):
    __tablename__ = "setting"
    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    value: Mapped[str] = mapped_column(String(20))


def test_other_classes_of_the_application_are_let_alone(
    stored: SqlAlchemyEntityStorage,
) -> None:
    ApplicationBase.metadata.create_all(stored.engine)
    with Session(stored.engine) as session:
        session.add(Setting(name="a", value="1"))
        session.commit()
        session.execute(update(Setting).values(value="2"))
        session.scalars(select(Setting)).one().value = "3"
        session.commit()
        session.execute(delete(Setting))
        session.commit()


# ---------------------------------------------------------------- first use


def test_threads_may_ask_for_row_classes_at_once() -> None:
    classes: list[type[Entity]] = [Node, Circle, Square, RoundedSquare, Shape, Drawing, Scalars]
    for _ in range(5):
        mapping = EntityMapping()
        mapping.register(*classes)
        start = threading.Barrier(8, timeout=30)

        def ask(
            number: int, mapping: EntityMapping = mapping, start: threading.Barrier = start
        ) -> list[type[BaseEntitySQL]]:
            start.wait()
            made = [mapping[c] for c in classes[number % 7 :] + classes[: number % 7]]
            str(select(mapping[Shape]).where(mapping[Shape].name == "x"))
            return sorted(made, key=lambda row: row.__name__)

        with ThreadPoolExecutor(8) as threads:
            first, *others = threads.map(ask, range(8))
        assert all(other == first for other in others)


def test_a_subclass_that_is_registered_later_loads_through_its_base(
    make_sql_storage: MakeSqlStorage,
) -> None:
    storage = make_sql_storage(Shape)
    base = storage.mapping[Shape]
    storage.mapping.register(Circle)
    storage.register(Circle(radius=3.0))
    assert issubclass(storage.mapping[Circle], base)
    with Session(storage.engine) as session:
        assert session.scalars(select(storage.mapping[Shape])).one().radius == 3.0


def test_two_classes_of_one_name_in_one_module_have_rows_of_their_own() -> None:
    def made(table: str) -> type[Entity]:
        class Twin(Entity):
            __tablename__ = table

        return Twin

    mapping = EntityMapping()
    classes = made("first_twin"), made("second_twin")
    mapping.register(*classes)
    assert [mapping[twin].__name__ for twin in classes] == ["TwinRow", "TwinRow_second_twin"]
