"""The cyclic garbage collector, paused while many objects are made at once.

Each new object counts towards a collection, which then visits all that were made so far and finds nothing:
over a bulk read that doubles its time.
"""

from __future__ import annotations

import gc
from threading import get_ident

from ecs_sql.processes import ForkSafeLock, call_in_child


class _Pause:
    """Pauses the collector for one thread at a time, and for no other's sake.

    If each thread that is inside kept it paused, threads that take turns would keep it paused for ever, and
    the process would grow.
    """

    def __init__(self) -> None:
        self._lock = ForkSafeLock()
        self._thread: int | None = None
        self._depth = 0
        self._was_enabled = False
        call_in_child(self._renew)

    def _renew(self) -> None:
        """In a forked child: the thread that was inside may not be there."""
        if self._thread is not None and self._was_enabled:
            gc.enable()
        self._thread, self._depth = None, 0

    def __enter__(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = get_ident()
                self._was_enabled = gc.isenabled()
                gc.disable()
            if self._thread == get_ident():
                self._depth += 1

    def __exit__(self, *_error: object) -> None:
        with self._lock:
            if self._thread != get_ident():
                return
            self._depth -= 1
            if self._depth == 0:
                self._thread = None
                if self._was_enabled:
                    gc.enable()


collection_paused = _Pause()
"""Use it as `with collection_paused:`; it nests."""
