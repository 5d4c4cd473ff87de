"""What users write, with the types that they should see. Type checkers read it; nothing runs it."""

from __future__ import annotations

from typing import assert_type
from uuid import UUID

from hypothesis import strategies as st
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from ecs_sql import (
    Entity,
    EntityDiff,
    EntityMapping,
    EntityRegistry,
    EntityStorage,
    InMemoryEntityStorage,
    RegistryStatus,
    SqlAlchemyEntityStorage,
    entity_tracer,
)
from ecs_sql.strategies import Change, changes, entities, entity_classes


class Message(Entity):
    content: str
    answers: Message | None = None


class Thread(Entity):
    title: str
    messages: list[Message] = []


def constructs() -> None:
    thread = Thread(title="Plans", messages=[Message(content="Hello")])
    assert_type(thread.ecs_id, UUID)
    assert_type(thread.parent_id, UUID | None)
    assert_type(thread.messages[0].answers, Message | None)
    assert_type(thread.fork(), Thread)
    assert_type(thread.has_modifications(thread), bool)
    assert_type(thread.diff(thread), EntityDiff)
    assert_type(thread.diff(thread).apply(thread), Thread)
    assert_type(thread.diff(thread).inverse().apply(thread).diff(thread), EntityDiff)
    assert_type(thread.get_sub_entities(), list[Entity])


def stores(storage: EntityStorage, thread: Thread) -> None:
    assert_type(storage.register(thread), Thread)
    assert_type(storage.register(thread, expect_latest=True), Thread)
    assert_type(storage.register_many([thread]), list[Thread])
    assert_type(storage.register_many([thread], expect_latest=True), list[Thread])
    assert_type(storage.get(thread.ecs_id), Entity | None)
    assert_type(storage.get(thread.ecs_id, Thread), Thread | None)
    assert_type(storage.get_many([thread.ecs_id], Thread), list[Thread | None])
    assert_type(storage.list_by_type(Thread), list[Thread])
    assert_type(storage.has_entity(thread.ecs_id), bool)
    assert_type(storage.get_lineage_ids(thread.lineage_id), list[UUID])
    assert_type(storage.get_registry_status(), RegistryStatus)
    with storage.transaction():
        storage.register(thread)


def storages_keep_the_contract() -> None:
    stores(InMemoryEntityStorage(), Thread(title="Plans"))
    stores(SqlAlchemyEntityStorage("sqlite://", [Thread]), Thread(title="Plans"))
    stores(SqlAlchemyEntityStorage(create_engine("sqlite://"), EntityMapping()), Thread(title=""))
    EntityRegistry.use_storage(InMemoryEntityStorage())


def queries(mapping: EntityMapping, session: Session) -> None:
    mapping.register(Thread)
    row = mapping[Thread]
    for found in session.scalars(select(row).where(row.title == "Plans")):
        found.to_entity()


@entity_tracer
def renames(thread: Thread, title: str) -> Thread:
    thread.title = title
    return thread


@entity_tracer
async def renames_later(thread: Thread, title: str) -> Thread:
    thread.title = title
    return thread


def traces(thread: Thread) -> None:
    assert_type(renames(thread, "Better plans"), Thread)


def draws(draw: st.DrawFn) -> None:
    assert_type(entities(Thread), st.SearchStrategy[Thread])
    assert_type(draw(entities(Thread, Message, max_entities=3)), Thread)
    assert_type(draw(changes(Thread(title="Plans"))), Change)
    assert_type(entity_classes(), st.SearchStrategy[tuple[type[Entity], ...]])
