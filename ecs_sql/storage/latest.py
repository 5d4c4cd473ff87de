"""Of several callers that change one version, one wins: for those who ask for it."""

from __future__ import annotations

from collections.abc import Sequence

from ecs_sql.errors import StaleVersionError
from ecs_sql.lineage import Insert
from ecs_sql.storage.rows import Parent, UnitOfWork


def check_latest(work: UnitOfWork, inserts: Sequence[Insert]) -> None:
    """Check that nothing else follows the versions that these were forked from.

    Those stay locked until the unit of work ends.

    Raises:
        StaleVersionError: when another version, stored or of this plan, has the same parent.
    """
    forked = [
        (insert, Parent(insert.identity.parent_id, insert.identity.lineage_id))
        for insert in inserts
        if insert.identity.parent_id is not None
    ]
    if not forked:
        return
    planned = {insert.identity.ecs_id for insert, _ in forked}
    forks = work.lock_forks({parent for _, parent in forked})
    for insert, parent in forked:
        siblings = forks.setdefault(parent, set())
        # Its own id among them was stored by somebody else just now; the insert will tell.
        if others := siblings - {insert.identity.ecs_id}:
            is_stored = not others <= planned
            raise StaleVersionError(
                type(insert.entity),
                vars(insert.entity)["ecs_id"],
                parent.lineage_id,
                parent.ecs_id,
                work.newest(parent.lineage_id) if is_stored else parent.ecs_id,
            )
        siblings.add(insert.identity.ecs_id)
