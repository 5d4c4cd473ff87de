"""Row classes: generated, imperatively mapped, for an application's own SQLAlchemy code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast
from uuid import UUID

from sqlalchemy import Connection, MetaData, Result, Table, event
from sqlalchemy.orm import Mapper, ORMExecuteState, Session, object_session, registry, synonym

from ecs_sql.bookkeeping import checked_identity
from ecs_sql.codecs.columns import FieldColumn
from ecs_sql.codecs.references import pinned_id
from ecs_sql.column_types import python_value
from ecs_sql.entity_codec import codec_of
from ecs_sql.errors import DetachedRowError, ImmutableVersionError, UnregisteredClassError
from ecs_sql.fields import EntitySpec, FieldSpec, table_parent
from ecs_sql.identity import IdentifiedModel, identity_of
from ecs_sql.row_chunks import buffer_where_needed, show_whole_values, with_whole_values
from ecs_sql.tables import BASE_TABLE

BASE_ATTRIBUTES = ("id", "ecs_id", "lineage_id", "parent_id", "created_at", "old_ids", "type")


class MappedClasses(Protocol):
    """What row classes need of the mapping that they belong to."""

    @property
    def metadata(self) -> MetaData:
        """The tables."""
        ...

    @property
    def entity_classes(self) -> tuple[type[IdentifiedModel], ...]:
        """The registered classes, parents first."""
        ...

    def spec(self, entity_class: type[IdentifiedModel]) -> EntitySpec:
        """What is known of a registered class."""
        ...

    def table(self, entity_class: type[IdentifiedModel]) -> Table:
        """The class's table."""
        ...

    def class_of_table(self, name: str) -> type[IdentifiedModel] | None:
        """The class whose table has the name."""
        ...

    def __getitem__(self, entity_class: type[IdentifiedModel]) -> type[BaseEntitySQL]:
        """The class's row class."""
        ...


GraphReader = Callable[[MappedClasses, Connection, UUID], IdentifiedModel | None]

_graph_reader: GraphReader | None = None


def set_graph_reader(reader: GraphReader) -> None:
    """Say how `to_entity` reads a graph. Storages lie above row classes, so they hand it down."""
    global _graph_reader  # noqa: PLW0603  (set once, at import)
    _graph_reader = reader


class _RowType(type):
    """The type of row classes: checkers let every field be an attribute of the class."""

    if TYPE_CHECKING:

        def __getattr__(cls, name: str) -> Any: ...


class BaseEntitySQL(metaclass=_RowType):
    """The unmapped base of all row classes: one stored version as a row.

    Attributes carry the fields' names, or `<field>_` where the base or a method has the name; a
    reference's value is the id, or the ids, that it pins.
    """

    entity_class: ClassVar[type[IdentifiedModel]]
    mapping: ClassVar[MappedClasses]
    attributes: ClassVar[dict[str, str]]
    """Field name to attribute name."""

    if TYPE_CHECKING:
        id: Any
        ecs_id: Any
        lineage_id: Any
        parent_id: Any
        created_at: Any
        old_ids: Any
        type: Any

        def __getattr__(self, name: str) -> Any: ...

    def __init__(self, **values: Any) -> None:
        for name, value in values.items():
            setattr(self, name, value)

    def to_entity(self) -> Any:
        """The version as a fresh entity, with all that it refers to, read through the row's Session.

        Raises:
            DetachedRowError: when the row has no Session.
            StoredValueError: when a stored value no longer decodes.
            MissingReferenceError: when a referenced version is not stored.
        """
        session = object_session(self)
        if session is None:
            raise DetachedRowError(type(self))
        if _graph_reader is None:  # pragma: no cover - the package sets it when it is imported
            raise DetachedRowError(type(self))
        session.flush()  # a row that was only added is read like any other
        return _graph_reader(self.mapping, session.connection(), self.ecs_id)

    @classmethod
    def from_entity(cls, entity: IdentifiedModel) -> BaseEntitySQL:
        """A row of that entity alone, as it is now; what it refers to is named by id.

        Raises:
            UnregisteredClassError: when the entity's class is not mapped.
            UnstorableValueError: when a value cannot be kept.
        """
        is_known = type(entity) in cls.mapping.entity_classes
        row_class = cls.mapping[type(entity)] if is_known else None
        if row_class is None or not issubclass(row_class, cls):
            raise UnregisteredClassError(type(entity), entity.ecs_id)
        identity = checked_identity(entity, identity_of(entity))
        codec = codec_of(type(entity))
        content = codec.encode([entity], pinned_id)[0]
        values = {
            row_class.attributes[item.name]: _shown(item.column, value)
            for item, value in zip(codec.spec.fields, content, strict=True)
        }
        bookkeeping = {**identity._asdict(), "old_ids": list(identity.old_ids)}
        row = row_class()
        for name, value in {**bookkeeping, **values}.items():  # a field may be named `self`
            setattr(row, name, value)
        return row

    def __repr__(self) -> str:
        """The row's class and the version's id."""
        return f"<{type(self).__name__} {self.ecs_id}>"


def _make_class(name: str, base: type[BaseEntitySQL], body: dict[str, Any]) -> type[BaseEntitySQL]:
    return cast("type[BaseEntitySQL]", _RowType(name, (base,), body))


def _shown(column: FieldColumn, canonical: Any) -> Any:
    return None if canonical is None else python_value(column, canonical)


_TAKEN = frozenset({*BASE_ATTRIBUTES, *dir(BaseEntitySQL), *BaseEntitySQL.__annotations__})


