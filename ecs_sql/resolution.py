"""A pydantic model's fields with all forward references resolved, and where the names come from.

Only annotations are resolved here. pydantic's own `model_rebuild` would build the core schema of everything
that is reachable as well, which for a ring of n classes costs n², so it runs only for classes whose names
pydantic could not find later by itself.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pydantic
import typing_extensions
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ecs_sql.defaults import default_of
from ecs_sql.nodes import MISSING

_DEEP_RECURSION = 50_000
"""Frames that pydantic may need for chains of some hundred classes; frames of Python cost no C stack."""


class UnresolvedName(Exception):
    """An annotation names something that is not defined (yet)."""

    def __init__(self, model: type, annotation: Any, reason: str) -> None:
        super().__init__(reason)
        self.model = model
        self.annotation = annotation
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ModelField:
    """One field of a pydantic model.

    `default` makes its default from the fields before it; MISSING where the field is required.
    """

    annotation: Any
    metadata: tuple[Any, ...]
    excluded: bool
    default: Any


def model_fields(model: type[BaseModel], namespace: Mapping[str, Any]) -> dict[str, ModelField]:
    """The model's fields; names are looked up where pydantic does, then in `namespace`.

    Raises:
        UnresolvedName: when an annotation does not resolve.
    """
    fields, unresolved = resolved_fields(model, namespace)
    for error in unresolved.values():
        raise error
    return fields


def resolved_fields(
    model: type[BaseModel], namespace: Mapping[str, Any]
) -> tuple[dict[str, ModelField], dict[str, UnresolvedName]]:
    """As `model_fields`, but those that do not resolve are told beside those that do."""
    if model.__pydantic_complete__ or _complete_by_itself(model):
        return {name: _field(info, None) for name, info in model.model_fields.items()}, {}
    fields: dict[str, ModelField] = {}
    unresolved: dict[str, UnresolvedName] = {}
    for name, info in model.model_fields.items():
        try:
            hint = None if getattr(info, "_complete", True) else _resolved(model, name, namespace)
        except UnresolvedName as error:
            unresolved[name] = error
            continue
        fields[name] = _field(info, None if hint is None else FieldInfo.from_annotation(hint))
    return fields, unresolved


def _complete_by_itself(model: type[BaseModel]) -> bool:
    """Whether every field's annotation is resolved, though the core schema may not be built."""
    return bool(getattr(model, "__pydantic_fields_complete__", False))


def _field(info: FieldInfo, resolved: FieldInfo | None) -> ModelField:
    if resolved is None:
        return ModelField(
            info.annotation, tuple(info.metadata), info.exclude is True, default_of(info)
        )
    default = default_of(info)
    return ModelField(
        resolved.annotation,
        (*resolved.metadata, *(item for item in info.metadata if item not in resolved.metadata)),
        info.exclude is True or resolved.exclude is True,
        default_of(resolved) if default is MISSING else default,
    )


def _resolved(model: type[BaseModel], name: str, namespace: Mapping[str, Any]) -> Any:
    """The annotation as it is written, with its names resolved; None where no class body has it."""
    for base in model.__mro__:
        annotations = typing_extensions.get_annotations(
            base, format=typing_extensions.Format.FORWARDREF
        )
        if name in annotations:
            return _evaluated(model, base, annotations[name], namespace)
    return None


def _evaluated(model: type, base: type, annotation: Any, namespace: Mapping[str, Any]) -> Any:
    holder = types.new_class("holder")
    holder.__module__ = base.__module__
    holder.__annotations__ = {"value": annotation}
    # The module's own names win; the callers' only fill the holes that imports for checkers alone leave.
    module = vars(sys.modules[base.__module__])
    names = {**namespace, **module, **(_own_namespace(base) or {}), base.__name__: base}
    try:
        return typing_extensions.get_type_hints(holder, names, names, include_extras=True)["value"]
    except (NameError, TypeError, AttributeError, SyntaxError) as error:
        raise UnresolvedName(model, annotation, str(error)) from error


def _own_namespace(model: type) -> dict[str, Any] | None:
    """The names around the class statement of a class in a function, which pydantic keeps weakly."""
    kept = vars(model).get("__pydantic_parent_namespace__")
    if not kept:
        return None
    alive = {
        name: value() if type(value).__name__ == "_PydanticWeakRef" else value
        for name, value in kept.items()
    }
    return {name: value for name, value in alive.items() if value is not None}


def complete(model: type[BaseModel], namespace: Mapping[str, Any]) -> None:
    """Let pydantic finish a class whose names it would not find later, so that it can be instantiated.

    A class whose names all stand in its module is left alone: pydantic finishes it at its first use.
    """
    if model.__pydantic_complete__ or _finds_its_names(model):
        return
    with _deep_recursion():
        try:
            model.model_rebuild(
                _types_namespace={**vars(sys.modules[model.__module__]), **namespace}
            )
        except (NameError, pydantic.PydanticUserError):
            return  # pydantic says so itself, better, when the class is instantiated


def _finds_its_names(model: type[BaseModel]) -> bool:
    try:
        for name in model.model_fields:
            _resolved(model, name, {})
    except UnresolvedName:
        return False
    return "<locals>" not in model.__qualname__


@contextmanager
def _deep_recursion() -> Iterator[None]:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _DEEP_RECURSION))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def caller_namespace(package: str) -> dict[str, Any]:
    """The local names of the first caller outside `package`, where classes may refer to each other."""
    frame = _caller(package)
    return dict(frame.f_locals) if frame is not None else {}


def is_being_decorated(entity_class: type, package: str) -> bool:
    """Whether the first caller outside `package` is the scope of the class statement, not yet done with it.

    A decorator runs in the scope in which the class is defined, before its name is bound there.
    """
    frame = _caller(package)
    if frame is None or frame.f_globals.get("__name__") != entity_class.__module__:
        return False
    code, name = frame.f_code, entity_class.__name__
    statements = (c for c in code.co_consts if isinstance(c, types.CodeType) and c.co_name == name)
    return any(statements) and frame.f_locals.get(name) is not entity_class


def _caller(package: str) -> types.FrameType | None:
    frame: types.FrameType | None = sys._getframe(2)  # noqa: SLF001  (the documented way to a caller)
    while frame is not None and str(frame.f_globals.get("__name__", "")).split(".")[0] == package:
        frame = frame.f_back
    return frame
