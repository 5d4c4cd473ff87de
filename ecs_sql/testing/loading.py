"""Loading: neither constructor nor validator runs, and what is not stored gets its defaults."""

from __future__ import annotations

from uuid import UUID

from ecs_sql.testing.models import Aliased, Counter, Frozen, Node, Open, Validated
from ecs_sql.testing.pictures import assert_same_graph
from ecs_sql.testing.support import StorageHooks


class LoadingContract(StorageHooks):
    """What a loaded object looks like."""

    def test_no_validator_runs_on_load(self) -> None:
        storage = self.make_storage([Counter, Validated])
        counter = Counter(name="a")
        counter.name = "no validator may see this"
        validated = Validated.model_construct(name="v", size=-5, other=None)
        storage.register_many([counter, validated])
        assert_same_graph(storage.get(counter.ecs_id), counter)
        assert_same_graph(storage.get(validated.ecs_id), validated)

    def test_private_attributes_get_their_defaults_and_post_init_sees_the_whole_graph(self) -> None:
        storage = self.make_storage([Counter])
        counter = Counter(name="a", other=Node(name="z"))
        counter._initial = "forgotten"  # noqa: SLF001 - it is not stored
        storage.register(counter)
        loaded = storage.get(counter.ecs_id, Counter)
        assert loaded is not None
        assert loaded._opened  # noqa: SLF001 - set by model_post_init
        assert loaded._initial == "az"  # noqa: SLF001 - set by model_post_init

    def test_a_stored_field_that_post_init_changes_is_put_back(self) -> None:
        storage = self.make_storage([Counter])
        counter = Counter(name="a")
        counter.name = ""
        storage.register(counter)
        loaded = storage.get(counter.ecs_id, Counter)
        assert loaded is not None
        assert loaded.name == ""
        storage.register(loaded)
        assert loaded.ecs_id == counter.ecs_id
        assert Counter().name == "invented"

    def test_excluded_fields_get_their_defaults(self) -> None:
        storage = self.make_storage([Counter])
        counter = Counter(name="a", cache={"x": 1}, secret="s")  # noqa: S106 - no password
        storage.register(counter)
        first, second = storage.get(counter.ecs_id, Counter), storage.get(counter.ecs_id, Counter)
        assert first is not None
        assert second is not None
        assert (first.cache, first.secret) == ({}, "none")
        assert first.cache is not second.cache

    def test_excluded_fields_and_private_attributes_are_not_content(self) -> None:
        storage = self.make_storage([Counter])
        counter = Counter(name="a")
        storage.register(counter)
        before = counter.ecs_id
        counter.cache["x"] = 1
        counter.secret = "other\x00"  # noqa: S105 - no password, and not stored
        counter._initial = "other"  # noqa: SLF001 - it is not stored
        storage.register(counter)
        assert counter.ecs_id == before

    def test_computed_fields_follow_from_what_is_stored(self) -> None:
        storage = self.make_storage([Counter])
        counter = Counter(name="a")
        storage.register(counter)
        loaded = storage.get(counter.ecs_id, Counter)
        assert loaded is not None
        assert loaded.shout == "A"
        assert loaded.model_dump()["shout"] == "A"

    def test_every_stored_field_counts_as_set(self) -> None:
        storage = self.make_storage([Node])
        node = Node(name="a")
        storage.register(node)
        loaded = storage.get(node.ecs_id, Node)
        assert loaded is not None
        assert loaded.model_fields_set == set(Node.model_fields)

    def test_an_id_is_exactly_a_uuid_whatever_was_asked_for(self) -> None:
        class Name(UUID):
            pass

        storage = self.make_storage([Node])
        nodes = storage.register_many([Node(name="a"), Node(name="b", next=Node(name="c"))])
        names = [Name(str(node.ecs_id)) for node in nodes]
        loaded = storage.get_many(names)
        for name in names * 2:  # a storage may read the second one of a class in another way
            loaded.append(storage.get(name))
        with storage.transaction():
            loaded += [storage.get(name) for name in names]
        assert [node and type(node.ecs_id) for node in loaded] == [UUID] * len(loaded)

    def test_a_loaded_object_behaves_as_its_class_says(self) -> None:
        storage = self.make_storage([Frozen, Validated, Aliased, Open])
        frozen, validated, aliased = Frozen(name="f"), Validated(name="v"), Aliased(fullName="a")
        opened = Open.model_validate({"name": "o", "more": 1})
        storage.register_many([frozen, validated, aliased, opened])
        for loaded, change in (
            (storage.get(frozen.ecs_id, Frozen), {"name": "x"}),
            (storage.get(validated.ecs_id, Validated), {"size": -1}),
        ):
            for name, value in change.items():
                try:
                    setattr(loaded, name, value)
                except ValueError:
                    continue
                raise AssertionError(f"{type(loaded).__name__} let {name} be set to {value!r}")
        loaded_alias, loaded_open = (
            storage.get(aliased.ecs_id, Aliased),
            storage.get(opened.ecs_id, Open),
        )
        assert loaded_alias is not None
        assert loaded_open is not None
        assert loaded_alias.model_dump(by_alias=True)["fullName"] == "a"
        assert loaded_open.model_extra == {"more": 1}
