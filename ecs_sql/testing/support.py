"""What the contract asks of a storage's tests, and an expectation of errors that needs no test runner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

from ecs_sql.entity import Entity
from ecs_sql.storage.base import EntityStorage

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


class Caught(Generic[E]):
    """The error that a `raises` block ended with."""

    error: E


@contextmanager
def raises(expected: type[E], *mentions: object) -> Iterator[Caught[E]]:
    """Expect the block to raise this error, with each of `mentions` in its message."""
    caught: Caught[E] = Caught()
    try:
        yield caught
    except expected as error:
        caught.error = error
    else:
        raise AssertionError(f"{expected.__name__} was not raised")
    message = str(caught.error)
    for mention in mentions:
        assert str(mention) in message, f"{message!r} does not mention {str(mention)!r}"
