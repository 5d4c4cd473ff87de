"""Annotation to node: the one module that knows what typing, typing_extensions and pydantic make of types.

typing-inspect tells the forms that it knows; `typing` and `typing_extensions` the rest (it drops
`Annotated` metadata, and knows neither `TypeAliasType` nor NamedTuple).
"""

from __future__ import annotations

import collections
import collections.abc
import dataclasses
import datetime as dt
import ipaddress
import typing
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, cast

import pydantic
import typing_extensions
import typing_inspect
from pydantic import BaseModel

from ecs_sql.defaults import constant, dataclass_default
from ecs_sql.identity import IdentifiedModel
from ecs_sql.nodes import (
    MISSING,
    AnyNode,
    CollectionNode,
    DatetimeNode,
    DictNode,
    EnumNode,
    LiteralNode,
    Node,
    NoneNode,
    RecordField,
    RecordKind,
    RecordNode,
    RecursionNode,
    ReferenceNode,
    ScalarNode,
    SecretNode,
    TupleNode,
    UnionNode,
)
from ecs_sql.resolution import ModelField, UnresolvedName, model_fields


def _marked(mark: Any, node: Node) -> Node:
    """The node, with what narrows its values beside it."""
    return dataclasses.replace(node, metadata=(mark,))


# Annotation classes of pydantic whose values are of another type.
_STANDS_FOR: dict[Any, Node] = {
    dt.datetime: DatetimeNode("any"),
    pydantic.AwareDatetime: DatetimeNode("aware"),
    pydantic.NaiveDatetime: DatetimeNode("naive"),
    pydantic.PastDatetime: _marked(pydantic.PastDatetime, DatetimeNode("any")),
    pydantic.FutureDatetime: _marked(pydantic.FutureDatetime, DatetimeNode("any")),
    pydantic.PastDate: _marked(pydantic.PastDate, ScalarNode(dt.date)),
    pydantic.FutureDate: _marked(pydantic.FutureDate, ScalarNode(dt.date)),
    pydantic.EmailStr: _marked(pydantic.EmailStr, ScalarNode(str)),
    typing_extensions.LiteralString: ScalarNode(str),
    pydantic.IPvAnyAddress: UnionNode(
        (ScalarNode(ipaddress.IPv4Address), ScalarNode(ipaddress.IPv6Address))
    ),
    pydantic.IPvAnyNetwork: UnionNode(
        (ScalarNode(ipaddress.IPv4Network), ScalarNode(ipaddress.IPv6Network))
    ),
    pydantic.IPvAnyInterface: UnionNode(
        (ScalarNode(ipaddress.IPv4Interface), ScalarNode(ipaddress.IPv6Interface))
    ),
    Any: AnyNode(),
    typing_extensions.Any: AnyNode(),
    pydantic.JsonValue: AnyNode(),
    None: NoneNode(),
    type(None): NoneNode(),
}

_COLLECTIONS: frozenset[type] = frozenset({list, set, frozenset, collections.deque})

_INSTEAD: dict[Any, str] = {
    collections.abc.Sequence: "list[...] or tuple[..., ...]",
    collections.abc.MutableSequence: "list[...]",
    collections.abc.Iterable: "list[...]",
    collections.abc.Collection: "list[...]",
    collections.abc.Set: "set[...] or frozenset[...]",
    collections.abc.MutableSet: "set[...]",
    collections.abc.Mapping: "dict[..., ...]",
    collections.abc.MutableMapping: "dict[..., ...]",
    collections.OrderedDict: "dict[..., ...], which keeps its order too",
    collections.defaultdict: "dict[..., ...]",
    collections.Counter: "dict[..., int]",
    object: "Any, or the types that it may really hold",
}

_EXCLUDE = (
    "annotate it with one of the types that the README lists, or exclude the field (exclude=True)"
)
_CONTAINS_ITSELF = (
    "the alias contains itself",
    "use Any (of JSON's own types) or a model that contains itself",
)

TypeVars = Mapping[Any, Node]


class AnnotationFault(Exception):
    """An annotation that no node stands for; becomes a MappingFault where the field is known."""

    def __init__(self, annotation: Any, reason: str, remedy: str = _EXCLUDE) -> None:
        super().__init__(reason)
        self.annotation = annotation
        self.reason = reason
        self.remedy = remedy


