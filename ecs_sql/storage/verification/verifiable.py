"""What every storage of the library can do: verify what it holds."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ecs_sql.storage.verification.report import OnFinding, OnProgress, VerificationReport
from ecs_sql.storage.verification.run import VerificationRun

KEPT_FINDINGS = 100
BATCH_ROWS = 2_000


class Verifiable(ABC):
    """The operation `verify`, on top of what a backend does for it."""

    @abstractmethod
    def _verify(self, run: VerificationRun) -> VerificationReport:
        """Check everything, within one transaction that writes nothing."""

    def verify(
        self,
        *,
        on_finding: OnFinding | None = None,
        on_progress: OnProgress | None = None,
        keep: int = KEPT_FINDINGS,
        batch_rows: int = BATCH_ROWS,
    ) -> VerificationReport:
        """See `EntityStorage.verify`."""
        return self._verify(VerificationRun(keep, batch_rows, on_finding, on_progress))
