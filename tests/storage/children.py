"""Forks children, and has them tell what came of them."""

from __future__ import annotations

import os
import pickle
import select
import signal
from typing import TYPE_CHECKING, NoReturn, Self, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_PATIENCE_SECONDS = 60


class Child:
    """A forked child, seen from either side: the child tells something and ends; its parent gets it."""

    def __init__(self, process_id: int, pipe: int) -> None:
        self._process_id = process_id
        self._pipe = pipe

    @classmethod
    def fork(cls) -> Self:
        """Fork here; both processes go on from here."""
        answer, telling = os.pipe()
        process_id = os.fork()
        os.close(telling if process_id else answer)
        return cls(process_id, answer if process_id else telling)

    @classmethod
    def doing(cls, function: Callable[[], object]) -> Self:
        """Fork a child that calls the function and tells what it returned."""
        child = cls.fork()
        if child.is_me:
            child._tell_result(function)
        return child

    @property
    def is_me(self) -> bool:
        """Whether this is the child's side."""
        return self._process_id == 0

    def tell(self, value: object) -> NoReturn:
        """In the child: tell the parent, and end."""
        self._send((True, value))

    def _tell_result(self, function: Callable[[], object]) -> NoReturn:
        try:
            told = (True, function())
        except BaseException as error:  # noqa: BLE001  (told to the parent; the child ends)
            told = (False, repr(error))
        self._send(told)

    def _send(self, told: tuple[bool, object]) -> NoReturn:
        with os.fdopen(self._pipe, "wb") as pipe:
            pipe.write(pickle.dumps(told))
        os._exit(0)

    def answer(self) -> object:
        """In the parent: wait for the child's end; what it told.

        Raises:
            AssertionError: with the child's own error, or when it does not end by itself.
        """
        if self.is_me:  # it should have told something, and ended
            self._send((False, "the child went on"))
        told = bytearray()
        try:
            while select.select([self._pipe], [], [], _PATIENCE_SECONDS)[0]:
                part = os.read(self._pipe, 65_536)
                if not part:
                    break
                told += part
            else:
                os.kill(self._process_id, signal.SIGKILL)
        finally:
            os.close(self._pipe)
            os.waitpid(self._process_id, 0)
        assert told, "the child ended, or hung, without a word"
        is_well, value = pickle.loads(told)
        assert is_well, value
        return cast("object", value)


def in_child(function: Callable[[], T]) -> T:
    """Fork, call the function in the child alone, and return what it returned there."""
    return cast("T", Child.doing(function).answer())
