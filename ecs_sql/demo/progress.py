"""Progress on a terminal; elsewhere nothing moves, and the lines that follow each stage say enough."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from sqlalchemy import Engine, event


@contextmanager
def progress_bar(
    console: Console, stage: str, total: int | None = None
) -> Iterator[Callable[[int], None]]:
    """A bar for one stage, gone when it ends; gives the function that advances it.

    Without a total it pulses.
    """
    if not console.is_interactive:
        yield lambda _steps: None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        *(() if total is None else (MofNCompleteColumn(),)),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(stage, total=total)
        yield lambda steps: progress.advance(task, steps)


@contextmanager
def rows_written(engine: Engine, advance: Callable[[int], None]) -> Iterator[None]:
    """Call `advance` with the number of rows of each INSERT while the block runs."""

    def count(
        _connection: Any, cursor: Any, statement: str, parameters: Any, _context: Any, many: Any
    ) -> None:
        if statement.lstrip()[:6].upper() == "INSERT":
            advance(len(parameters) if many else max(cursor.rowcount, 1))

    event.listen(engine, "after_cursor_execute", count)
    try:
        yield
    finally:
        event.remove(engine, "after_cursor_execute", count)
