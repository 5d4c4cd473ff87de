"""Counts the statements that an engine sends."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

_WRITING = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "COPY"})
_READING = frozenset({"SELECT", "WITH"})


class Statements(list[str]):
    """The statements in the order sent; an `executemany` counts once."""

    def of(self, *verbs: str) -> list[str]:
        """Those that begin with one of the verbs (`"SELECT"`)."""
        return [statement for statement in self if _verb(statement) in verbs]

    @property
    def writes(self) -> list[str]:
        """Those that change rows."""
        return self.of(*_WRITING)

    @property
    def reads(self) -> list[str]:
        """Those that read rows."""
        return self.of(*_READING)

    @property
    def verbs(self) -> Counter[str]:
        """How many there were of each verb."""
        return Counter(_verb(statement) for statement in self)


def _verb(statement: str) -> str:
    return statement.split(maxsplit=1)[0].upper()


@contextmanager
def count_statements(engine: Engine) -> Iterator[Statements]:
    """Gather the statements that the engine sends inside the block.

    BEGIN, COMMIT and ROLLBACK that a driver sends by itself are not seen, nor is what is sent
    through a driver's cursor directly.
    """
    statements = Statements()

    def gather(
        _connection: Any,
        _cursor: Any,
        statement: str,
        _parameters: Any,
        _context: Any,
        _executemany: bool,
    ) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", gather)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", gather)
