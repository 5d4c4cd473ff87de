"""Copies: several objects that bear one id."""

from __future__ import annotations

from ecs_sql.errors import CopyConflictError, IdentityConflictError
from ecs_sql.testing.models import Frozen, Node, Scene, Tag
from ecs_sql.testing.pictures import assert_same_graph, assert_same_picture, picture
from ecs_sql.testing.support import StorageHooks, raises


class CopyContract(StorageHooks):
    """What happens to a copy, a copy that differs, and an id that something else has."""

    def test_a_copy_is_another_object_of_the_same_version(self) -> None:
        node = Node(name="a")
        copy = node.model_copy()
        assert copy.ecs_id == node.ecs_id
        assert copy.live_id != node.live_id
        assert copy != node

    def test_an_unchanged_copy_makes_no_version(self) -> None:
        storage = self.make_storage([Node])
        node = Node(name="a", next=Node(name="b"))
        storage.register(node)
        for copy in (node.model_copy(), node.model_copy(deep=True)):
            storage.register(copy)
            assert copy.ecs_id == node.ecs_id
        assert storage.get_registry_status().versions == 2

    def test_a_changed_copy_of_a_stored_version_forks_alone(self) -> None:
        storage = self.make_storage([Node])
        node = Node(name="a")
        storage.register(node)
        copy = node.model_copy(update={"name": "b"})
        storage.register(Node(children=[node, copy]))
        assert (node.parent_id, copy.parent_id) == (None, node.ecs_id)
        assert copy.lineage_id == node.lineage_id
        assert_same_graph(storage.get(copy.ecs_id), copy)

    def test_a_changed_copy_of_a_frozen_entity_forks(self) -> None:
        storage = self.make_storage([Frozen])
        frozen = Frozen(name="a")
        storage.register(frozen)
        copy = frozen.model_copy(update={"name": "b"})
        storage.register(copy)
        assert copy.parent_id == frozen.ecs_id
        assert list(storage.get_lineage_ids(frozen.lineage_id)) == [frozen.ecs_id, copy.ecs_id]

    def test_equal_new_copies_that_refer_to_a_change_are_settled(self) -> None:
        storage = self.make_storage([Node])
        child = Node(name="child")
        storage.register(child)
        child.name = "changed"
        new = Node(name="new", next=child)
        copies = [new, new.model_copy()]
        storage.register_many(copies)
        versions = storage.get_registry_status().versions
        storage.register_many(copies)
        assert storage.get_registry_status().versions == versions == 3

    def test_each_differing_copy_of_a_stored_version_forks_on_its_own(self) -> None:
        storage = self.make_storage([Node])
        node = Node(name="a")
        storage.register(node)
        first = node.ecs_id
        copies = [node.model_copy(update={"name": name}) for name in "bc"]
        root = Node(children=[node, *copies])
        storage.register(root)
        assert [entity.parent_id for entity in (node, *copies)] == [None, first, first]
        assert len({entity.ecs_id for entity in root.children}) == 3
        assert_same_graph(storage.get(root.ecs_id), root)

    def test_a_copy_that_was_left_behind_stays_at_its_version(self) -> None:
        storage = self.make_storage([Node])
        node = Node(name="a")
        storage.register(node)
        copy, first = node.model_copy(), node.ecs_id
        node.name = "b"
        storage.register(node)
        storage.register(copy)
        assert (copy.ecs_id, copy.name) == (first, "a")
        assert storage.get_registry_status().versions == 2

    def test_equal_copies_of_an_unstored_id_are_stored_once(self) -> None:
        storage = self.make_storage([Node])
        node = Node(name="a")
        root = Node(children=[node, node.model_copy()])
        storage.register(root)
        assert storage.get_registry_status().versions == 2
        loaded = storage.get(root.ecs_id, Node)
        assert loaded is not None
        assert loaded.children[0] is loaded.children[1]
        assert (loaded.children[0].ecs_id, loaded.children[0].name) == (node.ecs_id, "a")

    def test_copies_in_a_set_are_one_reference(self) -> None:
        storage = self.make_storage([Scene])
        tag = Tag(label="t")
        scene = Scene(tags={tag, tag.model_copy()}, fixed_tags=frozenset({tag.model_copy()}))
        storage.register(scene)
        loaded = storage.get(scene.ecs_id, Scene)
        assert_same_graph(loaded, scene)
        assert loaded is not None
        assert len(loaded.tags) == 1
        storage.register(loaded)
        assert loaded.ecs_id == scene.ecs_id

    def test_differing_copies_of_an_unstored_id_are_refused(self) -> None:
        storage = self.make_storage([Node])
        node = Node(name="a")
        copy = node.model_copy(update={"name": "b"})
        root = Node(children=[node, copy])
        before = picture(root)
        with raises(CopyConflictError, node.ecs_id, "fork()"):
            storage.register(root)
        assert_same_picture(picture(root), before)
        assert copy.ecs_id == node.ecs_id
        assert storage.get_registry_status().versions == 0
        copy.fork()
        storage.register(root)
        assert copy.parent_id == node.ecs_id
        assert storage.get_registry_status().versions == 3

    def test_differing_copies_in_two_graphs_of_one_call_are_refused(self) -> None:
        storage = self.make_storage([Node])
        node = Node(name="a")
        with raises(CopyConflictError, node.ecs_id):
            storage.register_many([node, Node(next=node.model_copy(update={"size": 1}))])
        assert storage.get_registry_status().versions == 0

    def test_an_id_that_another_lineage_has_is_refused(self) -> None:
        storage = self.make_storage([Node])
        node = Node(name="a")
        storage.register(node)
        for stranger in (Node(ecs_id=node.ecs_id, name="b"), Node(ecs_id=node.ecs_id, name="a")):
            root = Node(next=stranger)
            before = picture(root)
            with raises(IdentityConflictError, node.ecs_id, "Node"):
                storage.register(root)
            assert_same_picture(picture(root), before)
            assert not storage.has_entity(root.ecs_id)
        assert storage.get_registry_status().versions == 1

    def test_an_id_that_another_class_has_is_refused(self) -> None:
        storage = self.make_storage([Node, Tag])
        node = Node(name="a")
        storage.register(node)
        with raises(IdentityConflictError, node.ecs_id, "Tag"):
            storage.register(Tag(ecs_id=node.ecs_id, lineage_id=node.lineage_id, label="t"))
        assert_same_graph(storage.get(node.ecs_id), node)

    def test_two_lineages_that_share_an_id_in_one_call_are_refused(self) -> None:
        storage = self.make_storage([Node, Tag])
        node = Node(name="a")
        for stranger in (
            Node(ecs_id=node.ecs_id, name="a"),
            Tag(ecs_id=node.ecs_id, lineage_id=node.lineage_id, label="t"),
        ):
            with raises(
                Exception, node.ecs_id
            ) as caught:  # either description of the mistake is right
                storage.register_many([node, stranger])
            assert isinstance(caught.error, CopyConflictError | IdentityConflictError)
        assert storage.get_registry_status().versions == 0
