"""Single rows, whose values are converted one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class Conversion(NamedTuple):
    """How one value of a column is converted."""

    convert: Callable[..., Any]
    """Takes the value; and what else its user passes on, if `takes_context`."""
    takes_context: bool = False
    keeps_none: bool = True
    """Whether None stays None."""


class RowConversion:
    """Converts single rows.

    Args:
        conversions: of each column, by its place; None where values stay as they are.
    """

    def __init__(self, conversions: Sequence[Conversion | None]) -> None:
        placed = [(place, known) for place, known in enumerate(conversions) if known is not None]
        self._optional = [(p, c.convert) for p, c in placed if c.keeps_none and not c.takes_context]
        self._required = [
            (p, c.convert) for p, c in placed if not c.keeps_none and not c.takes_context
        ]
        self._in_context = [(p, c.convert) for p, c in placed if c.takes_context]

    def apply(self, row: list[Any], context: Any = None) -> None:
        """Convert a row's values in place."""
        for place, convert in self._required:
            row[place] = convert(row[place])
        for place, convert in self._optional:
            value = row[place]
            if value is not None:
                row[place] = convert(value)
        for place, convert in self._in_context:
            row[place] = convert(row[place], context)
