"""Laws of cutting: what is cut joins, equal parts are shared, and a version costs what changed."""

from __future__ import annotations

import random
from math import log
from statistics import mean
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ecs_sql.codecs import chunks
from ecs_sql.codecs.base import Undecodable, dump_json
from ecs_sql.codecs.chunks import BYTES, IDS, JSON, TEXT, Chunk, Chunking, restored, roots

if TYPE_CHECKING:
    from collections.abc import Sequence

KINDS = {"ids": IDS, "json": JSON, "text": TEXT, "bytes": BYTES}
A_POINTER = '{"chunks": ["AAAAAAAAAAAAAAAAAAAAAA"]}'
A_LITERAL = '{"chunks": [["x"]]}'

texts = st.text(st.characters(exclude_categories=["Cs"]))
long_texts = st.builds(str.__mul__, texts, st.integers(0, 2_000)) | st.builds(
    lambda seed, size: "".join(random.Random(seed).choices("abc xyz\n", k=size)),
    st.integers(0, 2**32),
    st.integers(0, 20_000),
)
id_lists = st.builds(
    lambda seed, size: [
        UUID(int=random.Random(f"{seed} {n}").getrandbits(128)) for n in range(size)
    ],
    st.integers(0, 2**32),
    st.integers(0, 500),
) | st.builds(lambda size: [UUID(int=number) for number in range(size)], st.integers(0, 500))


def stored(value: Any, chunking: Chunking) -> tuple[Any, dict[str, Chunk]]:
    """What stands in the column, and the chunks."""
    found: dict[str, Chunk] = {}
    return chunking.shortened([value], found)[0], found


def check_round_trip(value: Any, chunking: Chunking) -> None:
    short, found = stored(value, chunking)
    assert all(chunk_id == chunk.id for chunk_id, chunk in found.items())
    if chunking.pointers([short]):
        assert restored(short, found) == value
    else:
        assert short == value
        assert len(value) <= chunking.threshold


@given(long_texts)
@example(A_POINTER)
@example(A_LITERAL)
@example(A_POINTER * 500)
@example("é" * 5_000)
def test_text_is_restored(text: str) -> None:
    check_round_trip(text, TEXT)
    check_round_trip(text.encode(), BYTES)
    check_round_trip(dump_json([text]), JSON)


@given(st.binary(max_size=8_000))
@example(A_POINTER.encode())
@example(A_LITERAL.encode())
@example(b'{"chunks": [["\xff"]]}')
def test_bytes_are_restored(data: bytes) -> None:
    check_round_trip(data, BYTES)


@given(id_lists)
def test_lists_of_ids_are_restored(ids: list[UUID]) -> None:
    check_round_trip(dump_json(ids), IDS)


@pytest.mark.parametrize("kind", KINDS)
def test_small_values_and_none_stand_as_they_are(kind: str) -> None:
    chunking = KINDS[kind]
    value: Any = "x" * chunking.threshold if chunking.type is str else b"x" * chunking.threshold
    found: dict[str, Chunk] = {}
    assert chunking.shortened([None, value], found) == [None, value]
    assert not found


def value_of(kind: str, numbers: Sequence[int]) -> Any:
    """A value of a kind with a part for each of the numbers."""
    parts = [random.Random(number) for number in numbers]
    ids = [UUID(int=part.getrandbits(128)) for part in parts]
    if kind == "ids":
        return dump_json(ids)
    if kind == "json":
        return dump_json([{"n": number, "id": str(ids[n])} for n, number in enumerate(numbers)])
    text = "".join(
        f"line {number} of {ecs_id}\n" for number, ecs_id in zip(numbers, ids, strict=True)
    )
    return text if kind == "text" else text.encode()


SIZES = {"ids": 2_000, "json": 1_000, "text": 1_000, "bytes": 1_000}


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_change_anywhere_makes_few_new_chunks(kind: str, data: st.DataObject) -> None:
    """The chunks at the place, and those that lead to it."""
    numbers = list(range(SIZES[kind]))
    _, before = stored(value_of(kind, numbers), KINDS[kind])
    place = data.draw(st.integers(0, len(numbers)))
    removed = data.draw(st.integers(0, 3))
    added = data.draw(st.lists(st.integers(10**6, 10**9), max_size=3))
    numbers[place : place + removed] = added
    _, after = stored(value_of(kind, numbers), KINDS[kind])
    assert len(after) > 20
    # A cut that moves takes the next with it now and then; a shift of all would be dozens.
    assert len(after.keys() - before.keys()) <= 16


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_costs_two_chunks_a_level_on_average(kind: str) -> None:
    numbers = list(range(SIZES[kind]))
    _, before = stored(value_of(kind, numbers), KINDS[kind])
    costs = []
    for place in range(0, len(numbers), 50):
        _, after = stored(value_of(kind, [*numbers[:place], 10**6, *numbers[place:]]), KINDS[kind])
        costs.append(len(after.keys() - before.keys()))
    assert sum(costs) / len(costs) <= 6


def test_values_share_what_they_have_in_common() -> None:
    """Also values of different columns, and what is repeated."""
    ids = [UUID(int=random.Random(n).getrandbits(128)) for n in range(1_000)]
    _, whole = stored(dump_json(ids), IDS)
    _, half = stored(dump_json(ids[:500]), IDS)
    assert len(half.keys() - whole.keys()) <= 4
    _, same = stored("0123456789abcdef" * 10_000, TEXT)
    assert len(same) < 20


def appended_bytes(length: int, seed: int, count: int = 20) -> float:
    """What an append to a list of so many ids adds, pointer and keys of chunks included."""
    drawn = random.Random(seed)
    ids = [UUID(int=drawn.getrandbits(128)) for _ in range(length + count)]
    _, before = stored(dump_json(ids[:length]), IDS)
    added = 0
    for end in range(length + 1, length + count + 1):
        pointer, after = stored(dump_json(ids[:end]), IDS)
        new = [after[chunk_id] for chunk_id in after.keys() - before.keys()]
        added += len(pointer)
        added += sum(chunks.ID_LENGTH + len(c.chunks or "") + len(c.data or b"") for c in new)
        before = after
    return added / count


def test_bytes_of_an_append_grow_with_the_logarithm() -> None:
    """From 100 ids to 10,000 they double at most."""
    costs = {
        length: mean(appended_bytes(length, seed) for seed in range(5))
        for length in (100, 1_000, 10_000)
    }
    for length, cost in costs.items():
        assert cost <= 1.25 * costs[100] * log(length) / log(100), costs


def test_a_pointer_is_small() -> None:
    for size in (100, 1_000, 100_000, 1_000_000):
        pointer, _ = stored(
            "".join(random.Random(size).choices("abcdef ", k=size)) + "x" * 5_000, TEXT
        )
        assert len(roots(pointer)) <= chunks.MOST_ROOTS
        assert len(pointer) < 120


def test_a_missing_chunk_is_told() -> None:
    pointer, found = stored("some words " * 5_000, TEXT)
    for chunk_id in found:
        rest = {other: chunk for other, chunk in found.items() if other != chunk_id}
        with pytest.raises(Undecodable, match="missing") as caught:
            restored(pointer, rest)
        assert caught.value.form == pointer


def test_a_branch_is_no_leaf_of_the_same_text() -> None:
    listed = dump_json(["AAAAAAAAAAAAAAAAAAAAAA"])
    assert Chunk(listed, None).id != Chunk(None, listed.encode()).id
