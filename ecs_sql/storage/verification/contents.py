"""Checks stored contents: each value decodes, and what it refers to is there and of a class that fits."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from ecs_sql.codecs.base import (
    ColumnForm,
    Dangling,
    Decoding,
    Encoding,
    Refusal,
    Undecodable,
    WrongTarget,
)
from ecs_sql.codecs.columns import HIDDEN, SecretCodec
from ecs_sql.codecs.references import Pinned, pinned_id
from ecs_sql.entity_codec import EntityCodec
from ecs_sql.fields import FieldSpec
from ecs_sql.identity import IdentifiedModel
from ecs_sql.storage.verification.report import FindingKind
from ecs_sql.storage.verification.run import Place, VerificationRun

UNREADABLE: Any = type("_Unreadable", (), {"__repr__": lambda _: "UNREADABLE"})()
"""Stands for a value that could not be read, and of which there is a finding already."""

Targets = Mapping[UUID, type[IdentifiedModel] | None]
"""The class of each stored version; None where no registered class is its."""
FindTargets = Callable[[Collection[UUID]], Targets]


def target_of(ecs_id: UUID, entity_class: type[IdentifiedModel] | None) -> Any:
    """What stands for a stored version: an empty object of its class, with its id alone."""
    if entity_class is None:
        return Pinned(ecs_id)
    entity = object.__new__(entity_class)
    object.__setattr__(entity, "__dict__", {"ecs_id": ecs_id})
    return entity


class ContentCheck:
    """Checks the contents of versions of one class, a batch at a time."""

    def __init__(self, run: VerificationRun, codec: EntityCodec, find_targets: FindTargets) -> None:
        self._run = run
        self._fields = codec.spec.fields
        self._find_targets = find_targets

    def check(self, places: Sequence[Place], columns: Sequence[Sequence[Any]]) -> None:
        """Check canonical columns, one for each field; an `UNREADABLE` value is passed over."""
        readied = [
            self._ready(item, places, list(column))
            for item, column in zip(self._fields, columns, strict=True)
        ]
        ids: list[UUID] = []
        for item, parsed in zip(self._fields, readied, strict=True):
            if item.column.form.pins is not None:
                item.column.form.pins([p for p in parsed if p is not UNREADABLE], ids)
        known = self._find_targets(set(ids)) if ids else {}
        entities = {ecs_id.int: target_of(ecs_id, known[ecs_id]) for ecs_id in known}
        for item, parsed, column in zip(self._fields, readied, columns, strict=True):
            self._decode(item, places, parsed, column, entities)

    def _ready(self, item: FieldSpec, places: Sequence[Place], column: list[Any]) -> list[Any]:
        """The column made ready to decode, where it holds references."""
        form = item.column.form
        if form.parse is None or form.pins is None:
            return column
        try:
            parsed = form.parse([v for v in column if v is not UNREADABLE])
            form.pins(list(parsed), [])
        except Exception:  # noqa: BLE001  (whatever a damaged value brings about is a finding)
            return [
                self._ready_one(item, place, value)
                for place, value in zip(places, column, strict=True)
            ]
        remaining = iter(parsed)
        return [UNREADABLE if value is UNREADABLE else next(remaining) for value in column]

    def _ready_one(self, item: FieldSpec, place: Place, value: Any) -> Any:
        form = item.column.form
        if value is UNREADABLE or form.parse is None or form.pins is None:
            return value
        try:
            parsed = form.parse([value])
            form.pins(list(parsed), [])
        except Exception as error:  # noqa: BLE001  (likewise)
            self._undecodable(item, place, value, error)
            return UNREADABLE
        return parsed[0]

    def _decode(
        self,
        item: FieldSpec,
        places: Sequence[Place],
        parsed: Sequence[Any],
        column: Sequence[Any],
        entities: dict[int, Any],
    ) -> None:
        form = item.column.form
        try:
            _decode_and_encode(form, [p for p in parsed if p is not UNREADABLE], entities)
        except Exception:  # noqa: BLE001  (likewise)
            for place, one, value in zip(places, parsed, column, strict=True):
                if one is not UNREADABLE:
                    self._decode_one(item, place, one, value, entities)

    def _decode_one(
        self, item: FieldSpec, place: Place, parsed: Any, value: Any, entities: dict[int, Any]
    ) -> None:
        try:
            _decode_and_encode(item.column.form, [parsed], entities)
        except Dangling:
            self._dangling(item, place, parsed, value, entities)
        except Exception as error:  # noqa: BLE001  (likewise)
            self._undecodable(item, place, value, error)

    def _dangling(
        self, item: FieldSpec, place: Place, parsed: Any, value: Any, entities: dict[int, Any]
    ) -> None:
        """Each target of the value that is missing."""
        ids: list[UUID] = []
        if item.column.form.pins is not None:
            item.column.form.pins([parsed], ids)
        for target in dict.fromkeys(ids):
            if target.int not in entities:
                self._run.found(
                    "broken_reference",
                    place,
                    f"it refers to {target}, which is missing",
                    column=item.column_name,
                    value=value,
                )

    def _undecodable(self, item: FieldSpec, place: Place, value: Any, error: Exception) -> None:
        if isinstance(item.column.codec, SecretCodec):
            value = HIDDEN
        kind: FindingKind = (
            "broken_reference" if isinstance(error, WrongTarget) else "undecodable_value"
        )
        self._run.found(kind, place, reason_of(error), column=item.column_name, value=value)


def _decode_and_encode(form: ColumnForm, parsed: list[Any], entities: dict[int, Any]) -> None:
    """Decode values, and see that their field would take them."""
    values = form.decode(parsed, Decoding(entities))
    form.encode(values, Encoding(pinned_id))


def reason_of(error: BaseException) -> str:
    """What a fault says, in words."""
    if isinstance(error, (Undecodable, Refusal)):
        return error.reason
    return str(error) or type(error).__name__