class RowClasses:
    """Makes a mapping's row classes when they are first asked for."""

    def __init__(self, metadata: MetaData) -> None:
        self._metadata = metadata
        self._registry = registry(metadata=metadata)
        self._root: type[BaseEntitySQL] | None = None
        self._made: dict[type[IdentifiedModel], type[BaseEntitySQL]] = {}

    def root(self, mapping: MappedClasses) -> type[BaseEntitySQL]:
        """The mapped root; all registered classes are made with it, so that rows of any type load."""
        root = self._mapped_root(mapping)
        for entity_class in mapping.entity_classes:
            self._one(entity_class, mapping)
        return root

    def get(
        self, entity_class: type[IdentifiedModel], mapping: MappedClasses
    ) -> type[BaseEntitySQL]:
        """The row class of a class; its bases and its subclasses are made with it."""
        made = self._made.get(entity_class)
        if made is None or any(c not in self._made for c in _subclasses(entity_class, mapping)):
            made = self._one(entity_class, mapping)
            for subclass in _subclasses(entity_class, mapping):
                self._one(subclass, mapping)
        return made

    def _mapped_root(self, mapping: MappedClasses) -> type[BaseEntitySQL]:
        if self._root is None:
            table = self._metadata.tables[BASE_TABLE]
            root = _make_class("EntityRow", BaseEntitySQL, {"mapping": mapping, "attributes": {}})
            self._registry.map_imperatively(
                root,
                table,
                polymorphic_on=table.c.type,
                properties={n: table.c[n] for n in BASE_ATTRIBUTES},
            )
            _forbid_changes(root)
            show_whole_values(root)
            self._root = root
        return self._root

    def _one(
        self, entity_class: type[IdentifiedModel], mapping: MappedClasses
    ) -> type[BaseEntitySQL]:
        made = self._made.get(entity_class)
        if made is not None:
            return made
        parent_class = table_parent(entity_class)
        parent = self._one(parent_class, mapping) if parent_class else self._mapped_root(mapping)
        spec = mapping.spec(entity_class)
        table = self._metadata.tables[spec.table_name]
        attributes = {
            **parent.attributes,
            **dict(_attributes(spec, set(parent.attributes.values()))),
        }
        body = {
            "entity_class": entity_class,
            "attributes": attributes,
            "__module__": entity_class.__module__,
        }
        row_class = _make_class(self._name(spec), parent, body)
        properties: dict[str, Any] = {
            attributes[item.name]: table.c[item.column_name] for item in spec.own_fields
        }
        properties.update(_synonyms(spec, attributes))
        self._registry.map_imperatively(
            row_class,
            table,
            inherits=parent,
            polymorphic_identity=spec.table_name,
            polymorphic_load="selectin",
            properties=properties,
        )
        self._made[entity_class] = row_class
        return row_class

    def _name(self, spec: EntitySpec) -> str:
        """The row class's name; where a class of one module has another's name, its table tells them apart."""
        own = spec.entity_class
        name = f"{own.__name__}Row"
        twins = (
            c for c in self._made if (c.__module__, c.__name__) == (own.__module__, own.__name__)
        )
        return f"{name}_{spec.table_name}" if any(twins) else name


def _subclasses(
    entity_class: type[IdentifiedModel], mapping: MappedClasses
) -> Iterator[type[IdentifiedModel]]:
    return (c for c in mapping.entity_classes if issubclass(c, entity_class))


def _attributes(spec: EntitySpec, taken: set[str]) -> Iterator[tuple[str, str]]:
    """The attribute of each own field: its name, or the name and underscores until it is free."""
    names = {item.name for item in spec.fields}
    for item in spec.own_fields:
        attribute = item.name
        while (
            attribute in _TAKEN
            or attribute in taken
            or (attribute != item.name and attribute in names)
        ):
            attribute += "_"
        taken.add(attribute)
        yield item.name, attribute


def _synonyms(spec: EntitySpec, attributes: dict[str, str]) -> Iterator[tuple[str, Any]]:
    """A reference's attribute is known by its column's name too, where that is free."""
    taken = {*attributes.values(), *_TAKEN}
    for item in spec.own_fields:
        if _has_column_name_of_its_own(item) and item.column_name not in taken:
            taken.add(item.column_name)
            yield item.column_name, synonym(attributes[item.name])


def _has_column_name_of_its_own(item: FieldSpec) -> bool:
    return item.column.kind != "plain" and item.column_name != item.name


def _forbid_changes(root: type[BaseEntitySQL]) -> None:
    """Versions never change: refuse updates and deletes, flushed or in bulk."""

    def refuse(_mapper: Mapper[Any], _connection: Any, row: Any) -> None:
        raise ImmutableVersionError(type(row))

    def refuse_update(mapper: Mapper[Any], connection: Any, row: Any) -> None:
        session = object_session(row)
        if session is None or session.is_modified(row):
            refuse(mapper, connection, row)

    event.listen(root, "before_update", refuse_update, propagate=True)
    event.listen(root, "before_delete", refuse, propagate=True)
    if not event.contains(Session, "do_orm_execute", _on_execute):
        event.listen(Session, "do_orm_execute", _on_execute)


def _on_execute(state: ORMExecuteState) -> Result[Any] | None:
    mapper = state.bind_mapper
    if mapper is None or not issubclass(mapper.class_, BaseEntitySQL):
        return None
    if state.is_update or state.is_delete:
        raise ImmutableVersionError(mapper.class_)
    buffer_where_needed(state)
    is_query = state.is_select and not (state.is_column_load or state.is_relationship_load)
    return with_whole_values(state, BaseEntitySQL) if is_query else None
