"""Single operations are repeated when others were in the way or the connection was lost: so often, and not more.

What is repeated is always a whole transaction, from its beginning; inside a block of the caller's that is
for the caller to do.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from ecs_sql.errors import ConnectionLostError, WriteConflictError

T = TypeVar("T")

ATTEMPTS = 10
"""How often an operation is tried in all; with the pauses between it takes two to three seconds more."""
_FIRST_PAUSE = 0.01
_LONGEST_PAUSE = 0.5


def repeated(operation: Callable[[], T]) -> T:
    """Run an operation whose failed attempts leave nothing behind, again after each that may be repeated.

    Raises:
        WriteConflictError: when others were in the way each time.
        ConnectionLostError: when the server could not be reached each time.
    """
    for pause in _pauses():
        try:
            return operation()
        except (WriteConflictError, ConnectionLostError):
            time.sleep(pause)
    return operation()


def _pauses() -> Iterator[float]:
    """Seconds between attempts: they double, with jitter, so that those who met do not meet again."""
    for attempt in range(ATTEMPTS - 1):
        pause = min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE)
        yield pause * random.uniform(0.5, 1.5)  # noqa: S311  (jitter, no secret)
