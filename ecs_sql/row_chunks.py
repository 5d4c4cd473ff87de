"""Large values in plain SQLAlchemy code: rows and results of a Session have them whole.

A column type cannot ask the database, so a pointer's value is an `InChunks` at first. It is read as soon as
its row is loaded, or, where columns alone are selected, with all of their result.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Result, Row, event, inspect
from sqlalchemy.engine import IteratorResult
from sqlalchemy.orm import ORMExecuteState, Session, object_mapper
from sqlalchemy.orm.attributes import set_committed_value

from ecs_sql.codecs.chunks import Chunk, roots
from ecs_sql.column_types import InChunks

ChunkReader = Callable[[Connection, Collection[str]], Mapping[str, Chunk]]

_reader: ChunkReader | None = None


def set_chunk_reader(reader: ChunkReader) -> None:
    """Say how chunks are read. Storages lie above row classes, so they hand it down."""
    global _reader  # noqa: PLW0603  (set once, at import)
    _reader = reader


def _chunks_of(connection: Connection, values: Iterable[InChunks]) -> Mapping[str, Chunk]:
    if _reader is None:  # pragma: no cover - the package sets it when it is imported
        raise RuntimeError("import ecs_sql, not its modules alone")
    return _reader(connection, {root for value in values for root in roots(value.pointer)})


def show_whole_values(row_class: type[Any]) -> None:
    """Let rows of a mapped class and its subclasses have their large values as soon as they are loaded."""
    event.listen(row_class, "load", _on_load, propagate=True)
    event.listen(row_class, "refresh", _on_refresh, propagate=True)


def _on_load(row: Any, context: Any) -> None:
    values = {name: value for name, value in vars(row).items() if isinstance(value, InChunks)}
    if values:
        session: Session = context.session
        connection = session.connection(bind_arguments={"mapper": object_mapper(row)})
        chunks = _chunks_of(connection, values.values())
        ecs_id = vars(row).get("ecs_id")
        for name, value in values.items():
            set_committed_value(row, name, value.read(chunks, type(row).entity_class, ecs_id))


def _on_refresh(row: Any, context: Any, _names: Any) -> None:
    _on_load(row, context)


def buffer_where_needed(state: ORMExecuteState) -> None:
    """Let the driver fetch a streamed result whole where it cannot read chunks in the midst of it.

    MariaDB's drivers have one result at a time, and lose the rest of it when the next query runs.
    """
    is_streamed = {"yield_per", "stream_results"} & state.execution_options.keys()
    if is_streamed and state.session.get_bind(**state.bind_arguments).dialect.name in _ONE_RESULT:
        state.update_execution_options(stream_results=False, yield_per=None)


_ONE_RESULT = frozenset({"mysql", "mariadb"})


def with_whole_values(state: ORMExecuteState, row_class: type[Any]) -> Result[Any] | None:
    """The result of a query for columns, its large values read; None of a query for rows alone.

    Args:
        state: the query that a Session is about to run.
        row_class: the base of all row classes. A query for other entities too is left alone: how its
            result has to be read, these decide.
    """
    selected = getattr(state.statement, "column_descriptions", ())
    if all(isinstance(column["type"], type) for column in selected):
        return None
    entities = {column["entity"] for column in selected} - {None}
    if not all(issubclass(inspect(entity).mapper.class_, row_class) for entity in entities):
        return None
    found: Any = state.invoke_statement()
    connection = state.session.connection(bind_arguments=dict(state.bind_arguments))
    rows = (row for part in found.partitions() for row in _whole_rows(connection, part))
    return IteratorResult(found._metadata, rows, raw=found)  # noqa: SLF001  (the columns stay as they are)


def _whole_rows(connection: Connection, rows: Iterable[Row[Any]]) -> list[tuple[Any, ...]]:
    values = [value for row in rows for value in row if isinstance(value, InChunks)]
    chunks = _chunks_of(connection, values) if values else {}
    return [tuple(_whole(value, chunks) for value in row) for row in rows]


def _whole(value: Any, chunks: Mapping[str, Chunk]) -> Any:
    return value.read(chunks) if isinstance(value, InChunks) else value
