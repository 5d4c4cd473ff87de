"""Entity class to `EntitySpec`: its fields, where each is stored, and every fault that it has.

A spec is the same in every mapping and process, so it is made once per class and kept with the class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from ecs_sql.annotations import AnnotationFault, parse_field
from ecs_sql.codecs.base import UnsupportedNode
from ecs_sql.codecs.columns import FieldColumn, column_of
from ecs_sql.errors import MappingError, MappingFault
from ecs_sql.identity import BOOKKEEPING_FIELDS, IdentifiedModel
from ecs_sql.names import RESERVED_COLUMNS, database_name, snake_case, table_name
from ecs_sql.nodes import (
    MISSING,
    AnyNode,
    CollectionNode,
    DatetimeNode,
    DictNode,
    Node,
    ReferenceNode,
    ScalarNode,
    TupleNode,
    all_nodes,
    without_none,
)
from ecs_sql.processes import ForkSafeLock
from ecs_sql.resolution import ModelField, complete, resolved_fields

EntityClass = type[IdentifiedModel]

EXTRA_FIELD = "__pydantic_extra__"
"""The field that stands for a class's extra values (`extra="allow"`)."""
_DEFINE_THE_NAME = (
    "define or import the name, not for type checkers alone, before the mapping's first use"
)

_lock = ForkSafeLock()


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One stored field of one entity class.

    `owner` is the class in whose table the column stands: the class itself or one that it inherits from.
    """

    name: str
    node: Node
    column: FieldColumn
    column_name: str
    owner: EntityClass

    @property
    def holds_references(self) -> bool:
        """Whether the field's values may hold entities."""
        return self.column.codec.holds_references


@dataclass(frozen=True, slots=True, eq=False)
class EntitySpec:
    """What is known of an entity class.

    Attributes:
        fields: the stored fields in the order of their columns, those of the root-most table first.
        table_classes: the classes whose tables a version stands in, root-most first, itself last.
        walk_order: the fields that may hold references, in the class's own order.
        excluded: name and default maker of each field that is not stored.
        references: the entity classes that annotations name.
    """

    entity_class: EntityClass
    table_name: str
    table_classes: tuple[EntityClass, ...]
    fields: tuple[FieldSpec, ...]
    walk_order: tuple[FieldSpec, ...] = field(repr=False)
    excluded: tuple[tuple[str, Callable[[dict[str, Any]], Any]], ...] = field(repr=False)
    references: frozenset[EntityClass] = field(repr=False)

    @property
    def own_fields(self) -> tuple[FieldSpec, ...]:
        """The fields whose columns stand in the class's own table."""
        return tuple(item for item in self.fields if item.owner is self.entity_class)


class Faults(list[MappingFault]):
    """Faults as they are found, and the classes that faulty ones refer to, which may have faults too."""

    def __init__(self) -> None:
        super().__init__()
        self.referred: dict[EntityClass, frozenset[EntityClass]] = {}


def is_abstract(entity_class: type) -> bool:
    """Whether a class has no table of its own: `__abstract__` in its own body, or unparametrised."""
    if not issubclass(entity_class, IdentifiedModel):
        return True
    metadata = entity_class.__pydantic_generic_metadata__
    return bool(vars(entity_class).get("__abstract__")) or bool(metadata["parameters"])


def table_parent(entity_class: EntityClass) -> EntityClass | None:
    """The first concrete entity base, in whose table the inherited fields stand."""
    return next((base for base in entity_class.__mro__[1:] if not is_abstract(base)), None)


def table_name_of(entity_class: EntityClass) -> str:
    """The class's table and discriminator: `__tablename__` of its own body, or its name in snake case."""
    wished = vars(entity_class).get("__tablename__")
    return table_name(wished or snake_case(entity_class.__name__))


def spec_of(entity_class: EntityClass) -> EntitySpec:
    """The spec of one concrete class.

    Raises:
        MappingError: with every fault of the class and of its table parents.
    """
    found = vars(entity_class).get("__ecs_spec__")
    if found is not None:
        return cast("EntitySpec", found)
    faults = Faults()
    spec = checked_spec(entity_class, {}, faults)
    if spec is None:
        raise MappingError(tuple(faults))
    return spec


def checked_spec(
    entity_class: EntityClass, namespace: Mapping[str, Any], faults: Faults
) -> EntitySpec | None:
    """The spec of a class, or None after adding its faults to `faults`."""
    with _lock:
        found = vars(entity_class).get("__ecs_spec__")
        if found is None:
            found = _SpecBuilder(entity_class, namespace, faults).build()
            if found is not None:
                type.__setattr__(entity_class, "__ecs_spec__", found)
        return cast("EntitySpec | None", found)


