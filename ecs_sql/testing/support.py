"""What the contract asks of a storage's tests, and an expectation of errors that needs no test runner."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Generic, Self, TypeVar

from ecs_sql.entity import Entity
from ecs_sql.storage.protocol import EntityStorage

E = TypeVar("E", bound=BaseException)


class StorageHooks:
    """How the contract gets its storages."""

    def make_storage(self, classes: Sequence[type[Entity]]) -> EntityStorage:
        """A new, empty storage that keeps these classes and all that they refer to."""
        raise NotImplementedError(f"{type(self).__name__} must define make_storage(classes)")

    def reopen_storage(
        self,
        storage: EntityStorage,
        classes: Sequence[type[Entity]],  # noqa: ARG002 - a hook: other storages need it
    ) -> EntityStorage:
        """A second storage on the same data, as another process would open it; the same one if there is none."""
        return storage


class raises(Generic[E]):  # noqa: N801 - it reads as a statement
    """Expects a block to raise this error, with each of `mentions` in its message.

    Attributes:
        error: what the block raised, once it has ended.
    """

    error: E

    def __init__(self, expected: type[E], *mentions: object) -> None:
        self._expected = expected
        self._mentions = mentions

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        assert error is not None, f"{self._expected.__name__} was not raised"
        if not isinstance(error, self._expected):
            return False
        self.error = error
        message = str(error)
        for mention in self._mentions:
            assert str(mention) in message, f"{message!r} does not mention {str(mention)!r}"
        return True
