"""Trees: why versions forked, and the lineage of one entity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from rich.text import Text
from rich.tree import Tree

from ecs_sql.demo.steps import Fork, Step
from ecs_sql.demo.wording import name_of, short_id, shown

_MAX_ROOTS = 6
_MAX_FOLLOWERS = 4
_MAX_DEPTH = 3


def forks_tree(step: Step) -> Tree:
    """Each version that changed by itself, and below it those that refer to it and so forked too."""
    roots = [fork for fork in step.forks.values() if fork.own]
    others = len(step.forks) - len(roots)
    tree = _tree(
        f"Why they forked: {len(roots):,} by their own content, {others:,} by what they refer to"
    )
    for fork in roots[:_MAX_ROOTS]:
        branch = tree.add(_because_of_itself(fork, step))
        _add_followers(branch, fork.entity.ecs_id, step, _MAX_DEPTH)
    _add_remark(tree, len(roots) - _MAX_ROOTS, "more by their own content")
    return tree


def _because_of_itself(fork: Fork, step: Step) -> Text:
    label = Text.assemble((name_of(fork.entity), "bold"))
    for number, field in enumerate(fork.own):
        before, after = shown(field.before, step.names), shown(field.after, step.names)
        label.append(f"{', ' if number else '  '}its {field.name} changed")
        if not isinstance(field.after, list | dict) and not isinstance(field.before, list | dict):
            label.append(f" from {before or 'nothing'} to {after or 'nothing'}")
    return label


def _add_followers(branch: Tree, ecs_id: UUID, step: Step, depth: int) -> None:
    followers = step.followers.get(ecs_id, [])
    if depth == 0:
        _add_remark(branch, _count_below(ecs_id, step), "more through it")
        return
    for key in followers[:_MAX_FOLLOWERS]:
        fork = step.forks[key]
        label = Text.assemble(
            name_of(fork.entity), (f"  refers to it in {', '.join(fork.fields)}", "dim")
        )
        _add_followers(branch.add(label), key, step, depth - 1)
    hidden = followers[_MAX_FOLLOWERS:]
    _add_remark(branch, sum(1 + _count_below(key, step) for key in hidden), "more")


def _count_below(ecs_id: UUID, step: Step) -> int:
    count, pending = 0, [ecs_id]
    while pending:
        followers = step.followers.get(pending.pop(), [])
        count += len(followers)
        pending += followers
    return count


def _add_remark(branch: Tree, count: int, remark: str) -> None:
    if count > 0:
        branch.add(Text(f"and {count:,} {remark}", "dim"))


def lineage_tree(title: str, rows: Sequence[Any], step: Callable[[Any, Any], str]) -> Tree:
    """Versions of one lineage, from their rows in stored order; a branch where one has several heirs.

    Args:
        title: what stands above the tree.
        rows: rows of a mapped class, all of one lineage.
        step: what became other in a row, given the row of its parent, or None where that is not shown.
    """
    by_id = {row.ecs_id: row for row in rows}
    heirs: dict[UUID | None, list[Any]] = {}
    for row in rows:
        heirs.setdefault(row.parent_id if row.parent_id in by_id else None, []).append(row)
    tree = _tree(title)
    if heirs.get(None) and heirs[None][0].parent_id is not None:
        tree.add(Text("older versions", "dim"))
    pending = [(row, tree) for row in reversed(heirs.get(None, []))]
    while pending:
        row, branch = pending.pop()
        what = step(row, by_id.get(row.parent_id))
        added = branch.add(_version(row, what))
        below = heirs.get(row.ecs_id, [])
        # A single heir stands below its parent; several are branches, one level deeper.
        pending += [(heir, branch if len(below) == 1 else added) for heir in reversed(below)]
    return tree


def _version(row: Any, what: str) -> Text:
    when = f"{row.created_at:%Y-%m-%d %H:%M:%S} UTC"
    return Text.assemble((short_id(row.ecs_id), "yellow"), (f"  {when}  ", "dim"), what)


def environment_step(row: Any, parent: Any) -> str:
    """What is other in a version of an environment than in its parent."""
    held = f"Python {row.python}, {len(row.distributions):,} distributions"
    if parent is None:
        return held
    others = set(row.distributions) - set(parent.distributions)
    changed = f"{len(others):,} of {len(row.distributions):,} distributions in other versions"
    return changed if row.python == parent.python else f"{held}, {changed}"


def distribution_step(row: Any, parent: Any) -> str:
    """What is other in a version of a distribution than in its parent."""
    facts = {"version": row.version, "note": row.note}
    if parent is not None:
        facts = {name: value for name, value in facts.items() if value != getattr(parent, name)}
    told = [
        f"{name} {shown(value, {}) or 'removed'}"
        for name, value in facts.items()
        if value or parent
    ]
    return ", ".join(told) or "refers to other versions"


def _tree(title: str) -> Tree:
    return Tree(Text(title, "bold"), guide_style="dim")
