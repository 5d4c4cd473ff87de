"""Reads a hostile database under an audit hook: `python -m tests.watched_loading URL`.

Prints how many entities were read, how many errors told damage, and which watched events there were.
"""

from __future__ import annotations

import sys
from typing import Any

from ecs_sql import Entity, SqlAlchemyEntityStorage
from ecs_sql.errors import EcsSqlError
from ecs_sql.testing.models import Containers, Models, Node, Open, Scalars, Tag, Unions
from tests.damage import database_of, put
from tests.hostile import PICKLE, TEXTS
from tests.test_hostile import carriers

CLASSES = (Scalars, Unions, Containers, Models, Open, Tag, Node)
WATCHED = (
    "import",
    "exec",
    "compile",
    "code.__new__",
    "function.__new__",
    "pickle.find_class",
    "marshal",
    "os.",
    "subprocess.",
    "shutil.",
    "ctypes.",
    "open",
    "socket.connect",
    "sqlite3.enable_load_extension",
    "sqlite3.load_extension",
)
FORMS = (
    '{"__class__": "os.system", "args": ["id"]}',
    '{"py/object": "os.system"}',
    '{"chunks": ["no such chunk"]}',
    '{"os.system": ["id"]}',
    '[{"__reduce__": ["os.system", ["id"]]}]',
    '"os.system"',
    "[" * 60 + "]" * 60,
)
COLUMNS = (
    (Containers, "numbers"),
    (Containers, "nested"),
    (Models, "engine"),
    (Models, "pet"),
    (Models, "names"),
    (Models, "free"),
    (Unions, "anything"),
    (Open, "__pydantic_extra__"),
    (Node, "children_ids"),
)


def damaged_rows(storage: SqlAlchemyEntityStorage) -> list[Entity]:
    """Entities whose stored rows name code in every column that a hand can write it into."""
    damaged: list[Entity] = []

    def damage(entity: Entity, column: str, value: Any, table: str = "") -> None:
        storage.register(entity)
        put(storage, entity, column, value, table)
        damaged.append(entity)

    for entity_class, column in COLUMNS:
        for form in FORMS:
            damage(entity_class(), column, form)
    for name in ("os.system", "builtins", "ecs_sql.entity.Entity", "pickle", "../x", TEXTS[0]):
        damage(Tag(label="a"), "type", name[:64], "base_entities")
    damage(Scalars(), "color", "__class__")
    damage(Scalars(), "color", "__members__")
    damage(Scalars(), "data", PICKLE)
    if database_of(storage) == "sqlite":
        for column in ("text", "price", "key", "day", "clock", "moment", "span", "flag", "mode"):
            damage(Scalars(), column, PICKLE)
    return damaged


def read_all(storage: SqlAlchemyEntityStorage, entities: list[Entity]) -> tuple[int, int]:
    """How many could be read, and how many told that they are damaged."""
    values = errors = 0
    for entity in entities:
        try:
            found = storage.get(entity.ecs_id)
            values += found is not None
            storage.register_many([found] if found is not None else [])
        except EcsSqlError:
            errors += 1
    for entity_class in CLASSES:
        try:
            values += len(storage.list_by_type(entity_class))
        except EcsSqlError:
            errors += 1
    storage.verify()
    return values, errors


def main(url: str) -> None:
    """Warm up, so that what libraries import when first used is there; then read under the hook."""
    storage = SqlAlchemyEntityStorage(url, CLASSES)
    sound = list(carriers())
    storage.register_many(sound)
    entities = [*sound, *damaged_rows(storage)]
    read_all(storage, entities)
    seen: list[str] = []
    is_watching = True

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if is_watching and event.startswith(WATCHED):
            seen.append(f"{event}:{arguments}".replace(" ", "_"))

    sys.addaudithook(watch)
    values, errors = read_all(storage, entities)
    is_watching = False
    print(values, errors, seen)
    storage.engine.dispose()


if __name__ == "__main__":
    main(sys.argv[1])
