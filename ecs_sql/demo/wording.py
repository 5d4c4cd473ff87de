"""How entities, ids and values are named in one short line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from ecs_sql.demo.inventory import Author, Distribution, Environment, InstalledFile, Module
from ecs_sql.entity import Entity

_MAX_TEXT = 60


def name_of(entity: Entity) -> str:
    """What a reader would call the entity."""
    match entity:
        case Environment():
            return "the environment"
        case Distribution():
            return f"{entity.name} {entity.version}"
        case InstalledFile():
            return entity.path
        case Author() | Module():
            return entity.name
        case _:
            return type(entity).__name__


def short_id(ecs_id: object) -> str:
    """The first eight digits: enough to tell versions apart by eye."""
    return str(ecs_id)[:8]


def shown(value: Any, names: Mapping[str, str]) -> str:
    """A value: short, on one line, references as a name and the version they pin."""
    match value:
        case None:
            return ""
        case list():
            first = shown(value[0], names) if value else ""
            return first if len(value) < 2 else f"{first} and {len(value) - 1:,} more"
        case dict():
            return ", ".join(shown(item, names) for item in value.values() if item is not None)
        case UUID() | str() if str(value) in names:
            return f"{names[str(value)]} [{short_id(value)}]"
        case _:
            text = " ".join(str(value).split())
            return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}..."
