"""Instances that a load filled are as validated ones are, also where that is done when asked for."""

from __future__ import annotations

import copy
import pickle
from typing import Any

from pydantic import ConfigDict, PrivateAttr

from ecs_sql import Entity, InMemoryEntityStorage


class Plain(Entity):
    text: str = ""
    count: int = 0


class Curious(Entity):
    """Answers for attributes that it has not."""

    text: str = ""

    def __getattr__(self, name: str) -> Any:
        return f"no {name}"


def loaded(*entities: Entity) -> list[Any]:
    storage = InMemoryEntityStorage()
    storage.register_many(entities)
    return [storage.get(entities[0].ecs_id), *storage.get_many([e.ecs_id for e in entities])]


def test_each_object_has_a_set_of_field_names_of_its_own() -> None:
    objects = loaded(Plain(text="a"), Plain(text="b"))
    objects[0].model_fields_set.discard("text")
    assert "text" not in objects[0].model_fields_set
    assert all(one.model_fields_set == set(Plain.model_fields) for one in objects[1:])
    assert objects[0].model_dump(exclude_unset=True).keys() == {*Plain.model_fields} - {"text"}


def test_assignment_copies_and_pickles_have_it() -> None:
    for one in loaded(Plain(text="a")):
        one.count = 3
        for same in (
            copy.copy(one),
            copy.deepcopy(one),
            one.model_copy(),
            pickle.loads(pickle.dumps(one)),
        ):
            assert same.model_fields_set == set(Plain.model_fields)
            assert same.count == 3


def test_a_class_that_answers_for_all_attributes_has_it() -> None:
    for one in loaded(Curious(text="a")):
        assert one.model_fields_set == set(Curious.model_fields)
        assert one.anything == "no anything"


def test_what_is_not_there_is_an_error_as_ever() -> None:
    for one in loaded(Plain()):
        assert not hasattr(one, "anything")


class Private(Entity):
    """Leads back to itself by a field, an extra value and a private attribute."""

    model_config = ConfigDict(extra="allow")

    other: Private | None = None
    _beside: list[Private] = PrivateAttr(default_factory=list)


def test_a_deep_copy_of_a_ring_is_a_ring_of_as_many_objects() -> None:
    one = Private()
    one.other = Private.model_validate({"other": one, "extra_value": [one]})
    one._beside.append(one.other)
    for copied in (copy.deepcopy(one), one.model_copy(deep=True)):
        assert copied.other is not None
        assert copied not in (one, one.other)
        assert copied.other.other is copied
        assert copied.other.model_extra == {"extra_value": [copied]}
        assert copied._beside == [copied.other]
