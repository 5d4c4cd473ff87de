"""The bookkeeping of versions, checked before it is stored: what no database can hold, and who is whose ancestor."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import chain
from operator import attrgetter, is_
from typing import Any
from uuid import UUID

from ecs_sql.codecs.base import Encoding, Refusal, only_of_type, some
from ecs_sql.codecs.references import pinned_id
from ecs_sql.codecs.times import NativeDatetimeCodec
from ecs_sql.errors import LineageError, UnstorableValueError
from ecs_sql.identity import IdentifiedModel, Identity, utc_now
from ecs_sql.instances import named_tuples

_parent_of = attrgetter("parent_id")
_old_ids_of = attrgetter("old_ids")


def checked_identity(entity: IdentifiedModel, identity: Identity) -> Identity:
    """The bookkeeping as it is stored, `created_at` in UTC.

    Raises:
        UnstorableValueError: when a bookkeeping field holds what it cannot.
        LineageError: when the version would be its own ancestor.
    """
    return checked_identities([entity], [identity])[0]


def checked_identities(
    entities: Sequence[IdentifiedModel], identities: Sequence[Identity]
) -> Sequence[Identity]:
    """The bookkeeping of several entities as it is stored; see `checked_identity`."""
    try:
        checked = _checked(identities)
    except Refusal:
        for entity, identity in zip(entities, identities, strict=True):
            _check_one(entity, identity)
        raise  # pragma: no cover - a list is refused only where one of its values is
    if any(map(_parent_of, identities)) or any(map(_old_ids_of, identities)):
        for entity, identity in zip(entities, identities, strict=True):
            _check_ancestors(entity, identity)
    return checked


def _checked(identities: Sequence[Identity]) -> Sequence[Identity]:
    if not identities:
        return identities
    ecs_ids, lineage_ids, parent_ids, created_at, old_ids = zip(*identities, strict=True)
    for ids in (ecs_ids, lineage_ids, some(parent_ids), list(chain.from_iterable(old_ids))):
        only_of_type(ids, UUID)
    are_plain = set(map(type, created_at)) == {dt.datetime}
    plain = list(created_at if are_plain else map(_plain_datetime, created_at))
    in_utc = _CREATED_AT.encode(plain, Encoding(pinned_id))
    if all(map(is_, in_utc, created_at)):
        return identities
    return list(named_tuples(Identity, ecs_ids, lineage_ids, parent_ids, in_utc, old_ids))


def _check_one(entity: IdentifiedModel, identity: Identity) -> None:
    for name in Identity._fields:
        probe = identity._replace(
            **{other: value for other, value in _SOUND._asdict().items() if other != name}
        )
        try:
            _checked([probe])
        except Refusal as refusal:
            raise UnstorableValueError(
                type(entity), identity.ecs_id, name, refusal.value, refusal.reason
            ) from refusal


def _check_ancestors(entity: IdentifiedModel, identity: Identity) -> None:
    if identity.ecs_id == identity.parent_id or identity.ecs_id in identity.old_ids:
        raise LineageError(
            type(entity), identity.ecs_id, identity.parent_id, "it would be its own ancestor"
        )


def _plain_datetime(value: Any) -> Any:
    """A subclass of datetime (a test's frozen clock, say) as a plain one."""
    if type(value) is not dt.datetime and isinstance(value, dt.datetime):
        return dt.datetime.combine(value.date(), value.timetz())
    return value


_SOUND = Identity(UUID(int=1), UUID(int=1), None, utc_now(), ())
_created_at_column = NativeDatetimeCodec(aware=True).column
assert _created_at_column is not None  # noqa: S101  (a class attribute that mypy sees as optional)
_CREATED_AT = _created_at_column
