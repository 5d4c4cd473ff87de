"""The plain pydantic classes that the peers written by hand keep: content and bookkeeping, nothing else."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

from pydantic import BaseModel, Field

from benchmarks.peers.objects import ObjectStore, give_ancestors


class Version(BaseModel):
    """The bookkeeping fields of one version."""

    ecs_id: UUID
    lineage_id: UUID
    parent_id: UUID | None = None
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    old_ids: list[UUID] = []

    def fork(self) -> None:
        """Become a new version of the same lineage."""
        self.parent_id = self.ecs_id
        self.old_ids = [*self.old_ids, self.ecs_id]
        self.ecs_id = uuid4()
        self.created_at = datetime.now(UTC)


class ChatMessage(Version):
    """A message of a chat."""

    role: str
    content: str
    timestamp: datetime
    author: UUID | None = None
    usage: dict[str, int]


class ChatThread(Version):
    """A chat."""

    title: str
    messages: list[ChatMessage]
    temperature: float
    tags: list[str]


class ChainLink(Version):
    """An entity that refers to another one of its class."""

    label: str
    next: "ChainLink | None" = None


class ModelStore(ObjectStore[ChatMessage, ChatThread, ChainLink]):
    """A store of these classes; all that knows no database."""

    message_class = ChatMessage
    thread_class = ChatThread
    link_class = ChainLink

    def age(self, thread: ChatThread, ancestors: Sequence[UUID]) -> None:
        """Versions name their ancestors."""
        give_ancestors(thread, ancestors)
