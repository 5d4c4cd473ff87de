"""Verifies rows in memory: contents and lineages, as in a database; there is no schema to check."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from ecs_sql.entity_codec import EntityCodec
from ecs_sql.identity import Identity
from ecs_sql.storage.rows import Rows, UnitOfWork
from ecs_sql.storage.verification.contents import ContentCheck, Targets
from ecs_sql.storage.verification.lineages import LineageCheck, Link
from ecs_sql.storage.verification.report import VerificationReport
from ecs_sql.storage.verification.run import Place, VerificationRun

VERSIONS = "versions"
"""What the rows of all classes are called, in place of a table's name."""


def verify_work(
    work: UnitOfWork, ecs_ids: Sequence[UUID], run: VerificationRun
) -> VerificationReport:
    """Check the versions of these ids, which are all that the unit of work sees."""
    check = _WorkCheck(work, run)
    run.begin(VERSIONS, len(ecs_ids))
    for start in range(0, len(ecs_ids), run.batch_rows):
        batch = ecs_ids[start : start + run.batch_rows]
        for rows in work.find(batch):
            check.check(rows)
        run.checked(VERSIONS, len(batch))
    return run.report(work.status().backend, len(ecs_ids))


class _WorkCheck:
    """Checks rows that a unit of work gives."""

    def __init__(self, work: UnitOfWork, run: VerificationRun) -> None:
        self._work = work
        self._run = run
        self._lineages = LineageCheck(run, self._find_links)
        self._contents: dict[EntityCodec, ContentCheck] = {}

    def check(self, rows: Rows) -> None:
        """Check rows of one class."""
        spec = rows.codec.spec
        places = [
            Place(spec.table_name, spec.entity_class, position, ecs_id)
            for position, ecs_id in zip(rows.positions, rows.ecs_ids, strict=True)
        ]
        self._lineages.check(places, list(map(_link, rows.positions, rows.identities)))
        if rows.codec not in self._contents:
            self._contents[rows.codec] = ContentCheck(self._run, rows.codec, self._find_targets)
        self._contents[rows.codec].check(places, rows.content)

    def _find_links(self, ecs_ids: Collection[UUID]) -> Mapping[UUID, Link]:
        return {
            identity.ecs_id: _link(position, identity)
            for rows in self._work.find(ecs_ids)
            for position, identity in zip(rows.positions, rows.identities, strict=True)
        }

    def _find_targets(self, ecs_ids: Collection[UUID]) -> Targets:
        return {ecs_id: head.entity_class for ecs_id, head in self._work.heads(ecs_ids).items()}


def _link(position: int, identity: Identity) -> Link:
    return Link(
        position, identity.ecs_id, identity.lineage_id, identity.parent_id, identity.old_ids
    )
