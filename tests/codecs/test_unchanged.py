"""What a column is told to be unchanged by: the same as encoding says, more quickly, and never yes wrongly."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecs_sql import Entity
from ecs_sql.codecs.base import Encoding
from ecs_sql.codecs.references import pinned_id
from ecs_sql.entity_codec import codec_of

INSTANT = dt.datetime(2025, 3, 4, 5, 6, 7, 8, tzinfo=dt.UTC)
EAST = dt.timezone(dt.timedelta(hours=2))


class Kept(Entity):
    text: str = "a"
    number: int = 1
    ratio: float = 0.5
    flag: bool = True
    data: bytes = b"a"
    name: UUID | None = None
    day: dt.date | None = None
    moment: dt.datetime = INSTANT
    maybe: dt.datetime | None = None
    price: Decimal = Decimal(1)
    words: dict[str, int] = {}


def encoded(entity: Kept, before: Kept) -> Any:
    """The content, by what is known of the other's."""
    codec = codec_of(Kept)
    (known,) = codec.encode([before], pinned_id)
    (content,) = codec.encode([entity], pinned_id, [known])
    assert content == codec.encode([entity], pinned_id)[0]
    return content == known


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": st.text(st.characters(codec="ascii", exclude_characters="\0")),
    "number": st.integers(-5, 5),
    "ratio": st.floats(allow_nan=False, allow_infinity=False),
    "flag": st.booleans(),
    "data": st.binary(max_size=3),
    "name": st.none() | st.uuids(),
    "day": st.none() | st.dates(),
    "moment": st.datetimes(
        dt.datetime(2000, 1, 1),
        dt.datetime(2000, 1, 2),
        timezones=st.sampled_from([dt.UTC, EAST]) | st.none(),
    ),
    "maybe": st.none()
    | st.datetimes(
        timezones=st.just(dt.UTC), min_value=dt.datetime(2, 1, 1), max_value=dt.datetime(9000, 1, 1)
    ),
    "price": st.decimals(allow_nan=False, allow_infinity=False),
    "words": st.dictionaries(st.sampled_from("ab"), st.integers(0, 1)),
}


@given(data=st.data(), name=st.sampled_from(sorted(VALUES)))
def test_contents_are_alike_whatever_is_known(data: st.DataObject, name: str) -> None:
    before = Kept(**{name: data.draw(VALUES[name])})
    after = Kept(**{name: data.draw(VALUES[name])})
    encoded(after, before)
    assert encoded(before, before)


@pytest.mark.parametrize(
    "value",
    [
        INSTANT + dt.timedelta(microseconds=1),
        INSTANT.replace(tzinfo=None),
        INSTANT.astimezone(EAST) + dt.timedelta(seconds=1),
        INSTANT.replace(microsecond=0),
    ],
)
def test_another_instant_is_a_change(value: dt.datetime) -> None:
    assert not encoded(Kept(moment=value), Kept())
    assert not encoded(Kept(maybe=value), Kept())
    assert not encoded(Kept(), Kept(maybe=value))


def test_the_same_instant_is_none() -> None:
    assert encoded(Kept(moment=INSTANT.astimezone(EAST), maybe=INSTANT), Kept(maybe=INSTANT))


@pytest.mark.parametrize("known", ["nonsense", None, 5, b"2025"])
def test_a_damaged_known_text_is_no_reason_to_fail(known: Any) -> None:
    ((_, form),) = [item for item in codec_of(Kept)._forms if item[0] == "moment"]
    assert form.is_unchanged is not None
    assert not form.is_unchanged([INSTANT], [known])
    assert form.is_unchanged([INSTANT], form.encode([INSTANT], Encoding(pinned_id)))
