"""What makes a field's default: a function of the fields before it, or MISSING where the field is required."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, cast

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ecs_sql.nodes import MISSING


def constant(value: Any) -> Callable[[dict[str, Any]], Any]:
    """The same value each time."""
    return lambda before: value


def default_of(info: FieldInfo) -> Any:
    """The default of a pydantic field."""
    if info.is_required():
        return MISSING
    return lambda before: info.get_default(call_default_factory=True, validated_data=before)


def dataclass_default(item: dataclasses.Field[Any]) -> Any:
    """The default of a dataclass's field."""
    default, factory = cast("Any", item.default), cast("Any", item.default_factory)
    if isinstance(default, FieldInfo):  # a pydantic dataclass written with Field(...)
        return default_of(default)
    if default is not dataclasses.MISSING:
        return constant(default) if default is not PydanticUndefined else MISSING
    if factory is not dataclasses.MISSING:
        return lambda before: factory()
    return MISSING
