"""One verification's running results: exact counts, the first findings, and who is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

from ecs_sql.errors import short_repr
from ecs_sql.storage.arguments import checked_count
from ecs_sql.storage.verification.report import (
    Finding,
    FindingKind,
    OnFinding,
    OnProgress,
    VerificationProgress,
    VerificationReport,
)


class Place(NamedTuple):
    """Where a row stands: its table, its class, its number and the version's id, as far as known."""

    table: str
    entity_class: type | None = None
    row_id: int | None = None
    ecs_id: UUID | None = None


class _NoValue:
    """Stands for no value, where None may be one."""


NO_VALUE = _NoValue()


class VerificationRun:
    """Counts findings, keeps the first of them, and tells progress.

    Attributes:
        batch_rows: how many rows at most are read at a time.

    Raises:
        ArgumentError: when nothing could be read, or a negative number kept.
    """

    def __init__(
        self,
        keep: int,
        batch_rows: int,
        on_finding: OnFinding | None,
        on_progress: OnProgress | None,
    ) -> None:
        self.batch_rows = checked_count("batch_rows", batch_rows, 1)
        self._keep = checked_count("keep", keep, 0)
        self._on_finding = on_finding
        self._on_progress = on_progress
        self._counts: Counter[FindingKind] = Counter()
        self._kept: list[Finding] = []
        self._rows: dict[str, int] = {}
        self._totals: dict[str, int] = {}

    def found(
        self,
        kind: FindingKind,
        place: Place,
        reason: str,
        *,
        column: str | None = None,
        value: Any = NO_VALUE,
    ) -> None:
        """Note a finding."""
        shown = None if value is NO_VALUE else short_repr(value)
        finding = Finding(
            kind,
            place.table,
            reason,
            place.entity_class,
            place.row_id,
            place.ecs_id,
            column,
            shown,
        )
        self._counts[kind] += 1
        if len(self._kept) < self._keep:
            self._kept.append(finding)
        if self._on_finding is not None:
            self._on_finding(finding)

    def begin(self, table: str, total: int) -> None:
        """Note that the rows of a table come next."""
        self._totals[table] = total
        self._rows.setdefault(table, 0)
        self.checked(table, 0)

    def checked(self, table: str, count: int) -> None:
        """Note that so many more rows of a table are checked."""
        self._rows[table] += count
        if self._on_progress is not None:
            self._on_progress(VerificationProgress(table, self._rows[table], self._totals[table]))

    def report(self, backend: str, versions: int) -> VerificationReport:
        """What was found."""
        counts: Mapping[FindingKind, int] = dict(sorted(self._counts.items()))
        return VerificationReport(
            backend,
            versions,
            MappingProxyType(dict(self._rows)),
            MappingProxyType(counts),
            tuple(self._kept),
        )
