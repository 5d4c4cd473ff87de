"""Progress of a verification on a terminal: a bar for each table; elsewhere nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from ecs_sql.storage.verification.report import VerificationProgress


@contextmanager
def table_progress(console: Console) -> Iterator[Callable[[VerificationProgress], None]]:
    """Bars, gone at the end; gives what moves them."""
    if not (console.is_terminal and console.is_interactive):
        yield lambda _at: None
        return
    columns = (
        TextColumn("{task.description:<22}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        tasks: dict[str, TaskID] = {}

        def move(at: VerificationProgress) -> None:
            if at.table not in tasks:
                tasks[at.table] = progress.add_task(at.table, total=at.total)
            progress.update(tasks[at.table], completed=at.done)

        yield move
