"""Each operation of a storage, one by one."""

from __future__ import annotations

import threading
from uuid import uuid4

from ecs_sql.entity import Entity
from ecs_sql.errors import EntityTypeError
from ecs_sql.testing.models import (
    Circle,
    Drawing,
    LabelledReport,
    Letter,
    Node,
    Passport,
    Person,
    Report,
    RoundedSquare,
    Shape,
    Square,
    Stamped,
    Tag,
    Titled,
)
from ecs_sql.testing.pictures import assert_one_object_per_version, assert_same_graph
from ecs_sql.testing.support import StorageHooks, raises

SHAPES: list[type[Entity]] = [Shape, Circle, Square, RoundedSquare, Drawing]


class OperationContract(StorageHooks):
    """What each operation takes and answers."""

    # ---- register

    def test_register_returns_its_argument(self) -> None:
        storage = self.make_storage([Node])
        node = Node(name="a")
        assert storage.register(node) is node

    def test_register_stores_the_whole_graph(self) -> None:
        storage = self.make_storage([Node])
        leaf = Node(name="leaf")
        root = Node(name="root", children=[Node(name="middle", next=leaf)])
        storage.register(root)
        assert storage.has_entity(leaf.ecs_id)
        assert_same_graph(storage.get(root.ecs_id), root)

    def test_register_of_an_id_answers_what_get_gives(self) -> None:
        storage = self.make_storage([Node])
        node = Node(name="a")
        storage.register(node)
        loaded = storage.register(node.ecs_id)
        assert loaded is not node
        assert_same_graph(loaded, node)

    def test_register_of_an_unknown_id_is_none(self) -> None:
        assert self.make_storage([Node]).register(uuid4()) is None

    def test_register_many_returns_its_arguments_in_order(self) -> None:
        storage = self.make_storage([Node, Tag])
        entities: list[Entity] = [Node(name="a"), Tag(label="b"), Node(name="c")]
        returned = list(storage.register_many(entities))
        assert [id(entity) for entity in returned] == [id(entity) for entity in entities]
        assert all(storage.has_entity(entity.ecs_id) for entity in entities)

    def test_register_many_shares_nodes_between_its_graphs(self) -> None:
        storage = self.make_storage([Node])
        shared = Node(name="shared")
        storage.register_many([Node(next=shared), Node(next=shared), shared])
        assert storage.get_registry_status().versions == 3

    def test_register_many_of_one_object_twice_stores_it_once(self) -> None:
        storage = self.make_storage([Node])
        node = Node()
        storage.register_many([node, node])
        assert storage.get_registry_status().versions == 1

    def test_register_many_of_nothing_does_nothing(self) -> None:
        storage = self.make_storage([Node])
        assert list(storage.register_many([])) == []
        assert storage.get_registry_status().versions == 0

    # ---- has_entity, get, get_many, get_cold_snapshot

    def test_has_entity_knows_each_version(self) -> None:
        storage = self.make_storage([Node])
        node = Node(name="a")
        assert not storage.has_entity(node.ecs_id)
        storage.register(node)
        first = node.ecs_id
        node.name = "b"
        assert storage.has_entity(first)
        storage.register(node)
        assert storage.has_entity(first)
        assert storage.has_entity(node.ecs_id)
        assert not storage.has_entity(node.lineage_id)

    def test_get_of_an_unknown_id_is_none(self) -> None:
        storage = self.make_storage([Node])
        assert storage.get(uuid4()) is None
        assert storage.get(uuid4(), Node) is None
        assert storage.get_cold_snapshot(uuid4()) is None

    def test_get_returns_a_fresh_object_each_time(self) -> None:
        storage = self.make_storage([Node])
        node = Node(name="a", next=Node(name="b"))
        storage.register(node)
        first, second = storage.get(node.ecs_id, Node), storage.get(node.ecs_id, Node)
        assert first is not None
        assert second is not None
        assert len({id(node), id(first), id(second)}) == 3
        assert len({node.live_id, first.live_id, second.live_id}) == 3
        assert first.next is not second.next
        assert first != second

    def test_get_takes_the_class_itself_or_a_base(self) -> None:
        storage = self.make_storage(SHAPES)
        shape = RoundedSquare(name="r", side=2.0, corner=0.5)
        storage.register(shape)
        for asked in (None, RoundedSquare, Square, Shape, Entity):
            assert_same_graph(storage.get(shape.ecs_id, asked), shape)

    def test_get_of_another_type_is_an_error(self) -> None:
        storage = self.make_storage(SHAPES)
        shape = Square(name="s")
        storage.register(shape)
        for wrong in (Circle, RoundedSquare, Drawing):
            with raises(EntityTypeError, shape.ecs_id, "Square", wrong.__name__) as caught:
                storage.get(shape.ecs_id, wrong)
            assert caught.error.expected is wrong
            assert caught.error.actual is Square

    def test_get_many_answers_in_the_order_asked_with_none_where_missing(self) -> None:
        storage = self.make_storage([Node, Tag])
        node, tag, missing = Node(name="a"), Tag(label="b"), uuid4()
        storage.register_many([node, tag])
        found = list(storage.get_many([tag.ecs_id, missing, node.ecs_id]))
        assert [entity and entity.ecs_id for entity in found] == [tag.ecs_id, None, node.ecs_id]
        assert list(storage.get_many([])) == []

    def test_get_many_is_one_load(self) -> None:
        storage = self.make_storage([Node])
        shared = Node(name="shared")
        left, right = Node(name="left", next=shared), Node(name="right", children=[shared, shared])
        storage.register_many([left, right])
        loaded = storage.get_many([left.ecs_id, right.ecs_id, shared.ecs_id, left.ecs_id], Node)
        assert_one_object_per_version(*[entity for entity in loaded if entity is not None])
        assert loaded[0] is loaded[3]
        for entity, expected in zip(loaded, [left, right, shared, left], strict=True):
            assert_same_graph(entity, expected)

    def test_get_many_of_another_type_is_an_error(self) -> None:
        storage = self.make_storage([Node, Tag])
        node, tag = Node(), Tag(label="t")
        storage.register_many([node, tag])
        with raises(EntityTypeError, tag.ecs_id):
            storage.get_many([node.ecs_id, tag.ecs_id], Node)

    def test_get_cold_snapshot_answers_as_get_does(self) -> None:
        storage = self.make_storage([Node])
        node = Node(name="a", children=[Node(name="b")])
        storage.register(node)
        assert_same_graph(storage.get_cold_snapshot(node.ecs_id), node)

    def test_only_what_a_storage_returned_is_from_storage(self) -> None:
        storage = self.make_storage([Node])
        node = Node(next=Node())
        storage.register(node)
        assert not node.from_storage
        loaded = storage.get(node.ecs_id, Node)
        assert loaded is not None
        assert loaded.from_storage
        assert loaded.next is not None
        assert loaded.next.from_storage
        assert not loaded.model_copy().from_storage
        loaded.name = "changed"
        storage.register(loaded)
        assert loaded.from_storage

    # ---- list_by_type

    def test_list_by_type_has_every_version_in_stored_order(self) -> None:
        storage = self.make_storage([Node, Tag])
        node, other = Node(name="1"), Node(name="other")
        versions = []
        for name in ("1", "2", "3"):
            node.name = name
            storage.register(node)
            versions.append(node.ecs_id)
            if name == "2":
                storage.register(other)
                versions.append(other.ecs_id)
        storage.register(Tag(label="t"))
        assert [entity.ecs_id for entity in storage.list_by_type(Node)] == versions
        assert [entity.name for entity in storage.list_by_type(Node)] == ["1", "2", "other", "3"]

    def test_list_by_type_follows_issubclass(self) -> None:
        storage = self.make_storage(SHAPES)
        shapes = [Circle(name="c"), Shape(name="s"), RoundedSquare(name="r"), Square(name="q")]
        for shape in shapes:
            storage.register(shape)
        assert [type(shape) for shape in storage.list_by_type(Shape)] == [
            Circle,
            Shape,
            RoundedSquare,
            Square,
        ]
        assert [type(shape) for shape in storage.list_by_type(Square)] == [RoundedSquare, Square]
        assert [type(shape) for shape in storage.list_by_type(Circle)] == [Circle]
        assert list(storage.list_by_type(Drawing)) == []

    def test_list_by_type_follows_abstract_and_second_bases(self) -> None:
        storage = self.make_storage([Letter, Report, LabelledReport])
        entities: list[Entity] = [
            Letter(),
            LabelledReport(label="l"),
            Tag(label="t"),
            Report(),
            Titled(),
        ]
        storage.register_many(entities)
        for asked in (Stamped, Titled, Tag, Report, Letter, Entity):
            expected = [entity.ecs_id for entity in entities if isinstance(entity, asked)]
            assert [entity.ecs_id for entity in storage.list_by_type(asked)] == expected

    def test_list_by_type_restores_the_graphs(self) -> None:
        storage = self.make_storage(SHAPES)
        shared = Circle(name="shared", radius=2.5)
        drawings = [Drawing(main=shared, shapes=[Square(), shared]), Drawing(shapes=[shared])]
        storage.register_many(drawings)
        loaded = list(storage.list_by_type(Drawing))
        assert_one_object_per_version(*loaded)
        for entity, expected in zip(loaded, drawings, strict=True):
            assert_same_graph(entity, expected)

    # ---- lineages

    def test_a_lineage_lists_its_versions_in_stored_order(self) -> None:
        storage = self.make_storage([Node])
        node = Node(name="a")
        assert not storage.has_lineage_id(node.lineage_id)
        assert list(storage.get_lineage_ids(node.lineage_id)) == []
        assert list(storage.get_lineage_entities(node.lineage_id)) == []
        versions = []
        for name in "abc":
            node.name = name
            storage.register(node)
            versions.append(node.ecs_id)
        storage.register(Node(name="of another lineage"))
        assert storage.has_lineage_id(node.lineage_id)
        assert not storage.has_lineage_id(node.ecs_id)
        assert list(storage.get_lineage_ids(node.lineage_id)) == versions
        history = list(storage.get_lineage_entities(node.lineage_id))
        assert [entity.ecs_id for entity in history] == versions
        assert [getattr(entity, "name", None) for entity in history] == ["a", "b", "c"]

    # ---- get_registry_status, clear

    def test_the_status_counts_types_versions_and_lineages(self) -> None:
        storage = self.make_storage([Person, Passport, Tag])
        before = storage.get_registry_status()
        assert (before.entity_types, before.versions, before.lineages) == (0, 0, 0)
        person = Person(name="p", passport=Passport(number="1"))
        storage.register(person)
        person.name = "q"
        storage.register(person)
        status = storage.get_registry_status()
        assert (status.entity_types, status.versions, status.lineages) == (2, 3, 2)
        assert status.backend == before.backend

    def test_clear_removes_everything_and_leaves_the_storage_usable(self) -> None:
        storage = self.make_storage(SHAPES)
        drawing = Drawing(shapes=[Circle(), Square()])
        storage.register(drawing)
        storage.clear()
        assert storage.get_registry_status().versions == 0
        assert storage.get(drawing.ecs_id) is None
        assert list(storage.list_by_type(Shape)) == []
        assert not storage.has_lineage_id(drawing.lineage_id)
        before = drawing.ecs_id
        storage.register(drawing)
        assert drawing.ecs_id == before
        assert_same_graph(storage.get(before), drawing)

    def test_clear_of_an_empty_storage_is_no_error(self) -> None:
        self.make_storage([Node]).clear()

    def test_a_loaded_object_is_stored_anew_after_clear(self) -> None:
        storage = self.make_storage([Node])
        node = Node(name="a", next=Node(name="b"))
        storage.register(node)
        loaded = storage.get(node.ecs_id, Node)
        assert loaded is not None
        storage.clear()
        storage.register(loaded)
        assert loaded.ecs_id == node.ecs_id
        assert_same_graph(storage.get(node.ecs_id), node)

    # ---- threads

    def test_threads_may_share_a_storage(self) -> None:
        storage = self.make_storage([Node])
        graphs = [[Node(name=f"{n}.{i}", next=Node(size=i)) for i in range(5)] for n in range(4)]
        failures: list[BaseException] = []

        def work(nodes: list[Node]) -> None:
            try:
                for node in nodes:
                    storage.register(node)
                    assert_same_graph(storage.get(node.ecs_id), node)
            except BaseException as error:  # noqa: BLE001 - reported by the test's own thread
                failures.append(error)

        threads = [threading.Thread(target=work, args=(nodes,)) for nodes in graphs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert storage.get_registry_status().versions == 40