class _Parser:
    """Turns one field's annotation into a node; knows which records it is inside of."""

    def __init__(self, owner: type | None = None) -> None:
        self._owner = owner
        self._open_records: list[tuple[type, tuple[Node, ...]]] = []

    def parse(self, annotation: Any, typevars: TypeVars) -> Node:
        """The node of an annotation; an entity class is a reference, everything else a value."""
        try:
            if annotation in _STANDS_FOR:
                return _STANDS_FOR[annotation]
        except TypeError:  # an unhashable Literal or Annotated, which no table holds
            pass
        wrapped = self._wrapped(annotation, typevars)
        if wrapped is not None:
            return wrapped
        if typing_inspect.is_union_type(annotation):
            return self._union(annotation, typevars)
        if typing_inspect.is_literal_type(annotation):
            return _literal(annotation)
        origin = typing_extensions.get_origin(annotation) or annotation
        arguments = typing_extensions.get_args(annotation)
        if isinstance(origin, type):
            return self._of_class(annotation, origin, arguments, typevars)
        raise AnnotationFault(annotation, "this form of annotation has no storable meaning")

    def _wrapped(self, annotation: Any, typevars: TypeVars) -> Node | None:
        """What an alias, a NewType, a TypeVar or a qualifier stands around."""
        origin = typing_extensions.get_origin(annotation)
        if origin is typing.Annotated:
            item, *metadata = typing_extensions.get_args(annotation)
            node = self.parse(item, typevars)
            return dataclasses.replace(node, metadata=(*node.metadata, *metadata))
        if typing_inspect.is_new_type(annotation):
            return self.parse(annotation.__supertype__, typevars)
        if annotation in (typing.Self, typing_extensions.Self) or _is_own_ref(
            annotation, self._owner
        ):
            return self._self(annotation)
        if typing_inspect.is_typevar(annotation):
            return self._typevar(annotation, typevars)
        if origin in _QUALIFIERS:
            return self.parse(typing_extensions.get_args(annotation)[0], typevars)
        if isinstance(annotation, (str, typing.ForwardRef)):
            raise self._unresolved(annotation)
        if isinstance(annotation, _ALIAS_TYPES) or isinstance(origin, _ALIAS_TYPES):
            return self._alias(annotation, typevars)
        return None

    def _unresolved(self, annotation: str | typing.ForwardRef) -> AnnotationFault:
        name = annotation if isinstance(annotation, str) else annotation.__forward_arg__
        if any(name == getattr(alias, "__name__", None) for alias, _ in self._open_records):
            return AnnotationFault(name, *_CONTAINS_ITSELF)
        return AnnotationFault(name, f"the name {name!r} is not resolved", "define the name")

    def _self(self, annotation: Any) -> Node:
        if self._open_records:
            return RecursionNode(*self._open_records[-1])
        if self._owner is None:
            raise AnnotationFault(
                annotation, "there is no class that it could mean", "name the class"
            )
        return ReferenceNode((self._owner,))

    def _typevar(self, annotation: Any, typevars: TypeVars) -> Node:
        if annotation in typevars:
            return typevars[annotation]
        default = getattr(annotation, "__default__", typing_extensions.NoDefault)
        if default is not typing_extensions.NoDefault and default is not None:
            return self.parse(default, typevars)
        raise AnnotationFault(
            annotation, "the type variable has no value", "parametrise the class, as in Box[int]"
        )

    def _alias(self, annotation: Any, typevars: TypeVars) -> Node:
        alias = typing_extensions.get_origin(annotation) or annotation
        if (alias, ()) in self._open_records:
            raise AnnotationFault(annotation, *_CONTAINS_ITSELF)
        parameters = dict(
            zip(
                alias.__type_params__,
                (self.parse(item, typevars) for item in typing_extensions.get_args(annotation)),
                strict=False,
            )
        )
        self._open_records.append((alias, ()))
        try:
            return self.parse(_alias_value(alias), {**typevars, **parameters})
        finally:
            self._open_records.pop()

    def _union(self, annotation: Any, typevars: TypeVars) -> Node:
        members: list[Node] = []
        entity_classes: list[type] = []
        for argument in typing_inspect.get_args(annotation, evaluate=True):
            node = self.parse(argument, typevars)
            for member in node.members if isinstance(node, UnionNode) else (node,):
                if isinstance(member, ReferenceNode):
                    entity_classes += [c for c in member.classes if c not in entity_classes]
                elif member not in members:
                    members.append(member)
        choices = [
            value
            for member in members
            if isinstance(member, LiteralNode)
            for value in member.values
        ]
        if choices:
            members = [member for member in members if not isinstance(member, LiteralNode)]
            members.insert(0, LiteralNode(tuple(choices)))
        if entity_classes:
            members.insert(0, ReferenceNode(tuple(entity_classes)))
        return members[0] if len(members) == 1 else UnionNode(tuple(members))

    def _of_class(
        self, annotation: Any, origin: type, arguments: tuple[Any, ...], typevars: TypeVars
    ) -> Node:
        if issubclass(origin, IdentifiedModel):
            return ReferenceNode((annotation,))
        if issubclass(origin, Enum):
            return _enum(origin)
        if origin in _COLLECTIONS:
            return CollectionNode(origin, self.parse(arguments[0] if arguments else Any, typevars))
        if origin is tuple:
            return self._tuple(annotation, arguments, typevars)
        if origin is dict:
            return self._dict(annotation, arguments, typevars)
        if issubclass(origin, (pydantic.SecretStr, pydantic.SecretBytes)):
            return SecretNode(origin)
        kind = _record_kind(origin)
        if kind is not None:
            return self._record(annotation, origin, kind, arguments, typevars)
        if origin in _INSTEAD:
            raise AnnotationFault(
                annotation,
                "it leaves open what type a value has, so values could not come back the same",
                f"use {_INSTEAD[origin]}",
            )
        if arguments:
            raise AnnotationFault(annotation, "this generic class has no storable meaning")
        return ScalarNode(origin)

    def _tuple(self, annotation: Any, arguments: tuple[Any, ...], typevars: TypeVars) -> Node:
        if not arguments:
            # A bare `tuple` is of any length, `tuple[()]` is the empty one; both have no arguments.
            is_bare = annotation in (tuple, typing.Tuple)  # noqa: UP006
            return CollectionNode(tuple, AnyNode()) if is_bare else TupleNode(())
        if arguments == ((),):  # typing.Tuple[()] on Python 3.10 and older aliases of it
            return TupleNode(())
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return CollectionNode(tuple, self.parse(arguments[0], typevars))
        return TupleNode(tuple(self.parse(item, typevars) for item in arguments))

    def _dict(self, annotation: Any, arguments: tuple[Any, ...], typevars: TypeVars) -> Node:
        key = (
            self.parse(arguments[0], typevars)
            if arguments and arguments[0] is not Any
            else ScalarNode(str)
        )
        value = self.parse(arguments[1] if arguments else Any, typevars)
        if not isinstance(key, (ScalarNode, DatetimeNode, EnumNode, LiteralNode)):
            raise AnnotationFault(
                annotation, f"{key.name} cannot be a dict's key", "use a scalar as the key type"
            )
        return DictNode(key, value)

    def _record(
        self,
        annotation: Any,
        origin: type,
        kind: RecordKind,
        arguments: tuple[Any, ...],
        typevars: TypeVars,
    ) -> Node:
        nodes = tuple(self.parse(item, typevars) for item in arguments)
        if (origin, nodes) in self._open_records:
            return RecursionNode(origin, nodes)
        parameters = getattr(origin, "__parameters__", ())
        inner = {**dict(zip(parameters, nodes, strict=False))}
        self._open_records.append((origin, nodes))
        try:
            fields = tuple(_RECORD_FIELDS[kind](self, annotation, origin, inner))
        finally:
            self._open_records.pop()
        extra = (
            kind == "model" and cast("type[BaseModel]", origin).model_config.get("extra") == "allow"
        )
        return RecordNode(origin, kind, fields, extra, nodes)

    def model_fields(self, annotation: Any, origin: type, typevars: TypeVars) -> list[RecordField]:
        """The fields of a nested pydantic model, a root model's `root` among them."""
        try:
            fields = model_fields(cast("type[BaseModel]", origin), {})
        except UnresolvedName as error:
            raise AnnotationFault(
                annotation, f"its annotations do not resolve ({error.reason})", "define the name"
            ) from error
        return [self._model_field(origin, name, field, typevars) for name, field in fields.items()]

    def _model_field(
        self, model: type, name: str, field: ModelField, typevars: TypeVars
    ) -> RecordField:
        if field.excluded and field.default is MISSING:
            raise AnnotationFault(
                model, f"its excluded field {name!r} has no default to load", "give it a default"
            )
        node = None if field.excluded else self.field(field, typevars)
        return RecordField(name, node, field.default, field.excluded)

    def field(self, field: ModelField, typevars: TypeVars) -> Node:
        """The node of a pydantic field, with the metadata that pydantic took off its annotation."""
        node = self.parse(field.annotation, typevars)
        return dataclasses.replace(node, metadata=(*node.metadata, *field.metadata))

    def dataclass_fields(
        self, annotation: Any, origin: type, typevars: TypeVars
    ) -> list[RecordField]:
        """The fields of a dataclass of the standard library or of pydantic."""
        hints = _hints(annotation, origin)
        return [
            RecordField(item.name, self.parse(hints[item.name], typevars), dataclass_default(item))
            for item in dataclasses.fields(cast("Any", origin))
        ]

    def typeddict_fields(
        self, annotation: Any, origin: type, typevars: TypeVars
    ) -> list[RecordField]:
        """The keys of a TypedDict; those not required may be absent."""
        required = cast("Any", origin).__required_keys__
        return [
            RecordField(
                name,
                self.parse(hint, typevars),
                optional_key=_is_optional_key(hint, name not in required),
            )
            for name, hint in _hints(annotation, origin).items()
        ]

    def namedtuple_fields(
        self, annotation: Any, origin: type, typevars: TypeVars
    ) -> list[RecordField]:
        """The fields of a NamedTuple; one without annotations holds Any."""
        hints = _hints(annotation, origin)
        named = cast("Any", origin)
        return [
            RecordField(
                name,
                self.parse(hints.get(name, Any), typevars),
                constant(named._field_defaults[name]) if name in named._field_defaults else MISSING,
            )
            for name in named._fields
        ]


