"""Laws 2 and 5: versions are immutable, and lineages are trees whose order needs no clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from ecs_sql.errors import LineageError
from ecs_sql.testing.models import Containers, Engine, Models, Node, Placement, Scene, Tag
from ecs_sql.testing.pictures import assert_same_graph, assert_same_picture, picture
from ecs_sql.testing.support import StorageHooks, raises


class LineageContract(StorageHooks):
    """What history looks like, and that nothing changes it."""

    # ---- immutability

    def test_a_version_does_not_follow_the_object_that_was_registered(self) -> None:
        storage = self.make_storage([Containers, Models])
        containers = Containers(numbers=[1], words={"a"}, nested={"k": [(1, {"x"})]})
        models = Models(engine=Engine(power=Decimal(1)), options={"name": "n"}, free={"a": [1]})
        storage.register_many([containers, models])
        before = picture(containers, models)
        containers.numbers.append(2)
        containers.nested["k"][0][1].add("y")
        containers.words.clear()
        assert models.engine is not None
        models.engine.power += 1
        models.options["name"] = "m"
        models.free["a"].append(2)
        first = [storage.get(ecs_id) for ecs_id in before]
        assert_same_picture(picture(*[entity for entity in first if entity]), before)
        storage.register_many([containers, models])
        again = [storage.get(ecs_id) for ecs_id in before]
        assert_same_picture(picture(*[entity for entity in again if entity]), before)

    def test_a_version_does_not_follow_an_object_that_was_returned(self) -> None:
        storage = self.make_storage([Scene])
        node = Node(name="n")
        scene = Scene(board={"a": [Placement(node=node)]}, by_name={"n": node})
        storage.register(scene)
        before = picture(scene)
        for loaded in (storage.get(scene.ecs_id, Scene), storage.list_by_type(Scene)[0]):
            assert loaded is not None
            loaded.by_name["n"].name = "changed"
            loaded.board["a"][0].x = 5.0
            loaded.board["b"] = []
            loaded.old_ids.append(uuid4())
            again = storage.get(scene.ecs_id, Scene)
            assert again is not None
            assert_same_picture(picture(again), before)

    def test_an_old_version_keeps_its_children(self) -> None:
        storage = self.make_storage([Node])
        root = Node(name="root", children=[Node(name="a"), Node(name="b")])
        storage.register(root)
        pictures = {root.ecs_id: picture(root)}
        changes: list[Callable[[], object]] = [
            lambda: setattr(root.children[0], "name", "changed"),
            root.children.pop,
            lambda: root.children.append(Node(name="c")),
            root.children.clear,
            lambda: setattr(root, "name", "empty"),
        ]
        for change in changes:
            change()
            storage.register(root)
            pictures[root.ecs_id] = picture(root)
        assert len(pictures) == len(changes) + 1
        for ecs_id, expected in pictures.items():
            version = storage.get(ecs_id, Node)
            assert version is not None
            assert_same_picture(picture(version), expected)

    def test_a_version_does_not_follow_the_defaults_of_its_class(self) -> None:
        storage = self.make_storage([Node])
        node = Node()
        storage.register(node)
        field = Node.model_fields["name"]
        field.default, before = "another default", field.default
        try:
            loaded = storage.get(node.ecs_id, Node)
        finally:
            field.default = before
        assert_same_graph(loaded, node)

    def test_loaded_objects_share_no_containers(self) -> None:
        storage = self.make_storage([Containers])
        entity = Containers()
        storage.register(entity)
        first, second = (
            storage.get(entity.ecs_id, Containers),
            storage.get(entity.ecs_id, Containers),
        )
        assert first is not None
        assert second is not None
        first.numbers.append(1)
        first.old_ids.append(uuid4())
        assert (second.numbers, second.old_ids) == ([], [])
        assert Containers().numbers == []

    # ---- lineages

    def test_each_version_names_all_its_ancestors_oldest_first(self) -> None:
        storage = self.make_storage([Node])
        node = Node()
        ancestors: list[UUID] = []
        for size in range(1, 5):
            storage.register(node)
            assert node.old_ids == ancestors
            assert node.parent_id == (ancestors[-1] if ancestors else None)
            ancestors.append(node.ecs_id)
            node.size = size
        storage.register(node)
        loaded = storage.get(node.ecs_id, Node)
        assert loaded is not None
        assert loaded.old_ids == ancestors

    def test_a_changed_old_version_starts_a_branch(self) -> None:
        storage = self.make_storage([Node])
        node = Node(name="1")
        storage.register(node)
        first = node.ecs_id
        old = storage.get(first, Node)
        node.name = "2"
        storage.register(node)
        assert old is not None
        old.name = "2b"
        storage.register(old)
        assert (node.parent_id, old.parent_id) == (first, first)
        assert old.old_ids == [first]
        assert old.lineage_id == node.lineage_id
        assert list(storage.get_lineage_ids(node.lineage_id)) == [first, node.ecs_id, old.ecs_id]
        for version in (node, old):
            assert_same_graph(storage.get(version.ecs_id), version)

    def test_two_objects_of_one_version_that_change_apart_are_two_branches(self) -> None:
        storage = self.make_storage([Node])
        node = Node(name="1", next=Node(name="shared"))
        storage.register(node)
        left, right = storage.get(node.ecs_id, Node), storage.get(node.ecs_id, Node)
        assert left is not None
        assert right is not None
        left.name, right.name = "left", "right"
        storage.register_many([left, right])
        assert left.parent_id == right.parent_id == node.ecs_id
        assert left.ecs_id != right.ecs_id
        assert left.next is not None
        assert left.next.parent_id is None
        assert storage.get_registry_status().versions == 4

    def test_an_unchanged_old_version_makes_no_branch(self) -> None:
        storage = self.make_storage([Node])
        node = Node(name="1")
        storage.register(node)
        old = storage.get(node.ecs_id, Node)
        node.name = "2"
        storage.register(node)
        assert old is not None
        storage.register(Node(children=[old, node]))
        assert (old.parent_id, node.parent_id) == (None, old.ecs_id)
        assert len(storage.get_lineage_ids(node.lineage_id)) == 2

    def test_the_order_of_versions_needs_no_clock(self) -> None:
        storage = self.make_storage([Node])
        now = datetime.now(UTC)
        nodes = [Node(name=str(n), created_at=now - timedelta(days=n)) for n in range(3)]
        for node in nodes:
            storage.register(node)
        assert [node.name for node in storage.list_by_type(Node)] == ["0", "1", "2"]

    def test_a_given_time_of_creation_is_kept(self) -> None:
        storage = self.make_storage([Node])
        node = Node(created_at=datetime(1999, 12, 31, 23, 59, 59, 123_456, tzinfo=UTC))
        storage.register(node)
        assert_same_graph(storage.get(node.ecs_id), node)

    def test_given_ids_are_kept(self) -> None:
        storage = self.make_storage([Node])
        ecs_id, lineage_id = uuid4(), uuid4()
        storage.register(Node(ecs_id=ecs_id, lineage_id=lineage_id))
        assert list(storage.get_lineage_ids(lineage_id)) == [ecs_id]

    def test_ids_may_be_any_128_bits(self) -> None:
        storage = self.make_storage([Node])
        ids = [UUID(int=0), UUID(int=2**128 - 1), UUID("f10cc4f3-ae39-b89a-01cf-e9d7627bffe1")]
        nodes = [Node(ecs_id=ecs_id, lineage_id=ecs_id) for ecs_id in ids]
        root = Node(children=nodes, next=nodes[-1], parent=nodes[0])
        storage.register(root)
        assert_same_graph(storage.get(root.ecs_id), root)
        nodes[-1].name = "changed"
        storage.register(root)
        assert list(storage.get_lineage_ids(ids[-1])) == [ids[-1], nodes[-1].ecs_id]
        assert_same_graph(storage.get(root.ecs_id), root)

    def test_an_entity_is_stored_before_what_it_refers_to(self) -> None:
        storage = self.make_storage([Node])
        shared = Node(name="shared")
        first = Node(name="first", next=Node(name="below first", next=shared))
        root = Node(name="root", next=first, children=[Node(name="child"), shared])
        storage.register(root)
        names = [node.name for node in storage.list_by_type(Node)]
        assert names == ["root", "first", "below first", "shared", "child"]

    def test_a_parent_is_stored_before_its_fork(self) -> None:
        storage = self.make_storage([Node])
        parent = Node(name="parent")
        child = parent.model_copy().fork()
        grandchild = child.model_copy().fork()
        storage.register(Node(children=[grandchild, child, parent]))
        expected = [parent.ecs_id, child.ecs_id, grandchild.ecs_id]
        assert list(storage.get_lineage_ids(parent.lineage_id)) == expected
        assert grandchild.old_ids == expected[:2]

    def test_history_need_not_be_stored_here(self) -> None:
        elsewhere = self.make_storage([Tag])
        tag = Tag(label="1")
        elsewhere.register(tag)
        tag.label = "2"
        elsewhere.register(tag)
        elsewhere.clear()
        elsewhere.register(tag)
        loaded = elsewhere.get(tag.ecs_id)
        assert_same_graph(loaded, tag)
        assert tag.parent_id is not None
        assert not elsewhere.has_entity(tag.parent_id)
        assert list(elsewhere.get_lineage_ids(tag.lineage_id)) == [tag.ecs_id]

    def test_a_parent_of_another_lineage_is_refused(self) -> None:
        storage = self.make_storage([Node])
        parent = Node(name="parent")
        storage.register(parent)
        stray = Node(name="stray", parent_id=parent.ecs_id, old_ids=[parent.ecs_id])
        before = picture(stray)
        with raises(LineageError, stray.ecs_id, parent.ecs_id):
            storage.register(Node(next=stray))
        assert_same_picture(picture(stray), before)
        assert storage.get_registry_status().versions == 1

    def test_a_circle_of_parents_is_refused(self) -> None:
        storage = self.make_storage([Node])
        lineage, one, other = uuid4(), uuid4(), uuid4()
        own_parent = Node(ecs_id=one, lineage_id=lineage, parent_id=one, old_ids=[one])
        with raises(LineageError, one):
            storage.register(own_parent)
        pair = [
            Node(ecs_id=one, lineage_id=lineage, parent_id=other, old_ids=[other]),
            Node(ecs_id=other, lineage_id=lineage, parent_id=one, old_ids=[one]),
        ]
        with raises(LineageError):
            storage.register_many(pair)
        assert storage.get_registry_status().versions == 0

    def test_a_circle_of_parents_is_refused_however_it_is_made(self) -> None:
        storage = self.make_storage([Node])
        lineage, one, two, three = uuid4(), uuid4(), uuid4(), uuid4()
        circle = [(one, three), (two, one), (three, two)]
        with raises(LineageError):
            for ecs_id, parent_id in circle:
                storage.register(Node(ecs_id=ecs_id, lineage_id=lineage, parent_id=parent_id))
        storage.clear()
        with raises(LineageError):
            for ecs_id, parent_id in circle:
                old_ids = [parent_id]
                storage.register(
                    Node(ecs_id=ecs_id, lineage_id=lineage, parent_id=parent_id, old_ids=old_ids)
                )
        assert not storage.has_entity(three)
