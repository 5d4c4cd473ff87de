"""The entity classes of the property tests' graphs."""

from __future__ import annotations

from pydantic import BaseModel

from ecs_sql import Entity


class Slot(BaseModel):
    """A plain model that may refer to a part."""

    part: Part | None = None
    note: str = ""


class Part(Entity):
    """Refers to parts from every kind of container."""

    label: str = ""
    number: float | None = None
    marks: dict[str, list[int]] = {}
    one: Part | None = None
    many: list[Part] = []
    row: tuple[Part, ...] = ()
    group: set[Part] = set()
    named: dict[str, Part] = {}
    slots: list[Slot] = []


class Wheel(Part):
    """A subclass with a field of its own."""

    spokes: int = 0


class Motor(Part):
    """A subclass whose reference is of its own class alone."""

    spare: Motor | None = None
    owner: Wheel | Motor | str = ""


PARTS = (Part, Wheel, Motor)
