"""Registering with `expect_latest`: of several changes of one version, one is stored."""

from __future__ import annotations

from uuid import uuid4

from ecs_sql.entity import Entity
from ecs_sql.errors import StaleVersionError
from ecs_sql.storage.protocol import EntityStorage
from ecs_sql.testing.models import Node
from ecs_sql.testing.pictures import assert_same_graph, assert_same_picture, picture
from ecs_sql.testing.support import StorageHooks, raises


class LatestContract(StorageHooks):
    """Who wins, who loses and how, and whom it does not concern."""

    def test_a_change_of_the_latest_version_is_stored(self) -> None:
        storage, node = self._kept(Node(name="a"))
        for name in "bc":
            before = node.ecs_id
            node.name = name
            assert storage.register(node, expect_latest=True) is node
            assert node.parent_id == before
        assert len(storage.get_lineage_ids(node.lineage_id)) == 3

    def test_a_change_of_an_older_version_is_refused(self) -> None:
        storage, node = self._kept(Node(name="a"))
        first = node.ecs_id
        mine = node.model_copy(update={"name": "mine"})
        for name in "bc":
            node.name = name
            storage.register(node, expect_latest=True)
        before = picture(mine)
        with raises(StaleVersionError, "load", "Node", first, node.ecs_id) as stale:
            storage.register(mine, expect_latest=True)
        error = stale.error
        assert (error.entity_class, error.ecs_id, error.lineage_id) == (
            Node,
            first,
            node.lineage_id,
        )
        assert (error.parent_id, error.latest_id) == (first, node.ecs_id)
        assert_same_picture(picture(mine), before)
        assert storage.get_registry_status().versions == 3

    def test_the_loser_reloads_and_tries_again(self) -> None:
        storage, node = self._kept(Node(name="a"))
        loser = node.model_copy()
        node.name = "winner"
        storage.register(node, expect_latest=True)
        loser.size = 1
        with raises(StaleVersionError) as stale:
            storage.register(loser, expect_latest=True)
        again = storage.get(stale.error.latest_id, Node)
        assert again is not None
        again.size = 1
        storage.register(again, expect_latest=True)
        assert (again.name, again.size, again.parent_id) == ("winner", 1, node.ecs_id)

    def test_without_it_there_is_a_branch(self) -> None:
        storage, node = self._kept(Node(name="a"))
        branch = node.model_copy(update={"name": "c"})
        node.name = "b"
        storage.register(node, expect_latest=True)
        with raises(StaleVersionError):
            storage.register(branch, expect_latest=True)
        storage.register(branch)
        assert branch.parent_id == node.parent_id

    def test_each_branch_has_a_latest_version(self) -> None:
        storage, node = self._kept(Node(name="a"))
        branch = node.model_copy(update={"name": "c"})
        node.name = "b"
        storage.register_many([node])
        storage.register_many([branch])
        for entity in (node, branch):
            before = entity.ecs_id
            entity.size = 1
            storage.register(entity, expect_latest=True)
            assert entity.parent_id == before

    def test_what_does_not_fork_need_not_be_the_latest(self) -> None:
        storage, node = self._kept(Node(name="a"))
        old = node.model_copy()
        node.name = "b"
        storage.register(node)
        storage.register(old, expect_latest=True)
        root = storage.register(Node(next=old), expect_latest=True)
        assert root.next is old
        assert storage.get_registry_status().versions == 3

    def test_new_entities_have_nothing_to_expect(self) -> None:
        storage = self.make_storage([Node])
        root = storage.register(Node(next=Node(name="a")), expect_latest=True)
        assert_same_graph(storage.get(root.ecs_id), root)

    # ---- graphs

    def test_what_forks_for_its_references_has_to_be_the_latest_too(self) -> None:
        storage, root = self._kept(Node(name="root", children=[Node(name="a"), Node(name="b")]))
        other = root.model_copy(deep=True)
        root.children[0].name = "changed"
        storage.register(root, expect_latest=True)
        other.children[1].name = "changed too"
        before = picture(other)
        with raises(StaleVersionError) as stale:
            storage.register(other, expect_latest=True)
        assert (stale.error.ecs_id, stale.error.latest_id) == (other.ecs_id, root.ecs_id)
        assert_same_picture(picture(other), before)
        storage.register(other.children[1], expect_latest=True)

    def test_a_cycle_is_forked_once(self) -> None:
        storage, first = self._kept(_ring())
        other = first.model_copy(deep=True)
        first.name = "changed"
        storage.register(first, expect_latest=True)
        assert other.next is not None
        other.next.name = "changed too"
        before = picture(other)
        with raises(StaleVersionError):
            storage.register(other, expect_latest=True)
        assert_same_picture(picture(other), before)
        assert storage.get_registry_status().versions == 6

    def test_of_several_roots_one_that_is_stale_refuses_all(self) -> None:
        storage, stale = self._kept(Node(name="a"))
        fresh = storage.register(Node(name="x"))
        newer = stale.model_copy(update={"name": "b"})
        storage.register(newer)
        fresh.name, stale.name = "y", "c"
        before = [picture(fresh), picture(stale)]
        with raises(StaleVersionError):
            storage.register_many([fresh, stale], expect_latest=True)
        for entity, as_it_was in zip((fresh, stale), before, strict=True):
            assert_same_picture(picture(entity), as_it_was)
        assert storage.get_registry_status().versions == 3

    def test_two_changes_of_one_version_in_one_call_are_refused(self) -> None:
        storage, node = self._kept(Node(name="a"))
        copy = node.model_copy(update={"name": "copy"})
        node.name = "b"
        with raises(StaleVersionError, "two objects") as stale:
            storage.register_many([node, copy], expect_latest=True)
        assert stale.error.latest_id == node.ecs_id == copy.ecs_id
        assert storage.get_registry_status().versions == 1

    # ---- forks by hand, and history

    def test_a_fork_by_hand_is_a_change(self) -> None:
        storage, node = self._kept(Node(name="a"))
        mine = node.model_copy()
        first = node.ecs_id
        storage.register(node.fork(), expect_latest=True)
        forked = mine.fork().ecs_id
        with raises(StaleVersionError) as stale:
            storage.register(mine, expect_latest=True)
        assert (stale.error.ecs_id, stale.error.parent_id) == (forked, first)
        assert stale.error.latest_id == node.ecs_id

    def test_a_line_of_forks_is_stored_at_once(self) -> None:
        storage, node = self._kept(Node(name="a"))
        second = node.model_copy().fork()
        third = second.model_copy().fork()
        storage.register_many([third, second], expect_latest=True)
        ids = [node.ecs_id, second.ecs_id, third.ecs_id]
        assert storage.get_lineage_ids(node.lineage_id) == ids

    def test_a_parent_that_is_stored_elsewhere_has_its_children_here(self) -> None:
        storage = self.make_storage([Node])
        node = Node(name="a", parent_id=uuid4())
        other = Node(name="b", parent_id=node.parent_id, lineage_id=node.lineage_id)
        unrelated = Node(name="c", parent_id=node.parent_id)
        storage.register(node, expect_latest=True)
        storage.register(unrelated, expect_latest=True)
        with raises(StaleVersionError) as stale:
            storage.register(other, expect_latest=True)
        assert stale.error.latest_id == node.ecs_id

    # ---- transactions

    def test_inside_a_transaction_its_own_versions_count(self) -> None:
        storage, node = self._kept(Node(name="a"))
        copy = node.model_copy(update={"name": "copy"})
        with storage.transaction():
            for name in "bc":
                node.name = name
                storage.register(node, expect_latest=True)
            with raises(StaleVersionError):
                storage.register(copy, expect_latest=True)
        assert len(storage.get_lineage_ids(node.lineage_id)) == 3

    def test_what_was_rolled_back_is_not_in_the_way(self) -> None:
        storage, node = self._kept(Node(name="a"))
        copy = node.model_copy(update={"name": "copy"})
        with storage.transaction():
            with raises(ArithmeticError), storage.transaction():
                node.name = "b"
                storage.register(node, expect_latest=True)
                raise ArithmeticError
            storage.register(copy, expect_latest=True)
        assert storage.get_lineage_ids(node.lineage_id) == [node.ecs_id, copy.ecs_id]

    def _kept(self, root: Node) -> tuple[EntityStorage, Node]:
        classes: list[type[Entity]] = [Node]
        storage = self.make_storage(classes)
        return storage, storage.register(root)


def _ring() -> Node:
    """The first of three nodes that refer to each other in a circle."""
    first, second, third = (Node(name=name) for name in "abc")
    first.next, second.next, third.next = second, third, first
    return first