class _SpecBuilder:
    """Builds one spec; gathers faults rather than stopping at the first."""

    def __init__(
        self, entity_class: EntityClass, namespace: Mapping[str, Any], faults: Faults
    ) -> None:
        self._class = entity_class
        self._namespace = namespace
        self._faults = faults
        self._count = len(faults)

    def _fault(self, name: str | None, annotation: Any, reason: str, remedy: str) -> None:
        self._faults.append(MappingFault(self._class, name, annotation, reason, remedy))

    def build(self) -> EntitySpec | None:
        if is_abstract(self._class):
            self._fault(
                None,
                None,
                "the class has no table: it is abstract or a generic without its types",
                "register a concrete subclass, or parametrise it, as in Box[int]",
            )
            return None
        self._model_fields, unresolved = resolved_fields(self._class, self._namespace)
        for name, error in unresolved.items():
            reason = f"its annotation does not resolve ({error.reason})"
            self._fault(name, error.annotation, reason, _DEFINE_THE_NAME)
        parent_class = table_parent(self._class)
        parsed, excluded = self._parse_fields()
        references = frozenset(referred_classes(node for _, node, _ in parsed))
        self._faults.referred[self._class] = references
        parent = checked_spec(parent_class, self._namespace, self._faults) if parent_class else None
        if parent_class is not None and parent is None:
            self._drop_inherited_faults(parent_class)
            return None
        fields = self._place(parsed, parent)
        if len(self._faults) > self._count:
            return None
        by_name = {item.name: item for item in fields}
        return EntitySpec(
            entity_class=self._class,
            table_name=table_name_of(self._class),
            table_classes=(*(parent.table_classes if parent else ()), self._class),
            fields=fields,
            walk_order=tuple(
                by_name[name] for name, *_ in parsed if by_name[name].holds_references
            ),
            excluded=excluded,
            references=references,
        )

    def _drop_inherited_faults(self, parent_class: EntityClass) -> None:
        """What the parent's report says already is not said again of the same field here."""
        told = {fault.field for fault in self._faults if fault.entity_class is parent_class}
        self._faults[:] = [
            fault
            for fault in self._faults
            if fault.entity_class is not self._class or fault.field not in told
        ]

    def _parse_fields(
        self,
    ) -> tuple[
        list[tuple[str, Node, FieldColumn]], tuple[tuple[str, Callable[[dict[str, Any]], Any]], ...]
    ]:
        parsed: list[tuple[str, Node, FieldColumn]] = []
        excluded: list[tuple[str, Callable[[dict[str, Any]], Any]]] = []
        for name, info in self._model_fields.items():
            if name in BOOKKEEPING_FIELDS:
                continue
            if info.excluded:
                self._add_excluded(name, info, excluded)
                continue
            try:
                parsed.append((name, *_node_and_column(info, self._class)))
            except (AnnotationFault, UnsupportedNode) as fault:
                self._fault(name, info.annotation, fault.reason, fault.remedy)
        if self._class.model_config.get("extra") == "allow":
            node = DictNode(ScalarNode(str), AnyNode())
            parsed.append((EXTRA_FIELD, node, column_of(node)))
        return parsed, tuple(excluded)

    def _add_excluded(self, name: str, info: ModelField, excluded: list[Any]) -> None:
        if info.default is MISSING:
            self._fault(
                name,
                info.annotation,
                "it is excluded and required, so no load could set it",
                "give it a default",
            )
        else:
            excluded.append((name, info.default))

    def _place(
        self, parsed: list[tuple[str, Node, FieldColumn]], parent: EntitySpec | None
    ) -> tuple[FieldSpec, ...]:
        """Inherited columns first, then this class's own: plain fields are named before references."""
        here = {name: (node, column) for name, node, column in parsed}
        placed: list[FieldSpec] = []
        for inherited in parent.fields if parent else ():
            if inherited.name not in here:
                if not self._already_faulty(inherited.name):
                    self._fault(
                        inherited.name,
                        None,
                        "a base class stores it and this class does not",
                        "store it here too, or exclude it in the base class",
                    )
                continue
            placed.append(self._redefined(inherited, *here[inherited.name]))
        inherited_names = {item.name for item in placed}
        own = [item for item in parsed if item[0] not in inherited_names]
        return (*placed, *self._own(own))

    def _already_faulty(self, name: str) -> bool:
        return any(fault.field == name for fault in self._faults[self._count :])

    def _redefined(self, inherited: FieldSpec, node: Node, column: FieldColumn) -> FieldSpec:
        if node == inherited.node and column.options == inherited.column.options:
            return inherited
        same_type = repr(column.form.sql_type) == repr(inherited.column.form.sql_type)
        wider = column.nullable and not inherited.column.nullable
        if column.kind != inherited.column.kind or not same_type or wider:
            self._fault(
                inherited.name,
                self._model_fields[inherited.name].annotation,
                f"it redefines a field of {inherited.owner.__qualname__} that has another column type",
                "give it another name, or a type that the base's column can hold",
            )
        return FieldSpec(inherited.name, node, column, inherited.column_name, inherited.owner)

    def _own(self, parsed: list[tuple[str, Node, FieldColumn]]) -> Iterator[FieldSpec]:
        suffix = {"plain": "", "id": "_id", "ids": "_ids"}
        taken = set(RESERVED_COLUMNS)
        names: dict[str, str] = {}
        for name, _, column in sorted(parsed, key=lambda item: item[2].kind != "plain"):
            wished = column.options.name or name + suffix[column.kind]
            names[name] = database_name(wished, taken)
            if names[name] in taken:
                self._fault(
                    name, None, f"the column name {wished!r} is taken", "wish for another name"
                )
            taken.add(names[name])
        return (
            FieldSpec(name, node, column, names[name], self._class) for name, node, column in parsed
        )


