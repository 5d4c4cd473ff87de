"""Reads stored versions through one connection: rows of the base table and of the classes' own, converted.

The rows of a class come in batches, so that what the driver gave of one is converted, and gone, before the
next one fills the processor's caches again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from itertools import count
from operator import itemgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ecs_sql.codecs.base import Undecodable
from ecs_sql.codecs.chunks import IDS, is_pointer
from ecs_sql.entity_codec import EntityCodec, Values
from ecs_sql.errors import StoredValueError, UnknownDiscriminatorError
from ecs_sql.fields import is_abstract
from ecs_sql.identity import IdentifiedModel
from ecs_sql.lineage import Head
from ecs_sql.storage.chunk_store import ChunkStore
from ecs_sql.storage.driver import Driver
from ecs_sql.storage.rows import Found, Rows
from ecs_sql.storage.statements import IDENTITY_COLUMNS, ClassStatements, ColumnConverter

if TYPE_CHECKING:
    from ecs_sql.storage.catalogue import Catalogue

_type_of = itemgetter(-1)
_IDENTITY_WIDTH = len(IDENTITY_COLUMNS)
_ECS_ID = IDENTITY_COLUMNS.index("ecs_id")
_NOTHING_ASKED: Mapping[Any, UUID] = MappingProxyType({})
_OLD_IDS = ((IDENTITY_COLUMNS.index("old_ids"), IDS),)


class VersionReader:
    """Reads versions; what it finds damaged it names."""

    def __init__(self, driver: Driver, catalogue: Catalogue, chunks: ChunkStore) -> None:
        self._driver = driver
        self._catalogue = catalogue
        self._dialect = catalogue.dialect
        self._chunks = chunks

    def by_ids(
        self, select: str, column: str, ids: Sequence[Any], tail: str = ""
    ) -> tuple[list[Any], list[Any]]:
        """The rows whose column is among the ids, as `bind_ids` made them, and their type codes."""
        rows: list[Any] = []
        codes: list[Any] = []
        for condition, parameters in self._dialect.membership(column, ids):
            found, codes = self._driver.query(f"{select} WHERE {condition}{tail}", parameters)
            rows += found
        return rows, codes

    def _bookkeeping(
        self,
        statements: ClassStatements,
        columns: Sequence[list[Any]],
        rows: Sequence[Any],
        codes: Sequence[Any],
    ) -> list[Values]:
        """The columns of the bookkeeping of a class's rows, which begin with the identity columns."""
        own = list(columns[:_IDENTITY_WIDTH])
        converters = self._catalogue.identity_converters
        try:
            self._chunks.restore(_OLD_IDS, own)
            return [
                converter.from_driver(values, code)
                for converter, values, code in zip(
                    converters, own[1:], codes[1:_IDENTITY_WIDTH], strict=True
                )
            ]
        except (Undecodable, ValueError, TypeError) as error:
            entity_class = statements.codec.spec.entity_class
            raise self._damaged_identity(entity_class, rows, codes, error) from error

    def _damaged_identity(
        self,
        entity_class: type[IdentifiedModel],
        rows: Sequence[Any],
        codes: Sequence[Any],
        error: Exception,
    ) -> Exception:
        for row in rows:
            for name, converter, value, code in zip(
                IDENTITY_COLUMNS[1:],
                self._catalogue.identity_converters,
                row[1:],
                codes[1:],
                strict=False,
            ):
                reason = _fault_of(converter, value, code, error)
                if reason is not None:
                    ecs_id = None if name == "ecs_id" else as_uuid(row[1])
                    return StoredValueError(entity_class, ecs_id, name, value, reason)
        return error

    def _types(
        self, ecs_ids: Collection[UUID]
    ) -> tuple[dict[ClassStatements, list[Any]], list[Any]]:
        """The base rows of these ids, by the class that their discriminator names, and their type codes."""
        select = self._catalogue.select_typed
        rows, codes = self.by_ids(
            select, "base_entities.ecs_id", self._dialect.bind_ids(list(ecs_ids))
        )
        groups: dict[ClassStatements, list[Any]] = {}
        for row in rows:
            groups.setdefault(self._statements_of(row[-1], row[1]), []).append(row)
        return groups, codes

    def _statements_of(self, discriminator: Any, ecs_id: Any) -> ClassStatements:
        """The statements of the class that a discriminator names; the id as the driver gave it."""
        statements = self._catalogue.named(discriminator)
        if statements is None:
            raise UnknownDiscriminatorError(discriminator, as_uuid(ecs_id))
        return statements

    def heads(self, ecs_ids: Collection[UUID]) -> dict[UUID, Head]:
        """As `UnitOfWork.heads`."""
        heads: dict[UUID, Head] = {}
        groups, codes = self._types(ecs_ids)
        for statements, rows in groups.items():
            bookkeeping = self._bookkeeping(statements, _columns(rows), rows, codes)
            entity_class = statements.codec.spec.entity_class
            for ecs_id, lineage_id, parent_id, _, old_ids in zip(*bookkeeping, strict=True):
                heads[ecs_id] = Head(entity_class, lineage_id, parent_id, old_ids)
        return heads

    def find_one(self, ecs_id: UUID) -> Found | None:
        """As `UnitOfWork.find_one`: one statement if the class is as expected, else two."""
        key = (self._dialect.bind_id(ecs_id),)
        statements = self._catalogue.expected
        while statements is not None:
            single = self._catalogue.single_read(statements)
            if single is None:
                break
            row = self._driver.first(single.statement, key)
            if row is None:
                return None
            if row[-1] == single.name:
                try:
                    return single.codec, single.canonical(ecs_id, row, self._chunks.restore)
                except Exception:  # noqa: BLE001  (the longer way tells what it is, if it is a fault)
                    break
            statements = self._catalogue.expected = self._statements_of(row[-1], ecs_id)
        found = [(rows.codec, row) for rows in self.find([ecs_id]) for row in rows.single()]
        return found[0] if found else None

    def find(
        self, ecs_ids: Collection[UUID], referrers: Collection[EntityCodec] = (), ahead: int = 0
    ) -> list[Rows]:
        """As `UnitOfWork.find`: one statement if all are of the one class that may be expected."""
        catalogue = self._catalogue
        expected = catalogue.only_target(referrers) if referrers else catalogue.expected
        found = [] if expected is None else self._joined(expected, ecs_ids)
        if sum(len(rows.positions) for rows in found) < len(ecs_ids):
            typed = self._find_typed(set(ecs_ids).difference(*(rows.ecs_ids for rows in found)))
            if typed and not referrers:
                most = max(typed, key=lambda rows: len(rows.positions))
                catalogue.expected = catalogue.statements(most.codec)
            found += typed
        return self._with_ahead(found, ahead)

    def _find_typed(self, ecs_ids: Collection[UUID]) -> list[Rows]:
        """Versions of any class: the base rows tell which."""
        groups, codes = self._types(ecs_ids)
        return [self._of_base_rows(statements, rows, codes) for statements, rows in groups.items()]

    def _of_base_rows(
        self, statements: ClassStatements, base_rows: list[Any], base_codes: list[Any]
    ) -> Rows:
        """Rows whose base rows are read already."""
        columns = _columns(base_rows)
        positions = columns[0]
        bookkeeping = self._bookkeeping(statements, columns, base_rows, base_codes)
        rows, codes = self.by_ids(statements.select_content, statements.key, positions)
        if len(rows) != len(positions):
            raise self._row_missing(statements, positions, bookkeeping[0], rows)
        order = dict(zip(positions, count()))
        rows.sort(key=lambda row: order[row[0]])
        content = self._content(statements, _columns(rows)[1:], codes[1:], bookkeeping[0])
        return Rows(statements.codec, positions, bookkeeping, content)

    def _row_missing(
        self, statements: ClassStatements, positions: Values, ecs_ids: Values, rows: Sequence[Any]
    ) -> StoredValueError:
        found = {row[0] for row in rows}
        ecs_id = next(e for p, e in zip(positions, ecs_ids, strict=True) if p not in found)
        spec = statements.codec.spec
        reason = (
            f"its row in table {spec.table_name!r} or in one of that table's parents is missing"
        )
        return StoredValueError(spec.entity_class, ecs_id, "id", None, reason)

    def _joined(self, statements: ClassStatements, ecs_ids: Collection[UUID]) -> list[Rows]:
        """Those of the versions that are of exactly one class, in one statement."""
        asked = list(ecs_ids)
        ids = self._dialect.bind_ids(asked)
        own = f" AND base_entities.type = '{statements.codec.spec.table_name}'"
        convert = partial(self._joined_rows, statements, asked=_by_text(ids, asked))
        return [
            rows
            for condition, parameters in self._dialect.membership("base_entities.ecs_id", ids)
            for rows in self._driver.in_batches(
                f"{statements.select_exact} WHERE {condition}{own}", parameters, convert
            )
        ]

    def _joined_rows(
        self,
        statements: ClassStatements,
        rows: Sequence[Any],
        codes: list[Any],
        asked: Mapping[Any, UUID] = _NOTHING_ASKED,
    ) -> Rows:
        """Rows that bring all columns of their class with them; ids that were asked for need no parsing."""
        if not rows:
            return Rows.of(statements.codec, ())
        columns = _columns(rows)
        if asked and all(known := list(map(asked.get, columns[_ECS_ID]))):
            columns[_ECS_ID] = known
        bookkeeping = self._bookkeeping(statements, columns, rows, codes)
        end = _IDENTITY_WIDTH + len(statements.content_converters)
        content = self._content(
            statements, columns[_IDENTITY_WIDTH:end], codes[_IDENTITY_WIDTH:end], bookkeeping[0]
        )
        return Rows(statements.codec, columns[0], bookkeeping, content)

    def _content(
        self,
        statements: ClassStatements,
        columns: Sequence[Values],
        codes: Sequence[Any],
        ecs_ids: Values,
    ) -> Sequence[Values]:
        try:
            return statements.content(columns, codes, self._chunks.restore)
        except Exception as error:  # whatever a column type of the application's own may raise
            raise (
                self._damaged_content(statements, columns, codes, ecs_ids, error) or error
            ) from error

    def _damaged_content(
        self,
        statements: ClassStatements,
        columns: Sequence[Sequence[Any]],
        codes: Sequence[Any],
        ecs_ids: Values,
        error: Exception,
    ) -> StoredValueError | None:
        """Which entity and column a driver's value belongs to that its type cannot convert."""
        spec = statements.codec.spec
        for item, converter, values, code in zip(
            spec.fields, statements.content_converters, columns, codes, strict=True
        ):
            for ecs_id, value in zip(ecs_ids, values, strict=False):
                reason = _fault_of(converter, value, code, error)
                if reason is not None:
                    return StoredValueError(
                        spec.entity_class, ecs_id, item.column_name, value, reason
                    )
        return None

    def _with_ahead(self, found: list[Rows], ahead: int) -> list[Rows]:
        """What was found, and what was stored right after its first version, of the same classes."""
        if not ahead or not found:
            return found
        first = min(position for rows in found for position in rows.positions)
        mark = self._dialect.placeholder
        for codec in dict.fromkeys(rows.codec for rows in found):
            statements = self._catalogue.statements(codec)
            condition = (
                f" WHERE base_entities.id > {mark} AND base_entities.id <= {mark}"
                f" AND base_entities.type = '{codec.spec.table_name}'"
            )
            try:
                read = self._driver.in_batches(
                    statements.select_exact + condition,
                    (first, first + ahead),
                    partial(self._joined_rows, statements),
                )
            except StoredValueError:  # of a row that nobody asked for: so without reading ahead
                continue
            known = {
                position for rows in found if rows.codec is codec for position in rows.positions
            }
            found += [_without(rows, known) for rows in read]
        return found

    def of_class(self, entity_class: type[IdentifiedModel]) -> list[Rows]:
        """As `UnitOfWork.of_class`."""
        if is_abstract(entity_class):
            self.check_types_known()
        return [
            rows
            for statements, is_topmost in self._catalogue.of_class(entity_class)
            for rows in self._all_of(statements, is_topmost=is_topmost)
        ]

    def _all_of(self, statements: ClassStatements, *, is_topmost: bool) -> list[Rows]:
        """All versions of exactly one class; those of the topmost show whether all other types are known."""
        order = " ORDER BY base_entities.id"
        if (
            is_topmost
        ):  # its table has the rows of all subclasses, also of those that nobody registered
            convert = partial(self._exact_rows, statements)
            return self._driver.in_batches(statements.select_all + order, (), convert)
        own = (statements.codec.spec.table_name,)
        condition = f" WHERE base_entities.type = {self._dialect.placeholder}{order}"
        convert = partial(self._joined_rows, statements)
        return self._driver.in_batches(statements.select_exact + condition, own, convert)

    def _exact_rows(
        self, statements: ClassStatements, rows: Sequence[Any], codes: list[Any]
    ) -> Rows:
        """Those of the rows that are of exactly the class; the types of all others are known."""
        own = statements.codec.spec.table_name
        if set(map(_type_of, rows)) != {own}:
            for row in rows:
                self._statements_of(row[-1], row[1])
            rows = [row for row in rows if row[-1] == own]
        return self._joined_rows(statements, rows, codes)

    def check_types_known(self) -> None:
        """Check that every stored version is of a registered class.

        Raises:
            UnknownDiscriminatorError: when one is not.
        """
        rows, _ = self._driver.query("SELECT type, min(id) FROM base_entities GROUP BY type", ())
        for discriminator, row_id in rows:
            if self._catalogue.named(discriminator) is None:
                statement = f"SELECT ecs_id FROM base_entities WHERE id = {int(row_id)}"
                ((ecs_id,),), _ = self._driver.query(statement, ())
                raise UnknownDiscriminatorError(discriminator, as_uuid(ecs_id))


