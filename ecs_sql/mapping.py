"""EntityMapping: entity classes, their tables, and the row classes that plain SQLAlchemy code uses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar, overload

from sqlalchemy import MetaData, Table

from ecs_sql.errors import (
    MappingError,
    MappingFault,
    NotAnEntityClassError,
    UnregisteredClassError,
)
from ecs_sql.fields import EntityClass, EntitySpec, collect_specs, is_abstract
from ecs_sql.identity import IdentifiedModel
from ecs_sql.processes import ForkSafeLock
from ecs_sql.resolution import caller_namespace, is_being_decorated
from ecs_sql.row_classes import BaseEntitySQL, RowClasses
from ecs_sql.tables import base_table, chunk_table, entity_table, meta_table

C = TypeVar("C", bound=type[IdentifiedModel])


class EntityMapping(Mapping[type[IdentifiedModel], type[BaseEntitySQL]]):
    """Which entity classes a storage takes, and how they become tables.

    As a mapping it leads from each registered class to its row class. It never grows by itself.

    Example:
        >>> from ecs_sql import Entity
        >>> mapping = EntityMapping()
        >>> @mapping.register
        ... class Planet(Entity):
        ...     name: str
        >>> mapping.metadata.tables["planet"].c.keys()
        ['id', 'name']
    """

    def __init__(self) -> None:
        self._metadata = MetaData()
        base_table(self._metadata)
        meta_table(self._metadata)
        chunk_table(self._metadata)
        self._specs: dict[EntityClass, EntitySpec] = {}
        self._tables: dict[str, EntityClass] = {}
        self._noted: dict[EntityClass, None] = {}
        self._lock = ForkSafeLock()
        self._row_classes = RowClasses(self._metadata)
        self._namespace: dict[str, Any] = {}

    # Registration

    @overload
    def register(self, entity_class: C, /) -> C: ...
    @overload
    def register(self, *classes: type[IdentifiedModel]) -> Any: ...
    def register(self, *classes: Any) -> Any:
        """Map classes, their entity bases and all that they refer to; build their tables.

        As a class decorator it only notes the class, whose forward references may still be open; they
        are resolved, and faults reported, at the mapping's first use.

        Returns:
            The class, when there is one, so that it decorates.

        Raises:
            MappingError: with every fault of every class; the mapping is as it was.
        """
        _check_entity_classes(classes)
        with self._lock:
            namespace = caller_namespace("ecs_sql")
            if len(classes) == 1 and is_being_decorated(classes[0], "ecs_sql"):
                self._noted[classes[0]] = None
                self._namespace.update(namespace)
            else:
                self._add(classes, namespace)
        return classes[0] if len(classes) == 1 else None

    def register_subclasses(self, base: type[IdentifiedModel]) -> None:
        """Map all concrete subclasses of a class that are known so far, and itself if it is concrete.

        Raises:
            NotAnEntityClassError: when the base is no class.
            MappingError: with every fault of every class; the mapping is as it was.
        """
        if not isinstance(base, type):
            raise NotAnEntityClassError(base)
        found: dict[type[IdentifiedModel], None] = {}
        pending = [base]
        while pending:
            entity_class = pending.pop()
            pending += entity_class.__subclasses__()
            if not is_abstract(entity_class):
                found[entity_class] = None
        with self._lock:
            self._add(tuple(found), caller_namespace("ecs_sql"))

    def resolve(self) -> None:
        """Map the classes that were only noted.

        Raises:
            MappingError: with every fault of every class.
        """
        if self._noted:
            with self._lock:
                noted = tuple(self._noted)
                self._add(noted, {**self._namespace, **caller_namespace("ecs_sql")})
                self._noted.clear()
                self._namespace.clear()

    def _add(self, classes: tuple[EntityClass, ...], namespace: Mapping[str, Any]) -> None:
        named = {**namespace, **_by_unique_name((*self._noted, *classes))}
        specs = collect_specs(classes, self._tables, named)
        for entity_class, spec in specs.items():
            if entity_class not in self._specs:
                entity_table(spec, self._metadata)
                self._specs[entity_class] = spec
                self._tables[spec.table_name] = entity_class

    # What it knows

    @property
    def metadata(self) -> MetaData:
        """The tables, as plain SQLAlchemy metadata."""
        self.resolve()
        return self._metadata

    @property
    def revision(self) -> int:
        """Grows whenever classes are added."""
        self.resolve()
        return len(self._specs)

    @property
    def entity_classes(self) -> tuple[type[IdentifiedModel], ...]:
        """The registered classes, parents first."""
        self.resolve()
        return tuple(self._specs)

    def spec(self, entity_class: type[IdentifiedModel]) -> EntitySpec:
        """What is known of a registered class.

        Raises:
            UnregisteredClassError: when the class is not registered.
        """
        self.resolve()
        found = self._specs.get(entity_class)
        if found is None:
            raise UnregisteredClassError(entity_class)
        return found

    def table(self, entity_class: type[IdentifiedModel]) -> Table:
        """The class's table.

        Raises:
            UnregisteredClassError: when the class is not registered.
        """
        return self._metadata.tables[self.spec(entity_class).table_name]

    def class_of_table(self, name: str) -> type[IdentifiedModel] | None:
        """The class whose table and discriminator have the name."""
        self.resolve()
        return self._tables.get(name)

    # Row classes

    @property
    def base(self) -> type[BaseEntitySQL]:
        """The mapped root of the row classes: a row of any type."""
        self.resolve()
        with self._lock:
            return self._row_classes.root(self)

    def __getitem__(self, entity_class: type[IdentifiedModel]) -> type[BaseEntitySQL]:
        """The class's row class; it, its bases and its subclasses are made when first asked for."""
        self.resolve()
        if entity_class not in self._specs:
            raise KeyError(entity_class) from UnregisteredClassError(entity_class)
        with self._lock:
            return self._row_classes.get(entity_class, self)

    def __iter__(self) -> Iterator[type[IdentifiedModel]]:
        """The registered classes, parents first."""
        return iter(self.entity_classes)

    def __len__(self) -> int:
        """How many classes are registered."""
        return len(self.entity_classes)

    def __contains__(self, entity_class: object) -> bool:
        """Whether a class is registered."""
        return entity_class in self.entity_classes


def _check_entity_classes(classes: Iterable[Any]) -> None:
    faults = tuple(
        MappingFault(
            given,
            None,
            None,
            "it is no entity class",
            "derive it from Entity; what is only held in fields needs no registration",
        )
        for given in classes
        if not (isinstance(given, type) and issubclass(given, IdentifiedModel))
    )
    if faults:
        raise MappingError(faults)


def _by_unique_name(classes: Iterable[EntityClass]) -> dict[str, EntityClass]:
    """The classes whose name no other of them has."""
    classes = list(dict.fromkeys(classes))
    counts = Counter(entity_class.__name__ for entity_class in classes)
    return {c.__name__: c for c in classes if counts[c.__name__] == 1}
