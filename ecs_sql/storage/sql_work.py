"""A unit of work on a SQL database: rows in and out through one Connection."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Connection, NestedTransaction
from sqlalchemy.exc import DBAPIError
from typing_extensions import override

from ecs_sql.codecs.base import Undecodable
from ecs_sql.codecs.chunks import IDS, is_pointer
from ecs_sql.entity_codec import EntityCodec, Values
from ecs_sql.errors import (
    ConnectionLostError,
    StorageError,
    StoredValueError,
    TransactionError,
    UnknownDiscriminatorError,
)
from ecs_sql.fields import is_abstract
from ecs_sql.identity import IdentifiedModel
from ecs_sql.lineage import Head, Insert
from ecs_sql.storage.chunk_store import ChunkStore
from ecs_sql.storage.driver import Driver
from ecs_sql.storage.failures import storage_error, translated
from ecs_sql.storage.rows import Parent, RegistryStatus, Rows, Savepoint, UnitOfWork
from ecs_sql.storage.statements import IDENTITY_COLUMNS, ClassStatements, ColumnConverter
from ecs_sql.storage.writing import VersionWriter

if TYPE_CHECKING:
    from ecs_sql.storage.catalogue import Catalogue

_IDENTITY_WIDTH = len(IDENTITY_COLUMNS)
_OLD_IDS = ((IDENTITY_COLUMNS.index("old_ids"), IDS),)


class SqlWork(UnitOfWork):
    """Reads and writes versions through a connection that somebody else opened and will close."""

    def __init__(self, connection: Connection, catalogue: Catalogue) -> None:
        self.connection = connection
        self._driver = Driver(connection)
        self.failure: DBAPIError | None = None
        """What has ended the transaction, though the block goes on."""
        self._catalogue = catalogue
        self._dialect = catalogue.dialect
        self._chunks = ChunkStore(self._driver, self._dialect)
        self._writer = VersionWriter(self._driver, catalogue, self._chunks)

    # Reading

    def _by_ids(
        self, select: str, column: str, ids: Sequence[Any], tail: str = ""
    ) -> tuple[list[Any], list[Any]]:
        rows: list[Any] = []
        codes: list[Any] = []
        for condition, parameters in self._dialect.membership(column, ids):
            found, codes = self._driver.query(f"{select} WHERE {condition}{tail}", parameters)
            rows += found
        return rows, codes

    def _bookkeeping(
        self, rows: Sequence[Any], codes: Sequence[Any]
    ) -> tuple[Values, list[Values]]:
        """Positions, and the columns of the bookkeeping, of rows that begin with the identity columns."""
        columns = list(map(list, zip(*rows, strict=True)))[:_IDENTITY_WIDTH]
        converters = self._catalogue.identity_converters
        try:
            self._chunks.restore(_OLD_IDS, columns)
            converted: list[Values] = [
                converter.from_driver(values, code)
                for converter, values, code in zip(
                    converters, columns[1:], codes[1:_IDENTITY_WIDTH], strict=True
                )
            ]
        except (Undecodable, ValueError, TypeError) as error:
            raise self._damaged_identity(rows, codes, error) from error
        return columns[0], converted

    def _damaged_identity(
        self, rows: Sequence[Any], codes: Sequence[Any], error: Exception
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
                    statements = self._catalogue.named(row[-1])
                    entity_class = statements.codec.spec.entity_class if statements else None
                    ecs_id = None if name == "ecs_id" else _as_uuid(row[1])
                    return StoredValueError(entity_class, ecs_id, name, value, reason)
        return error

    def _types(
        self, ecs_ids: Collection[UUID]
    ) -> tuple[dict[ClassStatements, list[Any]], list[Any]]:
        """The base rows of these ids, by the class that their discriminator names, and their type codes."""
        select = self._catalogue.select_typed
        rows, codes = self._by_ids(
            select, "base_entities.ecs_id", self._dialect.bind_ids(list(ecs_ids))
        )
        groups: dict[ClassStatements, list[Any]] = {}
        for row in rows:
            groups.setdefault(self._statements_of(row), []).append(row)
        return groups, codes

    def _statements_of(self, row: Any) -> ClassStatements:
        """The statements of the class that the discriminator at a row's end names."""
        statements = self._catalogue.named(row[-1])
        if statements is None:
            raise UnknownDiscriminatorError(row[-1], _as_uuid(row[1]))
        return statements

    @override
    def heads(self, ecs_ids: Collection[UUID]) -> dict[UUID, Head]:
        heads: dict[UUID, Head] = {}
        groups, codes = self._types(ecs_ids)
        for statements, rows in groups.items():
            _, columns = self._bookkeeping(rows, codes)
            entity_class = statements.codec.spec.entity_class
            for ecs_id, lineage_id, parent_id, _, old_ids in zip(*columns, strict=True):
                heads[ecs_id] = Head(entity_class, lineage_id, parent_id, old_ids)
        return heads

    @override
    def find(
        self, ecs_ids: Collection[UUID], referrers: Collection[EntityCodec] = (), ahead: int = 0
    ) -> list[Rows]:
        only = self._catalogue.only_target(referrers) if referrers else None
        if only is not None:
            found = self._joined(
                only, "base_entities.ecs_id", self._dialect.bind_ids(list(ecs_ids))
            )
            if len(found.positions) == len(ecs_ids):
                return self._with_ahead([found], [only], ahead)
        groups, codes = self._types(ecs_ids)
        typed = [self._of_base_rows(statements, rows, codes) for statements, rows in groups.items()]
        return self._with_ahead(typed, list(groups), ahead)

    def _of_base_rows(
        self, statements: ClassStatements, base_rows: list[Any], base_codes: list[Any]
    ) -> Rows:
        """Rows whose base rows are read already."""
        positions, bookkeeping = self._bookkeeping(base_rows, base_codes)
        rows, codes = self._by_ids(statements.select_content, statements.key, positions)
        if len(rows) != len(positions):
            raise self._row_missing(statements, positions, bookkeeping[0], rows)
        order = dict(zip(positions, count()))
        rows.sort(key=lambda row: order[row[0]])
        columns = list(zip(*rows, strict=True))[1:]
        content = self._content(statements, columns, codes[1:], bookkeeping[0])
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

    def _joined(self, statements: ClassStatements, column: str, ids: Sequence[Any]) -> Rows:
        """Rows of exactly one class by ids in the base table, in one statement."""
        tail = f" AND base_entities.type = '{statements.codec.spec.table_name}'"
        return self._joined_rows(
            statements, *self._by_ids(statements.select_all, column, ids, tail)
        )

    def _joined_rows(
        self, statements: ClassStatements, rows: Sequence[Any], codes: list[Any]
    ) -> Rows:
        if not rows:
            return Rows.of(statements.codec, ())
        positions, bookkeeping = self._bookkeeping(rows, codes)
        columns = list(zip(*rows, strict=True))[_IDENTITY_WIDTH:-1]
        content = self._content(statements, columns, codes[_IDENTITY_WIDTH:-1], bookkeeping[0])
        return Rows(statements.codec, positions, bookkeeping, content)

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

    def _with_ahead(
        self, found: list[Rows], classes: list[ClassStatements], ahead: int
    ) -> list[Rows]:
        """What was found, and what was stored right after its first version, of the same classes."""
        positions = [position for rows in found for position in rows.positions]
        if not ahead or not positions:
            return found
        first = min(positions)
        mark = self._dialect.placeholder
        for statements in classes:
            condition = (
                f" WHERE base_entities.id > {mark} AND base_entities.id <= {mark}"
                f" AND base_entities.type = '{statements.codec.spec.table_name}'"
            )
            rows, codes = self._driver.query(
                statements.select_all + condition, (first, first + ahead)
            )
            try:
                read = self._joined_rows(statements, rows, codes)
            except StoredValueError:  # of a row that nobody asked for: so without reading ahead
                continue
            known = {
                p for other in found if other.codec is statements.codec for p in other.positions
            }
            found.append(_without(read, known))
        return found

    @override
    def of_class(self, entity_class: type[IdentifiedModel]) -> list[Rows]:
        found: list[Rows] = []
        order = " ORDER BY base_entities.id"
        if is_abstract(entity_class):
            self._check_types_known()
        for statements, is_topmost in self._catalogue.of_class(entity_class):
            own = statements.codec.spec.table_name
            if (
                is_topmost
            ):  # its table has the rows of all subclasses, also of those that nobody registered
                rows, codes = self._driver.query(statements.select_all + order, ())
                for row in rows:
                    if row[-1] != own:
                        self._statements_of(row)
                rows = [row for row in rows if row[-1] == own]
            else:
                condition = f" WHERE base_entities.type = {self._dialect.placeholder}{order}"
                rows, codes = self._driver.query(statements.select_all + condition, (own,))
            found.append(self._joined_rows(statements, rows, codes))
        return found

    @override
    def existing(self, ecs_ids: Collection[UUID]) -> set[UUID]:
        select = "SELECT ecs_id FROM base_entities"
        rows, _ = (
            self._by_ids(select, "ecs_id", self._dialect.bind_ids(list(ecs_ids)))
            if ecs_ids
            else ([], [])
        )
        return {_as_uuid(row[0]) for row in rows}

    @override
    def lineage(self, lineage_id: UUID) -> list[UUID]:
        mark = self._dialect.placeholder
        statement = f"SELECT ecs_id FROM base_entities WHERE lineage_id = {mark} ORDER BY id"
        rows, _ = self._driver.query(statement, (self._dialect.bind_ids([lineage_id])[0],))
        return [_as_uuid(row[0]) for row in rows]

    @override
    def lock_forks(self, parents: Collection[Parent]) -> dict[Parent, set[UUID]]:
        ids = self._dialect.bind_ids([parent.ecs_id for parent in parents])
        self._dialect.lock_versions(self._driver, ids)
        select = "SELECT parent_id, lineage_id, ecs_id FROM base_entities"
        rows, _ = self._by_ids(select, "parent_id", ids, self._dialect.current_read)
        forks: dict[Parent, set[UUID]] = {}
        for row in rows:
            parent_id, lineage_id, ecs_id = map(_as_uuid, row)
            forks.setdefault(Parent(parent_id, lineage_id), set()).add(ecs_id)
        return forks

    @override
    def newest(self, lineage_id: UUID) -> UUID:
        statement = (
            f"SELECT ecs_id FROM base_entities WHERE lineage_id = {self._dialect.placeholder} "
            f"ORDER BY id DESC LIMIT 1{self._dialect.current_read}"
        )
        rows, _ = self._driver.query(statement, tuple(self._dialect.bind_ids([lineage_id])))
        return _as_uuid(rows[0][0])

    @override
    def status(self) -> RegistryStatus:
        rows, _ = self._driver.query(
            "SELECT count(DISTINCT type), count(*), count(DISTINCT lineage_id) FROM base_entities",
            (),
        )
        return RegistryStatus(self._dialect.name, *map(int, rows[0]))

    # Writing

    @override
    def insert(self, inserts: Sequence[Insert]) -> None:
        self._writer.insert(inserts)

    @override
    def insert_lone(self, insert: Insert) -> bool:
        return self._writer.insert_lone(insert)

    @override
    def clear(self) -> None:
        self._check_types_known()
        for table in self._catalogue.tables_children_first():
            self._driver.execute(f"DELETE FROM {table}")

    def _check_types_known(self) -> None:
        rows, _ = self._driver.query("SELECT type, min(id) FROM base_entities GROUP BY type", ())
        for discriminator, row_id in rows:
            if self._catalogue.named(discriminator) is None:
                statement = f"SELECT ecs_id FROM base_entities WHERE id = {int(row_id)}"
                ((ecs_id,),), _ = self._driver.query(statement, ())
                raise UnknownDiscriminatorError(discriminator, _as_uuid(ecs_id))

    # Transaction

    @override
    def savepoint(self) -> Savepoint:
        self.check_alive()
        with self.translated():
            return SqlSavepoint(self)

    def translated(self) -> AbstractContextManager[None]:
        """A driver's errors as the library's own."""
        return translated(self._dialect, self.connection.dialect.loaded_dbapi.Error)

    def check_alive(self) -> None:
        """Check that the transaction can still be committed.

        Raises:
            StorageError: of the kind that has ended it.
        """
        if self.failure is not None:
            raise storage_error(self.failure, self._dialect) from self.failure
        if self.connection.invalidated:
            raise ConnectionLostError("the connection was lost; repeat the whole transaction")
        if self._dialect.has_failed(self.connection):
            raise StorageError("the database ended the transaction; repeat the whole transaction")

    @override
    def commit(self) -> None:
        with self.translated():
            self.connection.commit()

    @override
    def rollback(self) -> None:
        if not self.connection.closed:
            try:
                self.connection.rollback()
            except DBAPIError:  # the server undoes by itself what a lost connection left open
                self.connection.invalidate()

    def close(self) -> None:
        """Nothing: the connection is whoever's that opened it."""


class SqlSavepoint(Savepoint):
    """A savepoint of the database."""

    def __init__(self, work: SqlWork) -> None:
        self._work = work
        self._nested: NestedTransaction = work.connection.begin_nested()

    @override
    def release(self) -> None:
        if not self._nested.is_active:
            raise TransactionError(
                "the application ended its transaction inside the block; end it after the block"
            )
        try:
            with self._work.translated():
                self._nested.commit()
        finally:
            self._nested.close()  # one whose release failed would be in the way of the outer ones

    @override
    def rollback(self) -> None:
        if self._nested.is_active:
            try:
                self._nested.rollback()
            except (
                DBAPIError
            ) as error:  # gone with the whole transaction, as after MariaDB's deadlocks
                self._work.failure = self._work.failure or error


def _as_uuid(value: Any) -> UUID:
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
