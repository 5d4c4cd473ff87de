"""The column type that every SQLAlchemy user needs sooner or later."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes also where the database drops the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(
        self,
        value: datetime | None,
        dialect: Dialect,  # noqa: ARG002 - SQLAlchemy's signature
    ) -> datetime | None:
        """Store the instant in UTC."""
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(
        self,
        value: Any | None,
        dialect: Dialect,  # noqa: ARG002 - SQLAlchemy's signature
    ) -> datetime | None:
        """Read it as aware."""
        if value is None or value.tzinfo is not None:
            return value
        aware: datetime = value.replace(tzinfo=UTC)
        return aware
