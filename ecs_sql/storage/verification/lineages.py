"""Checks lineages: parents stay within theirs, `old_ids` continues the parent's, no chain is a circle."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from ecs_sql.storage.verification.run import Place, VerificationRun


class Link(NamedTuple):
    """One stored version as a link of its chain of parents."""

    row_id: int
    ecs_id: UUID
    lineage_id: UUID
    parent_id: UUID | None
    old_ids: tuple[UUID, ...]

    def continues(self, parent: Link) -> bool:
        """Whether `old_ids` is the parent's with the parent's id at the end."""
        return (
            len(self.old_ids) == len(parent.old_ids) + 1
            and self.old_ids[-1] == parent.ecs_id
            and self.old_ids[:-1] == parent.old_ids
        )


FindLinks = Callable[[Collection[UUID]], Mapping[UUID, Link]]
"""The stored and readable versions of these ids, as links."""


class LineageCheck:
    """Checks versions against their parents, a batch at a time."""

    def __init__(self, run: VerificationRun, find_links: FindLinks) -> None:
        self._run = run
        self._find_links = find_links

    def check(self, places: Sequence[Place], links: Sequence[Link]) -> None:
        """Check versions; a parent that is not stored is history, and no fault."""
        own = {link.ecs_id: link for link in links}
        wanted = {link.parent_id for link in links if link.parent_id is not None} - own.keys()
        parents = {**own, **self._find_links(wanted)} if wanted else own
        for place, link in zip(places, links, strict=True):
            if link.ecs_id in link.old_ids:
                self._contradiction(place, link, "it names the version itself")
            parent = None if link.parent_id is None else parents.get(link.parent_id)
            if parent is not None:
                self._check_link(place, link, parent)

    def _check_link(self, place: Place, link: Link, parent: Link) -> None:
        if parent.lineage_id != link.lineage_id:
            reason = f"its parent {parent.ecs_id} is of lineage {parent.lineage_id}"
            self._run.found(
                "split_lineage", place, reason, column="lineage_id", value=link.lineage_id
            )
        if link.continues(parent):
            return
        if link.old_ids and link.ecs_id not in link.old_ids:
            self._contradiction(
                place, link, f"it does not continue that of its parent {parent.ecs_id}"
            )
        if self._closes_circle(link, parent):
            reason = "its chain of parents leads back to it"
            self._run.found(
                "lineage_cycle", place, reason, column="parent_id", value=link.parent_id
            )

    def _contradiction(self, place: Place, link: Link, reason: str) -> None:
        self._run.found(
            "contradicting_ancestors",
            place,
            reason,
            column="old_ids",
            value=[str(ecs_id) for ecs_id in link.old_ids],
        )

    def _closes_circle(self, start: Link, parent: Link) -> bool:
        """Whether the chain leads back to its start, and no earlier version stands for the same circle.

        Along links whose `old_ids` continues the parent's, it grows; so every circle has one that does
        not, and the first stored of these stands for it. Walked with Brent's algorithm: the start may lead
        into a circle that it is no part of, and nothing that was seen is kept.
        """
        link, turtle = parent, start.ecs_id
        steps, power = 0, 1
        while link.ecs_id != start.ecs_id:
            if link.ecs_id == turtle or link.parent_id is None:
                return False
            steps += 1
            if steps == power:
                turtle, steps, power = link.ecs_id, 0, power * 2
            following = self._find_links([link.parent_id]).get(link.parent_id)
            if following is None:
                return False
            if link.row_id < start.row_id and not link.continues(following):
                return False
            link = following
        return True