def _by_text(texts: Sequence[Any], ecs_ids: Sequence[UUID]) -> Mapping[Any, UUID]:
    """The ids by their texts, where the driver takes texts."""
    is_text = set(map(type, texts)) == {str}
    return dict(zip(texts, ecs_ids, strict=True)) if is_text else _NOTHING_ASKED


def _columns(rows: Sequence[Any]) -> list[list[Any]]:
    return list(map(list, zip(*rows, strict=True)))


def as_uuid(value: Any) -> UUID:
    """The id that the driver gave.

    Raises:
        StoredValueError: when it is none.
    """
    try:
        return value if isinstance(value, UUID) else UUID(value)
    except (ValueError, TypeError, AttributeError) as error:
        raise StoredValueError(None, None, "ecs_id", value, "it is no UUID") from error


def _fault_of(converter: ColumnConverter, value: Any, code: Any, error: Exception) -> str | None:
    """Why a driver's value does not convert, or why the value that it points to cannot be had."""
    if is_pointer(value):
        return error.reason if isinstance(error, Undecodable) and error.form == value else None
    try:
        converter.from_driver([value], code)
    except Exception as fault:  # noqa: BLE001  (told with the row that it is of)
        return str(fault) or type(fault).__name__
    return None


def _without(rows: Rows, positions: Collection[int]) -> Rows:
    return Rows.of(rows.codec, [row for row in rows.single() if row[0] not in positions])
