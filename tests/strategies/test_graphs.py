"""Drawn graphs share nodes, have cycles, are new each time, and shrink to what matters."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal, cast

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from ecs_sql import Entity, InMemoryEntityStorage
from ecs_sql.errors import MappingError
from ecs_sql.strategies import NoStrategyError, changes, entities, register_strategy
from ecs_sql.testing import assert_same_graph, picture

EXAMPLES = settings(max_examples=2_000, database=None)


class ChatMessage(Entity):
    role: Literal["system", "user", "assistant"]
    content: str
    reply: ChatMessage | None = None


class ChatThread(Entity):
    title: str
    messages: list[ChatMessage] = []


class Ring(Entity):
    next: Ring
    label: str


class Animal(Entity):
    __abstract__ = True
    name: str


class Dog(Animal):
    barks: bool


class Home(Entity):
    guard: Animal
    owner: Any = None


def in_a_cycle(thread: ChatThread) -> bool:
    return any(
        message.reply not in (None, message) and cast("Any", message).reply.reply is message
        for message in thread.messages
    )


def test_graphs_share_nodes() -> None:
    thread = find(
        entities(ChatThread), lambda thread: len(set(thread.messages)) < len(thread.messages)
    )
    assert thread.messages[0] is thread.messages[1]


def test_graphs_have_cycles() -> None:
    thread = find(entities(ChatThread), in_a_cycle, settings=EXAMPLES)
    assert len(thread.get_sub_entities()) <= 3


def test_a_required_reference_to_its_own_kind_closes_a_ring() -> None:
    assert find(entities(Ring), lambda _: True).next.label == ""
    ring = find(entities(Ring), lambda ring: ring.next is not ring and ring.next.next is ring)
    assert len(ring.get_sub_entities()) == 1


def test_a_reference_to_a_base_holds_the_subclasses_that_are_given() -> None:
    assert type(find(entities(Home, Dog), lambda _: True).guard) is Dog
    with pytest.raises(NoStrategyError, match=r"Home\.guard"):
        find(entities(Home), lambda _: True)


@given(threads=st.lists(entities(ChatThread), min_size=2, max_size=3), other=entities(Ring))
def test_ids_are_new(threads: list[ChatThread], other: Ring) -> None:
    entities_met = {
        entity for root in (*threads, other) for entity in (root, *root.get_sub_entities())
    }
    assert len({entity.ecs_id for entity in entities_met}) == len(entities_met)
    assert len({entity.lineage_id for entity in entities_met}) == len(entities_met)


@given(thread=entities(ChatThread, max_entities=3))
def test_graphs_are_as_large_as_asked(thread: ChatThread) -> None:
    assert len(thread.get_sub_entities()) < 3


def test_a_class_that_cannot_be_mapped_is_reported_at_once() -> None:
    class Odd(Entity):
        value: object

    with pytest.raises(MappingError, match=r"Odd\.value"):
        entities(Odd)


class Money(BaseModel):
    amount: Decimal


register_strategy(Money, st.just(Money(amount=Decimal("9.99"))))


def test_a_type_of_the_users_own_is_drawn_from_its_strategy() -> None:
    class Price(Entity):
        money: list[Money]

    price = find(entities(Price), lambda price: bool(price.money))
    assert price.money == [Money(amount=Decimal("9.99"))]
    with pytest.raises(ValueError, match="strategy already"):
        register_strategy(Money, st.nothing())


@given(thread=entities(ChatThread), data=st.data())
def test_a_change_is_one_field_of_one_entity(thread: ChatThread, data: st.DataObject) -> None:
    storage = InMemoryEntityStorage()
    storage.register(thread)
    before = picture(thread)
    change = data.draw(changes(thread))
    assert picture(thread) == before
    change.apply()
    after = picture(change.entity)
    differing = {
        name
        for name, value in after[change.entity.ecs_id].items()
        if value != before[change.entity.ecs_id][name]
    }
    assert differing <= {change.field}
    storage.register(thread)
    assert_same_graph(storage.get(thread.ecs_id), thread)


def shrunk(law: Any) -> str:
    """What hypothesis prints of the smallest thread that breaks a law."""

    @settings(EXAMPLES, print_blob=False)
    @given(thread=entities(ChatThread))
    def test(thread: ChatThread) -> None:
        assert law(thread)

    with pytest.raises(AssertionError) as caught:
        test()
    lines = "\n".join(caught.value.__notes__).splitlines()
    return "\n".join(line for line in lines if "#" not in line or "ChatMessage" in line)


def test_a_failing_graph_shrinks_to_what_matters_and_is_shown_whole() -> None:
    text = "".join(shrunk(lambda thread: not in_a_cycle(thread)).split())
    assert "thread=ChatThread(title='',messages=[" in text
    assert (
        "ChatMessage#1(role='system',content='',"
        "reply=ChatMessage(role='system',content='',reply=ChatMessage#1))" in text
    )


def test_a_failing_list_shrinks_to_one_message_met_twice() -> None:
    def each_once(thread: ChatThread) -> bool:
        return len(set(thread.messages)) == len(thread.messages)

    assert "messages=[ChatMessage#1(" in shrunk(each_once)
    assert shrunk(each_once).count("ChatMessage#1") == 2
