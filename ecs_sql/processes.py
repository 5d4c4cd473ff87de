"""What a forked child process must not take over from its parent: locks and connections.

A fork copies the one thread that forks. A lock that another thread held stays locked in the child for ever,
and a connection is the same socket or file in both processes, so that the child may neither use nor close it.
"""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Any

Hook = Callable[[], None]

_Hooks = dict[int, weakref.WeakMethod[Hook]]

present: object = object()
"""Another object in each process: a forked child has a new one."""


def _be_another() -> None:
    global present  # noqa: PLW0603  (there is but one process)
    present = object()


_before: _Hooks = {}
_in_child: _Hooks = {}
_left_behind: list[tuple[Any, ...]] = []


def call_before_fork(method: Hook) -> None:
    """Have a bound method called before each fork of this process, for as long as its object lives."""
    _add(_before, method)


def call_in_child(method: Hook) -> None:
    """Have a bound method called in every child that this process forks, for as long as its object lives."""
    _add(_in_child, method)


def _add(hooks: _Hooks, method: Hook) -> None:
    reference = weakref.WeakMethod(method, lambda dead: hooks.pop(id(dead), None))
    hooks[id(reference)] = reference


def _call(hooks: _Hooks) -> None:
    for reference in list(hooks.values()):
        method = reference()
        if method is not None:
            method()


def leave_behind(*objects: Any) -> None:
    """Never finalize the parent's connections, nor what would close them, in this child.

    Closing one would end the parent's session, or undo the transaction that it has open. SQLite forbids it
    even at the end of the process, so the objects get a reference that nobody gives back.
    """
    _left_behind.append(objects)
    python = getattr(ctypes, "pythonapi", None)
    if python is not None:
        python.Py_IncRef(ctypes.py_object(objects))


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_be_another)
    os.register_at_fork(before=lambda: _call(_before), after_in_child=lambda: _call(_in_child))


class ForkSafeLock:
    """A re-entrant lock that is free in a forked child, whoever held it in the parent."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        call_in_child(self._renew)

    def _renew(self) -> None:
        self._lock = threading.RLock()

    def acquire(self) -> None:
        """Wait for the lock and take it."""
        self._lock.acquire()

    def release(self) -> None:
        """Give the lock back, once for each time that it was taken."""
        self._lock.release()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._lock.release()