_RECORD_FIELDS: dict[RecordKind, Callable[[_Parser, Any, type, TypeVars], list[RecordField]]] = {
    "model": _Parser.model_fields,
    "root": _Parser.model_fields,
    "dataclass": _Parser.dataclass_fields,
    "typeddict": _Parser.typeddict_fields,
    "namedtuple": _Parser.namedtuple_fields,
}

_QUALIFIERS = frozenset(
    {
        typing_extensions.Required,
        typing_extensions.NotRequired,
        typing_extensions.ReadOnly,
        typing.Final,
        typing.Required,
        typing.NotRequired,
    }
)

_ALIAS_TYPES: tuple[Any, ...] = tuple(
    {
        typing_extensions.TypeAliasType,
        getattr(typing, "TypeAliasType", typing_extensions.TypeAliasType),
    }
)


def parse_field(field: ModelField, owner: type[BaseModel] | None = None) -> Node:
    """The node of a field of the entity class `owner`, which `Self` means.

    Raises:
        AnnotationFault: when no node stands for the annotation.
    """
    parser = _Parser(owner)
    return parser.field(field, {} if owner is None else _class_typevars(owner, parser))


def _literal(annotation: Any) -> Node:
    """The choices; None among others is an alternative of its own, so that it becomes NULL."""
    values = _literal_values(annotation)
    rest = tuple(value for value in values if value is not None)
    if len(rest) == len(values) or not rest:
        return LiteralNode(values)
    return UnionNode((LiteralNode(rest), NoneNode()))


