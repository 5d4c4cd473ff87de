"""What a verification finds and reports: small frozen values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias
from uuid import UUID

from ecs_sql.errors import class_name

FindingKind = Literal[
    "unknown_discriminator",
    "undecodable_value",
    "broken_reference",
    "missing_row",
    "orphaned_row",
    "duplicate_id",
    "split_lineage",
    "lineage_cycle",
    "contradicting_ancestors",
    "missing_chunk",
    "damaged_chunk",
    "orphaned_chunk",
    "wrong_format",
    "missing_table",
    "additional_table",
    "missing_column",
    "additional_column",
    "differing_type",
    "differing_nullability",
    "differing_option",
    "missing_index",
    "missing_constraint",
]
"""What can be wrong. The first twelve are of rows, the others of the database's schema.

- `unknown_discriminator`: a version of a type that no registered class has
- `undecodable_value`: a stored value that its column's type or its field's annotation cannot have written
- `broken_reference`: a reference whose target is missing, or of a class that the field does not take
- `missing_row`: a version that lacks its row in the table of its class, or of one that it inherits from
- `orphaned_row`: a row of a class's table that belongs to no version, or to one of another class
- `duplicate_id`: an `ecs_id` that several versions have
- `split_lineage`: a version whose parent is stored in another lineage
- `lineage_cycle`: versions that are each other's ancestors; told once for each circle
- `contradicting_ancestors`: a version whose `old_ids` does not continue its parent's
- `missing_chunk`: a large value of which a chunk is missing or damaged
- `damaged_chunk`: a chunk that is not what its id, its hash, says
- `orphaned_chunk`: a chunk that no value and no other chunk refers to
- `wrong_format`: `ecs_meta` is missing, or does not hold this release's storage format alone
- `additional_table`: an entity table (its `id` refers to one of the mapping's) of no registered class
- the others: the database's tables are not those that the classes need
"""

REMEDIES: Mapping[FindingKind, str] = {
    "unknown_discriminator": "register the class whose table has that name",
    "undecodable_value": "repair the value, or restore the annotation that it was written by",
    "broken_reference": "restore the version that it refers to from a backup",
    "missing_row": "restore the row from a backup",
    "orphaned_row": "restore its version from a backup, or delete the row",
    "duplicate_id": "keep one of the versions, and make the unique index",
    "split_lineage": "give the version its parent's lineage_id, or the parent that it had",
    "lineage_cycle": "give one of the versions the parent that it had",
    "contradicting_ancestors": "set old_ids to the parent's with the parent's id at the end",
    "missing_chunk": "restore the chunk's row from a backup",
    "damaged_chunk": "restore the chunk's row from a backup",
    "orphaned_chunk": "restore what referred to it from a backup, or delete the row",
    "wrong_format": "open a storage on it, which raises an older format, or restore ecs_meta",
    "missing_table": "open a storage of these classes on the database, which makes it",
    "additional_table": "register the class whose table it is, or drop the table",
    "missing_column": "add the column",
    "additional_column": "drop the column, or restore its field",
    "differing_type": "alter the column",
    "differing_nullability": "alter the column",
    "differing_option": "alter the table",
    "missing_index": "create the index",
    "missing_constraint": "add the constraint",
}
"""What to do about each kind."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and where.

    Attributes:
        kind: what is wrong.
        table: the table in which it stands.
        reason: what is wrong with it, in words.
        entity_class: the class whose version or table it is, where that is known.
        row_id: the `id` of the row, in `table` and in `base_entities`.
        ecs_id: the version, where it has a readable id.
        column: the column, where one is to blame.
        value: the stored value in short, as messages show it.
    """

    kind: FindingKind
    table: str
    reason: str
    entity_class: type | None = None
    row_id: int | None = None
    ecs_id: UUID | None = None
    column: str | None = None
    value: str | None = None

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return REMEDIES[self.kind]

    def __str__(self) -> str:
        where = self.table if self.column is None else f"{self.table}.{self.column}"
        if self.row_id is not None:
            where += f", row {self.row_id}"
        if self.entity_class is not None:
            where += f" ({class_name(self.entity_class)}{'' if self.ecs_id is None else f' {self.ecs_id}'})"
        elif self.ecs_id is not None:
            where += f" ({self.ecs_id})"
        shown = "" if self.value is None else f" holds {self.value}"
        return f"{self.kind}: {where}{shown}: {self.reason}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class VerificationProgress:
    """How far a verification is.

    Attributes:
        table: the table whose rows are being checked.
        done: how many of its rows are.
        total: how many it had when its check began.
    """

    table: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """What a verification found.

    Attributes:
        backend: "memory", "sqlite", "postgresql" or "mariadb".
        versions: how many versions were checked.
        rows: how many rows were checked of each table that was read.
        counts: how many findings there are of each kind that there is; exact whatever is kept.
        findings: the first of them, at most as many as `verify` was asked to keep.
    """

    backend: str
    versions: int
    rows: Mapping[str, int]
    counts: Mapping[FindingKind, int]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.counts

    @property
    def total(self) -> int:
        """How many findings there are."""
        return sum(self.counts.values())


OnFinding: TypeAlias = Callable[[Finding], object]
OnProgress: TypeAlias = Callable[[VerificationProgress], object]
