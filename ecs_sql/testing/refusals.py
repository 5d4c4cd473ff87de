"""Law 6: `register` stores the whole graph or nothing; a refused value changes neither storage nor objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ecs_sql.entity import Entity
from ecs_sql.errors import UnstorableValueError
from ecs_sql.storage.protocol import EntityStorage
from ecs_sql.testing.models import (
    Cat,
    Containers,
    Level,
    Models,
    Node,
    Open,
    Placement,
    Point,
    Scalars,
    Scene,
    Shape,
    Square,
    Tag,
    TurboEngine,
    Unions,
)
from ecs_sql.testing.pictures import assert_same_graph, assert_same_picture, picture
from ecs_sql.testing.support import StorageHooks, raises

NAN, INFINITY = float("nan"), float("inf")
IN_THE_FOLD = datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1)
"""Unequal to the same instant in any other zone, says Python."""
WEST, EAST = timezone(timedelta(hours=-12)), timezone(timedelta(hours=14))


class LoudText(str):
    """A subclass of a scalar, which would not come back as itself."""

    __slots__ = ()


def _nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def _circular() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["self"] = [value]
    return value


NOT_A_NUMBER: Any = "x"
REFUSED: Mapping[type[Entity], Mapping[str, Sequence[Any]]] = {
    Scalars: {
        "flag": [1, None, "true"],
        "count": [2**63, -(2**63) - 1, True, 1.0, "1", None, Level.LOW],
        "ratio": [NAN, INFINITY, -INFINITY, "1.0", Decimal(1), True, 2**2000, 2**53 + 1],
        "text": ["nul \x00", "\ud800", "a\udfff", b"bytes", 1, None, LoudText("loud")],
        "data": ["text", bytearray(b"x"), None],
        "price": [Decimal("NaN"), Decimal("-Infinity"), Decimal("sNaN"), 1.0, 1],
        "key": ["00000000-0000-0000-0000-000000000000", 0],
        "day": [datetime(2024, 1, 1, tzinfo=UTC), "2024-01-01"],
        "clock": ["12:00"],
        "moment": [
            date(2024, 1, 1),
            "2024-01-01T00:00:00",
            datetime(1, 1, 1, tzinfo=EAST),
            datetime(9999, 12, 31, tzinfo=WEST),
        ],
        "aware": [datetime(2024, 1, 1), datetime.max.replace(tzinfo=WEST)],  # noqa: DTZ001 - that is the mistake
        "naive": [datetime(2024, 1, 1, tzinfo=UTC)],
        "span": [1.0, "PT1S"],
        "color": ["RED", 1, Level.LOW],
        "access": [1],
        "mode": ["x", True, None],
        "path": ["text", Path("nul\x00")],
    },
    Unions: {
        "maybe": [1, b"", "\x00"],
        "number": ["1", NAN, Decimal(1)],
        "anything": [NAN, "\ud800", [], {}, timedelta(1)],
        "optional_items": [[1, True], [1.0], None],
        "keyed": [{"a": 1.0}, {"\x00": 1}, {1: 1}],
    },
    Containers: {
        "numbers": [[1, True], [1.0], (1,), None, {1}, [10**5_000]],
        "ratios": [[0.0, NAN], [INFINITY], [[1.0]]],
        "pair": [(1,), (1, "a", "b"), [1, "a"], (1, "\x00")],
        "row": [(Decimal(1), 1), [Decimal(1)]],
        "words": [{"a", "\ud800"}, frozenset({"a"}), ["a"]],
        "table": [{"a": True}, {"\x00": 1}, {1: 1}, [("a", 1)]],
        "by_number": [{True: "a"}, {1.0: "a"}],
        "by_moment": [{IN_THE_FOLD: 1, IN_THE_FOLD.astimezone(UTC): 2}],
        "queue": [[1]],
        "nested": [{"a": [(1, {"x", "\x00"})]}, {"a": [(1, {"x"}), (True, {"x"})]}],
    },
    Models: {
        "options": [{"name": 1}, {"unknown": 1}, {"price": 1.0}],
        "point": [Point(NAN), (1.0, 2.0), Point(NOT_A_NUMBER)],
        "engine": [TurboEngine(power=Decimal(1)), {"power": Decimal(1)}],
        "engines": [{"a": [TurboEngine(power=Decimal(1))]}],
        "pet": [TurboEngine(power=Decimal(1)), Cat.model_construct(kind="cat", lives="nine")],
        "free": [
            (1,),
            {1: "a"},
            {"a": {1, 2}},
            Decimal(1),
            b"",
            NAN,
            10**5_000,
            ["\x00"],
            {"\ud800": 1},
            LoudText("loud"),
            _circular(),
            _nested(150),
            Tag(label="an entity"),
            [{"a": Tag(label="an entity")}],
        ],
    },
}


class RefusalContract(StorageHooks):
    """What is refused, and that nothing happens then."""

    def test_values_that_a_field_cannot_keep_are_refused(self) -> None:
        for entity_class, table in REFUSED.items():
            storage = self.make_storage([entity_class])
            for field, values in table.items():
                for value in values:
                    self._check_refused(storage, entity_class, field, value)
            assert storage.get_registry_status().versions == 0

    def test_values_at_the_limits_are_taken(self) -> None:
        storage = self.make_storage([Models, Scalars])
        models = Models(free=_nested(90))
        scalars = Scalars(ratio=2.0**53, count=2**63 - 1)
        storage.register_many([models, scalars])
        assert_same_graph(storage.get(models.ecs_id), models)
        assert_same_graph(storage.get(scalars.ecs_id), scalars)

    def test_an_entity_in_a_field_of_another_class_is_refused(self) -> None:
        storage = self.make_storage([Scene, Node, Tag, Shape, Square])
        wrong: dict[str, Any] = {
            "by_name": {"a": Tag(label="t")},
            "row": (Tag(label="t"),),
            "tags": {Node()},
            "placement": Placement.model_construct(node=Tag(label="t"), x=0.0),
            "owner": Node(),
            "queue": [Node()],
        }
        for field, value in wrong.items():
            scene = Scene()
            setattr(scene, field, value)
            with raises(UnstorableValueError, "Scene", field, scene.ecs_id):
                storage.register(scene)
        assert storage.get_registry_status().versions == 0

    def test_undeclared_fields_must_be_plain_data(self) -> None:
        storage = self.make_storage([Open])
        for value in (Decimal(1), NAN, {"a": (1,)}, Open()):
            entity = Open()
            setattr(entity, "free", value)  # noqa: B010 - the field is not declared
            with raises(UnstorableValueError, entity.ecs_id, "free"):
                storage.register(entity)
        assert storage.get_registry_status().versions == 0

    def test_a_refusal_deep_in_a_new_graph_stores_nothing(self) -> None:
        storage = self.make_storage([Node])
        bad = Node(name="bad\x00")
        root = Node(next=Node(children=[Node(name="good"), Node(next=bad)]))
        before = picture(root)
        with raises(UnstorableValueError, bad.ecs_id, "name") as caught:
            storage.register(root)
        assert caught.error.ecs_id == bad.ecs_id
        assert_same_picture(picture(root), before)
        assert not any(storage.has_entity(ecs_id) for ecs_id in before)
        bad.name = "mended"
        storage.register(root)
        assert picture(root).keys() == before.keys()
        assert_same_graph(storage.get(root.ecs_id), root)

    def test_a_refusal_leaves_changed_entities_unforked(self) -> None:
        storage = self.make_storage([Node])
        good, bad = Node(name="good"), Node(name="bad")
        root = Node(children=[good, bad])
        storage.register(root)
        stored = picture(root)
        good.name, bad.size = "better", 2**63
        before = picture(root)
        with raises(UnstorableValueError, bad.ecs_id):
            storage.register(root)
        assert_same_picture(picture(root), before)
        assert storage.get_registry_status().versions == 3
        old = storage.get(root.ecs_id, Node)
        assert old is not None
        assert_same_picture(picture(old), stored)
        bad.size = 0
        storage.register(root)
        assert bad.parent_id is None
        assert storage.get_registry_status().versions == 5

    def test_a_refusal_in_one_graph_refuses_them_all(self) -> None:
        storage = self.make_storage([Node])
        stored = Node(name="stored")
        storage.register(stored)
        stored.name = "changed"
        graphs = [Node(name="new"), stored, Node(next=Node(name="\ud800"))]
        before = picture(*graphs)
        with raises(UnstorableValueError):
            storage.register_many(graphs)
        assert_same_picture(picture(*graphs), before)
        assert storage.get_registry_status().versions == 1

    def test_a_refused_object_does_not_spoil_what_is_remembered_of_it(self) -> None:
        storage = self.make_storage([Node])
        node = Node(name="a")
        storage.register(node)
        loaded = storage.get(node.ecs_id, Node)
        assert loaded is not None
        loaded.name = "\x00"
        with raises(UnstorableValueError):
            storage.register(loaded)
        loaded.name = "a"
        storage.register(loaded)
        assert loaded.ecs_id == node.ecs_id
        loaded.name = "b"
        storage.register(loaded)
        assert loaded.parent_id == node.ecs_id

    def _check_refused(
        self, storage: EntityStorage, entity_class: type[Entity], field: str, value: Any
    ) -> None:
        entity = entity_class()
        setattr(entity, field, value)
        before = dict(entity.__dict__)
        error = _refusal_of(storage, entity)
        assert error is not None, f"{entity_class.__name__}.{field} took {value!r}"
        assert (error.entity_class, error.ecs_id) == (entity_class, entity.ecs_id)
        assert entity_class.__name__ in str(error)
        assert field in str(error)
        assert entity.__dict__ == before
        assert not storage.has_entity(entity.ecs_id)


def _refusal_of(storage: EntityStorage, entity: Entity) -> UnstorableValueError | None:
    try:
        storage.register(entity)
    except UnstorableValueError as error:
        return error
    return None
