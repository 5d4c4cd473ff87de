"""Laws 3 and 4: no change, no version; a change forks what changed and what leads to it, nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from uuid import UUID

from ecs_sql.entity import Entity
from ecs_sql.storage.memory import InMemoryEntityStorage
from ecs_sql.storage.protocol import EntityStorage
from ecs_sql.testing.models import Folder, Frozen, Node, Open, Placement, Scene, Tag, Validated
from ecs_sql.testing.pictures import assert_same_graph, assert_same_picture, picture
from ecs_sql.testing.support import StorageHooks


class ForkContract(StorageHooks):
    """Which entities become new versions."""

    # ---- no change, no version

    def test_an_unchanged_graph_makes_no_version(self) -> None:
        storage, nodes = self._stored_diamond()
        before = picture(nodes["top"])
        storage.register(nodes["top"])
        storage.register_many([nodes["left"], nodes["bottom"]])
        assert_same_picture(picture(nodes["top"]), before)
        assert storage.get_registry_status().versions == 4

    def test_an_unchanged_graph_makes_no_version_after_a_reload(self) -> None:
        storage, nodes = self._stored_diamond()
        for reading in (storage, self.reopen_storage(storage, [Node])):
            loaded = reading.get(nodes["top"].ecs_id, Node)
            assert loaded is not None
            for writing in (storage, self.reopen_storage(storage, [Node])):
                writing.register(loaded)
                assert_same_picture(picture(loaded), picture(nodes["top"]))
                assert writing.get_registry_status().versions == 4

    def test_an_unchanged_graph_keeps_its_ids_in_another_storage(self) -> None:
        storage, nodes = self._stored_diamond()
        loaded = storage.get(nodes["top"].ecs_id, Node)
        assert loaded is not None
        other = InMemoryEntityStorage()
        other.register(loaded)
        there = other.get(nodes["top"].ecs_id, Node)
        assert_same_graph(there, nodes["top"])
        assert there is not None
        storage.register(there)
        assert there.ecs_id == nodes["top"].ecs_id
        assert storage.get_registry_status().versions == 4

    def test_a_change_that_was_taken_back_makes_no_version(self) -> None:
        storage, nodes = self._stored_diamond()
        before = picture(nodes["top"])
        nodes["bottom"].name = "changed"
        nodes["top"].children.reverse()
        nodes["bottom"].name = "bottom"
        nodes["top"].children.reverse()
        storage.register(nodes["top"])
        assert_same_picture(picture(nodes["top"]), before)

    def test_an_equal_value_makes_no_version(self) -> None:
        storage, nodes = self._stored_diamond()
        before = nodes["top"].ecs_id
        nodes["top"].children = list(nodes["top"].children)
        nodes["top"].name = "".join(list(nodes["top"].name))
        storage.register(nodes["top"])
        assert nodes["top"].ecs_id == before

    # ---- a change

    def test_a_changed_entity_becomes_a_new_version_of_its_lineage(self) -> None:
        storage = self.make_storage([Node])
        node = Node(name="a")
        storage.register(node)
        first, lineage = node.ecs_id, node.lineage_id
        node.name = "b"
        storage.register(node)
        assert node.ecs_id != first
        assert (node.lineage_id, node.parent_id, node.old_ids) == (lineage, first, [first])
        offset = node.created_at.utcoffset()
        assert offset is not None
        assert not offset
        assert_same_graph(storage.get(node.ecs_id), node)
        old = storage.get(first, Node)
        assert old is not None
        assert (old.name, old.parent_id, old.old_ids) == ("a", None, [])

    def test_a_change_forks_all_that_leads_to_it_and_nothing_else(self) -> None:
        for changed, forked in {
            "bottom": {"bottom", "left", "right", "top"},
            "left": {"left", "top"},
            "top": {"top"},
        }.items():
            storage, nodes = self._stored_diamond()
            ids = _ids(nodes)
            nodes[changed].size += 1
            storage.register(nodes["top"])
            assert _forked(nodes, ids) == forked
            assert storage.get_registry_status().versions == 4 + len(forked)
            assert_same_graph(storage.get(nodes["top"].ecs_id), nodes["top"])

    def test_only_the_registered_graph_forks(self) -> None:
        storage, nodes = self._stored_diamond()
        ids = _ids(nodes)
        nodes["bottom"].size += 1
        storage.register(nodes["left"])
        assert _forked(nodes, ids) == {"bottom", "left"}
        storage.register(nodes["top"])
        assert _forked(nodes, ids) == {"bottom", "left", "right", "top"}
        assert storage.get_registry_status().versions == 8

    def test_changes_in_containers_are_changes(self) -> None:
        a, b = Node(name="a"), Node(name="b")

        def swap_keys(node: Node) -> None:
            node.named = dict(reversed(node.named.items()))

        changes: list[Callable[[Node], object]] = [
            lambda node: node.children.append(a),
            lambda node: node.children.reverse(),
            lambda node: node.children.pop(),
            lambda node: node.children.insert(0, node.children[0]),
            lambda node: node.named.update(c=a),
            lambda node: node.named.pop("a"),
            lambda node: node.named.update(a=b),
            swap_keys,
            lambda node: setattr(node, "next", b),
            lambda node: setattr(node, "next", None),
        ]
        storage = self.make_storage([Node])
        for change in changes:
            node = Node(next=a, children=[a, b], named={"a": a, "b": b})
            storage.register(node)
            first = node.ecs_id
            change(node)
            storage.register(node)
            assert node.parent_id == first
            assert (a.parent_id, b.parent_id) == (None, None)
            assert_same_graph(storage.get(node.ecs_id), node)

    def test_changes_inside_nested_models_are_changes(self) -> None:
        storage = self.make_storage([Scene])
        node = Node(name="n")
        scene = Scene(
            placement=Placement(node=node),
            board={"a": [Placement(node=node)]},
            tags={Tag(label="t")},
        )
        storage.register(scene)
        for _ in range(2):
            before = scene.ecs_id
            scene.board["a"][0].x += 1.0
            storage.register(scene)
            assert scene.parent_id == before
        before = scene.ecs_id
        node.name = "changed"
        storage.register(scene)
        assert scene.parent_id == before
        assert [tag.parent_id for tag in scene.tags] == [None]
        assert_same_graph(storage.get(scene.ecs_id), scene)

    def test_a_new_child_forks_its_parent_alone(self) -> None:
        storage, nodes = self._stored_diamond()
        ids = _ids(nodes)
        child = Node(name="new", next=nodes["right"])
        nodes["left"].children.append(child)
        child_id = child.ecs_id
        storage.register(nodes["top"])
        assert _forked(nodes, ids) == {"left", "top"}
        assert (child.ecs_id, child.parent_id) == (child_id, None)

    def test_a_removed_child_stays_as_it_was(self) -> None:
        storage, nodes = self._stored_diamond()
        ids = _ids(nodes)
        nodes["top"].children.remove(nodes["left"])
        storage.register(nodes["top"])
        assert _forked(nodes, ids) == {"top"}
        assert_same_graph(storage.get(nodes["left"].ecs_id), nodes["left"])

    def test_a_new_entity_on_top_of_a_changed_one_keeps_its_id(self) -> None:
        storage, nodes = self._stored_diamond()
        nodes["bottom"].size += 1
        root = Node(children=[nodes["top"]])
        root_id = root.ecs_id
        storage.register(root)
        assert root.ecs_id == root_id
        assert nodes["top"].parent_id is not None
        assert_same_graph(storage.get(root_id), root)

    def test_every_unchanged_part_is_shared_with_the_past(self) -> None:
        storage = self.make_storage([Folder])
        root = Folder(
            name="root", folders=[Folder(name="a", folders=[Folder(name="aa")]), Folder(name="b")]
        )
        storage.register(root)
        kept = {folder.ecs_id for folder in (root.folders[0], root.folders[0].folders[0])}
        root.folders[1].name = "c"
        storage.register(root)
        assert kept <= picture(root).keys()
        assert storage.get_registry_status().versions == 4 + 2

    # ---- cycles

    def test_a_cycle_forks_whole(self) -> None:
        storage, nodes = self._stored_cycle()
        ids = _ids(nodes)
        nodes["b"].size += 1
        storage.register(nodes["entry"])
        assert _forked(nodes, ids) == {"a", "b", "c", "entry"}
        assert_same_graph(storage.get(nodes["entry"].ecs_id), nodes["entry"])
        old = storage.get(ids["entry"], Node)
        assert old is not None
        assert picture(old).keys() == set(ids.values())

    def test_a_cycle_does_not_fork_for_what_leads_to_it(self) -> None:
        storage, nodes = self._stored_cycle()
        ids = _ids(nodes)
        nodes["entry"].size += 1
        storage.register(nodes["entry"])
        assert _forked(nodes, ids) == {"entry"}

    def test_a_cycle_forks_for_what_it_leads_to(self) -> None:
        storage, nodes = self._stored_cycle()
        ids = _ids(nodes)
        nodes["exit"].size += 1
        storage.register(nodes["entry"])
        assert _forked(nodes, ids) == set(nodes)

    def test_a_changed_self_reference_forks_once(self) -> None:
        storage = self.make_storage([Node])
        node = Node(name="a")
        node.next = node
        storage.register(node)
        first = node.ecs_id
        node.name = "b"
        storage.register(node)
        assert node.old_ids == [first]
        assert storage.get_registry_status().versions == 2
        loaded = storage.get(node.ecs_id, Node)
        assert loaded is not None
        assert loaded.next is loaded

    def test_an_unchanged_cycle_makes_no_version_after_a_reload(self) -> None:
        storage, nodes = self._stored_cycle()
        loaded = storage.get(nodes["b"].ecs_id, Node)
        assert loaded is not None
        self.reopen_storage(storage, [Node]).register(loaded)
        assert loaded.ecs_id == nodes["b"].ecs_id
        assert storage.get_registry_status().versions == 5

    def test_a_broken_cycle_forks_what_led_to_the_break(self) -> None:
        storage, nodes = self._stored_cycle()
        ids = _ids(nodes)
        nodes["c"].next = None
        storage.register(nodes["entry"])
        assert _forked(nodes, ids) == {"a", "b", "c", "entry"}

    # ---- classes that resist assignment

    def test_frozen_entities_fork(self) -> None:
        storage = self.make_storage([Frozen])
        frozen = Frozen(name="f", words=["a"], other=Node(name="n"))
        storage.register(frozen)
        self._check_that_it_forks(storage, frozen, lambda: frozen.words.append("b"))
        other = frozen.other
        assert other is not None
        self._check_that_it_forks(storage, frozen, lambda: setattr(other, "name", "m"))

    def test_validating_entities_fork(self) -> None:
        storage = self.make_storage([Validated])
        entity = Validated(name="v", size=1, other=Node(name="n"))
        storage.register(entity)
        self._check_that_it_forks(storage, entity, lambda: setattr(entity, "size", 2))
        assert entity.other is not None
        entity.other.name = "m"
        self._check_that_it_forks(storage, entity, lambda: None)

    def test_changed_extra_fields_are_changes(self) -> None:
        storage = self.make_storage([Open])
        entity = Open.model_validate({"name": "o", "extra_number": 1})
        storage.register(entity)
        self._check_that_it_forks(storage, entity, lambda: setattr(entity, "extra_number", 1.0))
        self._check_that_it_forks(storage, entity, lambda: setattr(entity, "another", []))

    # ---- fork() by hand

    def test_fork_makes_a_version_even_of_equal_content(self) -> None:
        storage = self.make_storage([Node])
        node = Node(name="a")
        storage.register(node)
        first = node.ecs_id
        assert node.fork() is node
        assert node.parent_id == first
        second = node.ecs_id
        storage.register(node)
        assert (node.ecs_id, node.old_ids) == (second, [first])
        assert list(storage.get_lineage_ids(node.lineage_id)) == [first, second]

    def test_a_fork_below_is_a_change_above(self) -> None:
        storage = self.make_storage([Node])
        root = Node(next=Node(name="a"))
        storage.register(root)
        first = root.ecs_id
        assert root.next is not None
        root.next.fork()
        storage.register(root)
        assert root.parent_id == first

    def _check_that_it_forks(
        self, storage: EntityStorage, entity: Entity, change: Callable[[], object]
    ) -> None:
        before = entity.ecs_id
        change()
        storage.register(entity)
        assert entity.parent_id == before
        assert_same_graph(storage.get(entity.ecs_id), entity)

    def _stored_diamond(self) -> tuple[EntityStorage, dict[str, Node]]:
        """A diamond: top refers to left and right, both refer to bottom."""
        bottom = Node(name="bottom")
        left, right = Node(name="left", next=bottom), Node(name="right", next=bottom)
        return self._stored([Node(name="top", children=[left, right]), left, right, bottom])

    def _stored_cycle(self) -> tuple[EntityStorage, dict[str, Node]]:
        """A cycle of a, b, c: entry leads into it, and b out of it to exit."""
        a, b, c = (Node(name=name) for name in "abc")
        way_out = Node(name="exit")
        for node, following in pairwise([a, b, c, a]):
            node.next = following
        b.children.append(way_out)
        return self._stored([Node(name="entry", next=a), a, b, c, way_out])

    def _stored(self, nodes: Sequence[Node]) -> tuple[EntityStorage, dict[str, Node]]:
        storage = self.make_storage([Node])
        storage.register(nodes[0])
        return storage, {node.name: node for node in nodes}


def _ids(nodes: dict[str, Node]) -> dict[str, UUID]:
    return {name: node.ecs_id for name, node in nodes.items()}


def _forked(nodes: dict[str, Node], before: dict[str, UUID]) -> set[str]:
    """The names of those with a new id; each of them must be the child of what it was."""
    forked = {name for name, node in nodes.items() if node.ecs_id != before[name]}
    assert all(nodes[name].parent_id == before[name] for name in forked)
    assert all(nodes[name].old_ids == [before[name]] for name in forked)
    return forked
