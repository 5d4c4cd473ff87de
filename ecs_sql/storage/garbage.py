"""The cyclic garbage collector, paused while many objects are made at once.

Each new object counts towards a collection, which then visits all that were made so far and finds nothing:
over a bulk read that doubles its time.
"""

from __future__ import annotations

import gc

from ecs_sql.processes import ForkSafeLock, call_in_child


class _Pause:
    """Pauses the collector for as long as anyone is inside, in any thread."""

    def __init__(self) -> None:
        self._lock = ForkSafeLock()
        self._inside = 0
        self._was_enabled = False
        call_in_child(self._renew)

    def _renew(self) -> None:
        """In a forked child: the threads that were inside are not there."""
        if self._inside and self._was_enabled:
            gc.enable()
        self._inside = 0

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._was_enabled = gc.isenabled()
                gc.disable()
            self._inside += 1

    def __exit__(self, *_error: object) -> None:
        with self._lock:
            self._inside = max(self._inside - 1, 0)
            if self._inside == 0 and self._was_enabled:
                gc.enable()


collection_paused = _Pause()
"""Use it as `with collection_paused:`; it nests."""