def _literal_values(annotation: Any) -> tuple[Any, ...]:
    values: list[Any] = []
    for item in typing_extensions.get_args(annotation):
        if typing_inspect.is_literal_type(item):
            values += _literal_values(item)
        else:
            values.append(item)
    return tuple(values)


def _alias_value(alias: Any) -> Any:
    try:
        return alias.__value__
    except NameError as error:
        raise AnnotationFault(
            alias, f"the alias does not resolve ({error})", "define the name"
        ) from error


def _enum(enum_class: type[Enum]) -> Node:
    if not enum_class.__members__:
        raise AnnotationFault(enum_class, "the enum has no members", "give it members")
    return EnumNode(enum_class)


def _record_kind(origin: type) -> RecordKind | None:
    if issubclass(origin, pydantic.RootModel):
        return "root"
    if issubclass(origin, BaseModel):
        return "model"
    if dataclasses.is_dataclass(origin):
        return "dataclass"
    if typing_extensions.is_typeddict(origin):
        return "typeddict"
    if issubclass(origin, tuple) and hasattr(origin, "_fields"):
        return "namedtuple"
    return None


def _hints(annotation: Any, origin: type) -> dict[str, Any]:
    try:
        return typing_extensions.get_type_hints(origin, include_extras=True)
    except NameError as error:
        raise AnnotationFault(
            annotation, f"its annotations do not resolve ({error})", "define the name"
        ) from error


def _class_typevars(owner: type[BaseModel], parser: _Parser) -> TypeVars:
    """What the type variables of a parametrised generic class stand for in it."""
    metadata = owner.__pydantic_generic_metadata__
    if metadata["origin"] is None:
        return {}
    parameters = metadata["origin"].__pydantic_generic_metadata__["parameters"]
    return {
        variable: parser.parse(argument, {})
        for variable, argument in zip(parameters, metadata["args"], strict=False)
    }


def _is_optional_key(hint: Any, otherwise: bool) -> bool:  # noqa: FBT001
    """Whether a TypedDict's key may be absent; a class with postponed annotations does not know itself."""
    origin = typing_extensions.get_origin(hint)
    while origin in (typing.Annotated, typing_extensions.ReadOnly):
        hint = typing_extensions.get_args(hint)[0]
        origin = typing_extensions.get_origin(hint)
    if origin in (typing.Required, typing_extensions.Required):
        return False
    return otherwise or origin in (typing.NotRequired, typing_extensions.NotRequired)


def _is_own_ref(annotation: Any, owner: type | None) -> bool:
    """Whether the annotation is what pydantic puts in a generic class for the class itself."""
    reference = getattr(annotation, "type_ref", None)
    if owner is None or not isinstance(reference, str):
        return False
    return reference.split(":", 1)[0].split("[", 1)[0].endswith(owner.__qualname__.split("[", 1)[0])
