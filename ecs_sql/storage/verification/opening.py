"""Verifies a database as it stands, without a storage, which would make what is missing."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from ecs_sql.errors import StorageUrlError
from ecs_sql.identity import IdentifiedModel
from ecs_sql.mapping import EntityMapping
from ecs_sql.storage.connecting import first_connection, open_engine, shown_url
from ecs_sql.storage.failures import storage_error
from ecs_sql.storage.verification.report import OnFinding, OnProgress, VerificationReport
from ecs_sql.storage.verification.run import VerificationRun
from ecs_sql.storage.verification.verifiable import BATCH_ROWS, KEPT_FINDINGS
from ecs_sql.storage.verification.verifying import verify_connection


def verify_database(  # noqa: PLR0913  (the options of `verify`, by keyword)
    target: str | URL | Engine,
    mapping: EntityMapping | Iterable[type[IdentifiedModel]],
    *,
    on_finding: OnFinding | None = None,
    on_progress: OnProgress | None = None,
    keep: int = KEPT_FINDINGS,
    batch_rows: int = BATCH_ROWS,
) -> VerificationReport:
    """Verify a SQL database as it stands: no table is made, nothing is written.

    A storage that opens a database makes its missing tables and refuses another format; here both are
    findings.

    Args:
        target: a database URL, or an Engine.
        mapping: the classes whose versions it holds, or a mapping of them.
        on_finding: see `EntityStorage.verify`; so are the others.
        on_progress: likewise.
        keep: likewise.
        batch_rows: likewise.

    Raises:
        MappingError: when a class cannot be mapped.
        StorageUrlError: when the database cannot be opened, or its file is missing.
        StorageError: when the database fails.
    """
    if not isinstance(mapping, EntityMapping):
        classes = tuple(mapping)
        mapping = EntityMapping()
        mapping.register(*classes)
    mapping.resolve()
    engine, dialect, is_own = open_engine(target, set_up=False)
    run = VerificationRun(keep, batch_rows, on_finding, on_progress)
    with ExitStack() as held:
        if is_own:
            held.callback(engine.dispose)
            _check_file(engine)
        first_connection(engine, dialect)
        try:
            connection = held.enter_context(engine.connect())
            dialect.begin_reads(connection)
            held.callback(connection.rollback)
            return verify_connection(connection, dialect, mapping, run)
        except DBAPIError as error:
            raise storage_error(error, dialect) from error


def _check_file(engine: Engine) -> None:
    """SQLite would make a file that is missing."""
    database = engine.url.database
    if engine.dialect.name != "sqlite" or not database or database.startswith(("file:", ":")):
        return
    if not Path(database).is_file():
        raise StorageUrlError(shown_url(engine.url), "there is no such file")
