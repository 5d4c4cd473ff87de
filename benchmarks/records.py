"""The data of the benchmarks as plain records, from which each peer builds objects of its own."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

ROLES = ("system", "user", "assistant")
CONTENT_LENGTH = 80
START = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """One chat message. Its own id is also that of its lineage: it is a first version."""

    ecs_id: UUID
    role: str
    content: str
    timestamp: datetime
    author: UUID | None
    usage: dict[str, int]


@dataclass(frozen=True, slots=True)
class ThreadRecord:
    """One chat thread, without its messages."""

    ecs_id: UUID
    title: str
    temperature: float
    tags: list[str]


@dataclass(frozen=True, slots=True)
class LinkRecord:
    """One link of a chain; it refers to the link after it."""

    ecs_id: UUID
    label: str


class Records:
    """An endless, reproducible source of records."""

    def __init__(self, seed: int = 0) -> None:
        """Two sources of one seed give the same records in the same order."""
        self._random = random.Random(seed)
        self._count = 0

    def message(self) -> MessageRecord:
        """The next message; every second one has an author."""
        number = self._next()
        content = f"Message {number}: " + " ".join(
            f"{self._random.getrandbits(32):08x}" for _ in range(9)
        )
        return MessageRecord(
            ecs_id=self._uuid(),
            role=ROLES[number % len(ROLES)],
            content=content[:CONTENT_LENGTH],
            timestamp=START + timedelta(milliseconds=37 * number, microseconds=number % 1000),
            author=self._uuid() if number % 2 else None,
            usage={
                "prompt": number % 97,
                "completion": number % 89,
                "total": number % 97 + number % 89,
            },
        )

    def messages(self, count: int) -> list[MessageRecord]:
        """The next ``count`` messages."""
        return [self.message() for _ in range(count)]

    def thread(self) -> ThreadRecord:
        """The next thread."""
        number = self._next()
        return ThreadRecord(
            self._uuid(), f"Thread {number}", 0.7, ["benchmark", f"number-{number}"]
        )

    def chain(self, length: int) -> list[LinkRecord]:
        """The links of the next chain, the first one first."""
        return [LinkRecord(self._uuid(), f"Link {self._next()}") for _ in range(length)]

    def batches(self, total: int, size: int) -> Iterator[list[MessageRecord]]:
        """The next ``total`` messages in lists of at most ``size``."""
        for done in range(0, total, size):
            yield self.messages(min(size, total - done))

    def ids(self, count: int) -> list[UUID]:
        """``count`` ids of nothing that is stored."""
        return [self._uuid() for _ in range(count)]

    def some_of(self, ids: Sequence[UUID], count: int) -> list[UUID]:
        """``count`` different ones of these ids in random order; fewer where there are fewer."""
        return self._random.sample(ids, min(count, len(ids)))

    def draws(self, ids: Sequence[UUID], count: int) -> list[UUID]:
        """``count`` times one of these ids, at random."""
        return self._random.choices(ids, k=count)

    def _next(self) -> int:
        self._count += 1
        return self._count

    def _uuid(self) -> UUID:
        return UUID(int=self._random.getrandbits(128), version=4)
