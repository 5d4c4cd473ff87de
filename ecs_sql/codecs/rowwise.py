"""Single rows, whose values are converted one by one, by a function that is compiled for their columns.

A loop over the columns, and over what each of them takes, would cost more than most conversions do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple


class Conversion(NamedTuple):
    """How one value of a column is converted."""

    convert: Callable[..., Any]
    """Takes the value; and what else its user passes on, if `takes_context`."""
    takes_context: bool = False
    keeps_none: bool = True
    """Whether None stays None."""
    kept_type: type | None = None
    """A type whose own values, not those of a subclass, stay as they are."""


RowFunction = Callable[..., Any]
"""Takes a row, and the context of the conversions that need one."""


CONTEXT = -1
"""A place that stands for the context itself."""


class MarkFound(Exception):
    """A value holds a mark, so that the row cannot be converted as it is."""


def row_function(
    conversions: Sequence[Conversion | None],
    places: Sequence[int],
    names: Sequence[str] | None = None,
    marks: Mapping[str | bytes, Sequence[int]] | None = None,
) -> RowFunction:
    """What makes of a row a tuple of some of its values, or a dict where there are names, converted.

    Args:
        conversions: of each column, by its place; None where values stay as they are.
        places: which columns, in which order.
        names: the dict's key for each of these.
        marks: what no value at these places, None aside, may hold: the function raises `MarkFound`.
    """
    known: dict[str, Any] = {"MarkFound": MarkFound}
    lines = ["def convert(row, context=None):"]
    lines.append(f"    {''.join(f'v{place}, ' for place in range(len(conversions)))} = row")
    for mark, watched in (marks or {}).items():
        lines += [f"    if {mark!r} in {_joined(mark, watched)}:", "        raise MarkFound"]
    for place, conversion in enumerate(conversions):
        if conversion is not None:
            known[f"c{place}"] = conversion.convert
            known[f"t{place}"] = conversion.kept_type
            lines += _lines(f"v{place}", place, conversion)
    values = ["context" if place == CONTEXT else f"v{place}" for place in places]
    if names is None:
        made = f"({''.join(f'{value}, ' for value in values)})"
    else:
        items = (f"{name!r}: {value}" for name, value in zip(names, values, strict=True))
        made = f"{{{', '.join(items)}}}"
    lines.append(f"    return {made}")
    exec("\n".join(lines), known)  # noqa: S102  (as dataclasses do; of what comes from outside, names alone, quoted)
    made_function: RowFunction = known["convert"]
    return made_function


def _joined(mark: str | bytes, places: Sequence[int]) -> str:
    """The expression for the values at these places one after the other."""
    if isinstance(mark, str):
        return f"f'{''.join(f'{{v{place}}}' for place in places)}'"
    return f"b''.join(filter(None, ({''.join(f'v{place}, ' for place in places)})))"


def _lines(value: str, place: int, conversion: Conversion) -> Iterator[str]:
    """The statements that convert one value."""
    conditions = []
    if conversion.kept_type is not None:
        conditions.append(f"type({value}) is not t{place}")
    if conversion.keeps_none:
        conditions.append(f"{value} is not None")
    if conditions:
        yield f"    if {' and '.join(conditions)}:"
    indent = "        " if conditions else "    "
    context = ", context" if conversion.takes_context else ""
    yield f"{indent}{value} = c{place}({value}{context})"
