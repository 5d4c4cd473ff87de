"""Law 1 for graphs: every shape comes back with its order, duplicates, shared nodes and cycles."""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from typing import TypeVar

from ecs_sql.entity import Entity
from ecs_sql.testing.models import (
    Book,
    Circle,
    Drawing,
    Folder,
    Node,
    Passport,
    Person,
    Placement,
    RoundedSquare,
    Scene,
    Shape,
    Square,
    Tag,
)
from ecs_sql.testing.pictures import assert_same_graph
from ecs_sql.testing.support import StorageHooks

N = TypeVar("N", bound=Entity)

GRAPH_CLASSES: list[type[Entity]] = [
    Book,
    Circle,
    Drawing,
    Folder,
    Node,
    Passport,
    Person,
    RoundedSquare,
    Scene,
    Shape,
    Square,
    Tag,
]

DEPTH = 1_200
"""Deeper than Python lets functions recurse, and still quick."""
WIDTH = 1_500


class GraphContract(StorageHooks):
    """One test for each shape of graph."""

    def test_one_to_one(self) -> None:
        person = Person(name="p", passport=Passport(number="1"))
        self._check_round_trip(person, Person(name="none"))

    def test_one_to_many_keeps_order_and_duplicates(self) -> None:
        first, second = Node(name="1"), Node(name="2")
        loaded = self._check_round_trip(Node(children=[second, first, second, second]))
        assert [child.name for child in loaded.children] == ["2", "1", "2", "2"]
        assert loaded.children[0] is loaded.children[2]

    def test_many_to_many(self) -> None:
        ada, bob = Person(name="Ada"), Person(name="Bob")
        books = [
            Book(title="1", authors=[ada, bob]),
            Book(title="2", authors=[bob, ada]),
            Book(title="3"),
        ]
        self._check_round_trip(*books)

    def test_a_tree_with_parent_links(self) -> None:
        root = Folder(name="root")
        for name in ("a", "b"):
            child = Folder(name=name, parent=root)
            child.folders.append(Folder(name=name * 2, parent=child))
            root.folders.append(child)
        loaded = self._check_round_trip(root)
        grandchild = loaded.folders[1].folders[0]
        assert grandchild.name == "bb"
        assert grandchild.parent is loaded.folders[1]
        assert loaded.folders[0].parent is loaded

    def test_a_leaf_brings_the_tree_that_it_points_up_to(self) -> None:
        root = Folder(name="root")
        leaf = Folder(name="leaf", parent=root)
        root.folders.append(leaf)
        loaded = self._check_round_trip(leaf)
        assert loaded.parent is not None
        assert loaded.parent.folders == [loaded]

    def test_a_self_reference(self) -> None:
        node = Node(name="self")
        node.next = node
        node.children = [node, node]
        loaded = self._check_round_trip(node)
        assert loaded.next is loaded
        assert loaded.children == [loaded, loaded]

    def test_a_diamond(self) -> None:
        bottom = Node(name="bottom")
        loaded = self._check_round_trip(Node(children=[Node(next=bottom), Node(next=bottom)]))
        assert loaded.children[0].next is loaded.children[1].next

    def test_a_cycle(self) -> None:
        nodes = [Node(name=str(n)) for n in range(5)]
        for node, following in pairwise([*nodes, nodes[0]]):
            node.next = following
        loaded = self._check_round_trip(nodes[0])
        met = loaded
        for _ in nodes:
            assert met.next is not None
            met = met.next
        assert met is loaded

    def test_cycles_that_share_a_node(self) -> None:
        hub = Node(name="hub")
        hub.children = [Node(name="left", next=hub), Node(name="right", next=hub, parent=hub)]
        hub.parent = hub.children[1]
        self._check_round_trip(hub)

    def test_references_to_a_base_class_keep_the_subclass(self) -> None:
        shapes = [Square(side=2.0), Circle(radius=0.5), Shape(), RoundedSquare(corner=0.25)]
        loaded = self._check_round_trip(Drawing(main=shapes[1], shapes=shapes))
        assert [type(shape) for shape in loaded.shapes] == [Square, Circle, Shape, RoundedSquare]
        assert loaded.main is loaded.shapes[1]

    def test_references_in_dict_values_keep_the_order_of_keys(self) -> None:
        a, b = Node(name="a"), Node(name="b")
        scene = Scene(by_name={"z": a, "": b, "a": a}, by_number={2: [b, a, b], 1: [], -1: [a]})
        loaded = self._check_round_trip(scene)
        assert list(loaded.by_name) == ["z", "", "a"]
        assert loaded.by_name["z"] is loaded.by_number[-1][0]

    def test_references_in_tuples_and_queues(self) -> None:
        a, b = Node(name="a"), Node(name="b")
        self._check_round_trip(Scene(row=(b, a, b), pair=(a, Tag(label="t")), queue=deque([b, a])))

    def test_references_in_sets(self) -> None:
        tags = {Tag(label="a"), Tag(label="b"), Tag(label="a")}
        loaded = self._check_round_trip(Scene(tags=tags, fixed_tags=frozenset(tags)))
        assert len(loaded.tags) == 3
        assert loaded.tags == loaded.fixed_tags

    def test_references_in_nested_models(self) -> None:
        node = Node(name="n")
        placements = [Placement(node=node, x=1.0), Placement(node=node, x=-1.0)]
        scene = Scene(
            placement=placements[0], placements=placements, board={"a": placements, "b": []}
        )
        loaded = self._check_round_trip(scene)
        assert loaded.placements[0].node is loaded.board["a"][1].node

    def test_references_in_unions(self) -> None:
        tag = Tag(label="t")
        owners = [None, tag, Person(name="p")]
        scenes = [Scene(owner=owner, label=label) for owner in owners for label in (tag, "t", "")]
        self._check_round_trip(*scenes)

    def test_a_set_does_not_lose_an_entity_that_forks(self) -> None:
        storage = self.make_storage([Scene])
        tag = Tag(label="a")
        scene = Scene(tags={tag, Tag(label="b")})
        storage.register(scene)
        tag.label = "changed"
        storage.register(scene)
        assert tag in scene.tags
        assert_same_graph(storage.get(scene.ecs_id), scene)

    def test_an_entity_that_is_only_reachable_through_a_stored_one(self) -> None:
        storage = self.make_storage([Node])
        middle = Node(name="middle", next=Node(name="leaf"))
        storage.register(middle)
        root = Node(name="root", next=middle)
        storage.register(root)
        assert_same_graph(storage.get(root.ecs_id), root)
        assert storage.get_registry_status().versions == 3

    def test_deep_graphs(self) -> None:
        storage = self.make_storage([Node])
        chain = Node(name="leaf")
        leaf = chain
        for n in range(DEPTH):
            chain = Node(size=n, next=chain)
        storage.register(chain)
        loaded = storage.get(chain.ecs_id, Node)
        assert_same_graph(loaded, chain)
        before = chain.ecs_id
        storage.register(loaded or chain)
        assert chain.ecs_id == before
        leaf.name = "changed"
        storage.register(chain)
        assert chain.parent_id == before
        assert storage.get_registry_status().versions == 2 * (DEPTH + 1)

    def test_a_chain_that_was_stored_link_by_link(self) -> None:
        storage = self.make_storage([Node])
        chain = Node(name="leaf")
        for n in range(60):
            storage.register(chain)
            chain = Node(size=n, next=chain)
        storage.register(chain)
        assert_same_graph(storage.get(chain.ecs_id), chain)

    def test_wide_graphs(self) -> None:
        storage = self.make_storage([Node])
        root = Node(children=[Node(size=n) for n in range(WIDTH)])
        storage.register(root)
        assert_same_graph(storage.get(root.ecs_id), root)
        root.children[-1].name = "changed"
        storage.register(root)
        assert storage.get_registry_status().versions == WIDTH + 3
        assert_same_graph(storage.get(root.ecs_id), root)

    def _check_round_trip(self, root: N, *more: Entity) -> N:
        storage = self.make_storage(GRAPH_CLASSES)
        entities: list[Entity] = [root, *more]
        storage.register_many(entities)
        for entity in entities:
            assert_same_graph(storage.get(entity.ecs_id), entity)
        reopened = self.reopen_storage(storage, GRAPH_CLASSES)
        loaded = reopened.get(root.ecs_id, type(root))
        assert_same_graph(loaded, root)
        versions = reopened.get_registry_status().versions
        assert loaded is not None
        reopened.register(loaded)
        assert loaded.ecs_id == root.ecs_id, "a reload looked like a change"
        assert reopened.get_registry_status().versions == versions
        return loaded
