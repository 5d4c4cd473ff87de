"""Entity classes that cannot be mapped, each for reasons of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import ConfigDict, SecretStr

from ecs_sql import Entity

if TYPE_CHECKING:
    from nowhere import Missing


class Leaf(Entity):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    opaque: type
    fine: int


class Tree(Entity):
    call: Callable[[int], str]
    key: SecretStr
    leaf: list[Leaf]


class Open(Entity):
    thing: Missing
    others: list[Missing]
    key: SecretStr


class Twin(Entity):
    __tablename__ = "same"


class OtherTwin(Entity):
    __tablename__ = "same"
