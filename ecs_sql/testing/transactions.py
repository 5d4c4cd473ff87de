"""Transactions: operations that are kept or undone together."""

from __future__ import annotations

from uuid import uuid4

from ecs_sql.errors import ReadOnlyTransactionError, UnstorableValueError
from ecs_sql.testing.models import Node
from ecs_sql.testing.pictures import assert_same_graph, assert_same_picture, picture
from ecs_sql.testing.support import StorageHooks, raises


class Stop(Exception):
    """What the tests leave their transactions with."""


class TransactionContract(StorageHooks):
    """Grouping, nesting, rolling back, and reading only."""

    def test_a_transaction_keeps_all_its_operations(self) -> None:
        storage = self.make_storage([Node])
        node, other = Node(name="a"), Node(name="b")
        with storage.transaction():
            storage.register(node)
            storage.register(other)
            node.name = "changed"
            storage.register(node)
        assert storage.get_registry_status().versions == 3
        assert_same_graph(storage.get(node.ecs_id), node)

    def test_a_transaction_passes_an_exception_on_after_rolling_back(self) -> None:
        storage = self.make_storage([Node])
        node = Node(name="a")
        with raises(Stop), storage.transaction():
            storage.register(node)
            raise Stop
        assert not storage.has_entity(node.ecs_id)
        assert storage.get_registry_status().versions == 0

    def test_a_rollback_puts_ids_back(self) -> None:
        storage = self.make_storage([Node])
        leaf = Node(name="leaf")
        root = Node(name="root", next=leaf)
        storage.register(root)
        leaf.name = "changed"
        before = picture(root)
        with raises(Stop), storage.transaction():
            storage.register(root)
            assert root.ecs_id not in before
            leaf.size = 1
            storage.register(root)
            raise Stop
        leaf.size = 0
        assert_same_picture(picture(root), before)
        assert storage.get_registry_status().versions == 2
        storage.register(root)
        assert [len(entity.old_ids) for entity in (root, leaf)] == [1, 1]
        assert_same_graph(storage.get(root.ecs_id), root)

    def test_what_was_rolled_back_can_be_registered_again(self) -> None:
        storage = self.make_storage([Node])
        root = Node(name="root", next=Node(name="leaf"))
        before = picture(root)
        with raises(Stop), storage.transaction():
            storage.register(root)
            raise Stop
        storage.register(root)
        assert_same_picture(picture(root), before)
        assert_same_graph(storage.get(root.ecs_id), root)

    def test_what_was_read_in_a_rolled_back_transaction_is_not_taken_for_stored(self) -> None:
        storage = self.make_storage([Node])
        node = Node(name="a")
        loaded: Node | None = None
        with raises(Stop), storage.transaction():
            storage.register(node)
            loaded = storage.get(node.ecs_id, Node)
            raise Stop
        assert loaded is not None
        storage.register(loaded)
        assert storage.has_entity(node.ecs_id)

    def test_reads_see_the_writes_of_their_transaction(self) -> None:
        storage = self.make_storage([Node])
        node = Node(name="a")
        with storage.transaction():
            storage.register(node)
            first = node.ecs_id
            assert_same_graph(storage.get(first), node)
            node.name = "b"
            storage.register(node)
            assert list(storage.get_lineage_ids(node.lineage_id)) == [first, node.ecs_id]
            assert [entity.ecs_id for entity in storage.list_by_type(Node)] == [first, node.ecs_id]
            assert storage.get_registry_status().versions == 2
            assert storage.has_lineage_id(node.lineage_id)

    def test_clear_is_undone_with_its_transaction(self) -> None:
        storage = self.make_storage([Node])
        node, later = Node(name="a"), Node(name="b")
        storage.register(node)
        with raises(Stop), storage.transaction():
            storage.clear()
            assert not storage.has_entity(node.ecs_id)
            storage.register(later)
            raise Stop
        assert_same_graph(storage.get(node.ecs_id), node)
        assert not storage.has_entity(later.ecs_id)
        storage.register(node)
        assert storage.get_registry_status().versions == 1

    # ---- nesting

    def test_an_inner_transaction_is_kept_with_the_outer_one(self) -> None:
        storage = self.make_storage([Node])
        outer, inner = Node(name="outer"), Node(name="inner")
        with storage.transaction():
            storage.register(outer)
            with storage.transaction():
                storage.register(inner)
        assert storage.has_entity(outer.ecs_id)
        assert storage.has_entity(inner.ecs_id)

    def test_an_inner_transaction_is_undone_with_the_outer_one(self) -> None:
        storage = self.make_storage([Node])
        node = Node(name="a")
        storage.register(node)
        node.name = "b"
        before = picture(node)
        with raises(Stop), storage.transaction():
            with storage.transaction():
                storage.register(node)
            assert node.ecs_id not in before
            raise Stop
        assert_same_picture(picture(node), before)
        assert storage.get_registry_status().versions == 1

    def test_an_inner_transaction_can_be_undone_alone(self) -> None:
        storage = self.make_storage([Node])
        kept, undone = Node(name="kept"), Node(name="undone")
        storage.register(undone)
        undone.name = "changed"
        before = picture(undone)
        with storage.transaction():
            storage.register(kept)
            with raises(Stop), storage.transaction():
                storage.register(undone)
                raise Stop
            assert_same_picture(picture(undone), before)
            assert storage.get_registry_status().versions == 2
        assert storage.has_entity(kept.ecs_id)
        storage.register(undone)
        assert storage.get_registry_status().versions == 3

    # ---- refusals inside

    def test_a_refusal_inside_may_be_caught(self) -> None:
        storage = self.make_storage([Node])
        first, bad, last = Node(name="first"), Node(name="bad"), Node(name="last")
        storage.register(bad)
        bad.name = "\x00"
        with storage.transaction():
            storage.register(first)
            with raises(UnstorableValueError):
                storage.register(Node(children=[bad, Node()]))
            storage.register(last)
        assert [node.name for node in storage.list_by_type(Node)] == ["bad", "first", "last"]
        assert bad.parent_id is None

    def test_a_refusal_that_is_not_caught_undoes_the_transaction(self) -> None:
        storage = self.make_storage([Node])
        first = Node(name="first")
        with raises(UnstorableValueError), storage.transaction():
            storage.register(first)
            storage.register(Node(name="\x00"))
        assert not storage.has_entity(first.ecs_id)

    # ---- read_only

    def test_a_read_only_transaction_reads(self) -> None:
        storage = self.make_storage([Node])
        node = Node(name="a")
        storage.register(node)
        with storage.transaction(read_only=True):
            assert_same_graph(storage.get(node.ecs_id), node)
            assert storage.get(uuid4()) is None
            assert len(storage.list_by_type(Node)) == 1
            assert list(storage.get_lineage_ids(node.lineage_id)) == [node.ecs_id]

    def test_a_read_only_transaction_refuses_writes(self) -> None:
        storage = self.make_storage([Node])
        node = Node(name="a")
        storage.register(node)
        node.name = "b"
        before = picture(node)
        with storage.transaction(read_only=True):
            with raises(ReadOnlyTransactionError, "register"):
                storage.register(node)
            with raises(ReadOnlyTransactionError):
                storage.register_many([Node()])
            with raises(ReadOnlyTransactionError, "clear"):
                storage.clear()
            assert_same_picture(picture(node), before)
            assert storage.has_entity(node.ecs_id)
        storage.register(node)
        assert storage.get_registry_status().versions == 2

    def test_a_transaction_inside_a_read_only_one_refuses_writes_too(self) -> None:
        storage = self.make_storage([Node])
        with (
            storage.transaction(read_only=True),
            raises(ReadOnlyTransactionError),
            storage.transaction(),
        ):
            storage.register(Node())
        assert storage.get_registry_status().versions == 0