_shared: dict[Any, tuple[Node, FieldColumn]] = {}
"""What the annotations become that are made of scalars alone: the same in every class."""


def _node_and_column(info: ModelField, entity_class: EntityClass) -> tuple[Node, FieldColumn]:
    """What a field's annotation says, and the column that it gets."""
    try:
        found = None if info.metadata else _shared.get(info.annotation)
    except TypeError:  # an unhashable Literal or Annotated
        found = None
    if found is None:
        node = parse_field(info, entity_class)
        found = node, column_of(node)
        if not info.metadata and _is_of_scalars(node):
            _shared[info.annotation] = found
    return found


def _is_of_scalars(node: Node) -> bool:
    """Whether a node, if it is optional without None, is of scalars and containers, and nothing is said beside.

    Other unions are told apart by the order of their alternatives, which equal annotations need not share.
    """
    return all(
        isinstance(inner, _OF_SCALARS) and not inner.metadata
        for inner in all_nodes(without_none(node))
    )


_OF_SCALARS = (ScalarNode, DatetimeNode, CollectionNode, TupleNode, DictNode)


def referred_classes(nodes: Iterable[Node]) -> Iterator[EntityClass]:
    """The entity classes that the nodes refer to, at any depth."""
    for node in nodes:
        for inner in all_nodes(node):
            if isinstance(inner, ReferenceNode):
                yield from cast("tuple[EntityClass, ...]", inner.classes)


def collect_specs(
    classes: Iterable[EntityClass], known: Mapping[str, EntityClass], namespace: Mapping[str, Any]
) -> dict[EntityClass, EntitySpec]:
    """The specs of the classes, of their table parents and of all they refer to, parents first.

    `known` are the tables that have their class already.

    Raises:
        MappingError: with every fault of every class; two classes of one table name are a fault too.
    """
    faults = Faults()
    specs: dict[EntityClass, EntitySpec] = {}
    visited: set[EntityClass] = set()
    pending = list(reversed(list(classes)))
    while pending:
        entity_class = pending.pop()
        if entity_class in visited:
            continue
        visited.add(entity_class)
        spec = checked_spec(entity_class, namespace, faults)
        if spec is None:
            referred = {*faults.referred.get(entity_class, ()), *entity_class.__mro__[1:]}
            pending += sorted(
                (c for c in referred if not is_abstract(c)), key=lambda c: c.__qualname__
            )
            continue
        for base in spec.table_classes:
            specs.setdefault(base, spec_of(base))
            visited.add(base)
        pending += [base for base in entity_class.__mro__[1:] if not is_abstract(base)]
        for base in spec.table_classes:
            pending += sorted(
                (c for c in spec_of(base).references if not is_abstract(c)),
                key=lambda c: c.__qualname__,
            )
    _check_table_names(specs, known, faults)
    if faults:
        raise MappingError(tuple({str(fault): fault for fault in faults}.values()))
    names = {**namespace, **{entity_class.__name__: entity_class for entity_class in specs}}
    for entity_class in specs:
        complete(entity_class, names)
    return specs


def _check_table_names(
    specs: Mapping[EntityClass, EntitySpec],
    known: Mapping[str, EntityClass],
    faults: Faults,
) -> None:
    tables = dict(known)
    for entity_class, spec in specs.items():
        other = tables.setdefault(spec.table_name, entity_class)
        if other is not entity_class:
            faults.append(
                MappingFault(
                    entity_class,
                    None,
                    None,
                    f"its table {spec.table_name!r} is also that of {other.__module__}.{other.__qualname__}",
                    "set __tablename__ in one of them",
                )
            )
