"""Numbers, texts, bytes, UUIDs, choices, addresses and what JSON itself can say."""

from __future__ import annotations

import functools
import ipaddress
import operator
from collections.abc import Callable, Iterator
from decimal import Decimal
from enum import Flag
from typing import Any, Literal
from uuid import UUID

import pydantic
from hypothesis import strategies as st
from pydantic import ByteSize

from ecs_sql.codecs.addresses import NETWORK_CLASSES, PATH_CLASSES, is_url
from ecs_sql.nodes import (
    AnyNode,
    EnumNode,
    LiteralNode,
    NoneNode,
    ScalarNode,
    SecretNode,
)
from ecs_sql.strategies import hostile
from ecs_sql.strategies.limits import Limits, limits_of
from ecs_sql.strategies.registry import Build, NoStrategyError, registry

_USUAL_TEXT = 20
_USUAL_DIGITS = 30


def texts(limits: Limits) -> st.SearchStrategy[str]:
    """Texts of the length and pattern, hostile ones among them."""
    if any(item is pydantic.EmailStr for item in limits.others):
        return st.emails()
    sizes = limits.sizes(_USUAL_TEXT)
    if limits.pattern is not None:
        matching = st.from_regex(limits.pattern, alphabet=hostile.CHARACTERS)
        return matching.filter(lambda text: _has_length(text, limits))
    found = [text for text in hostile.TEXTS if _has_length(text, limits)]
    return st.text(hostile.CHARACTERS, **sizes) | _sampled(found)


def _has_length(value: Any, limits: Limits) -> bool:
    return limits.min_length <= len(value) and (
        limits.max_length is None or len(value) <= limits.max_length
    )


def _sampled(values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values) if values else st.nothing()


def ints(limits: Limits, *, wide: bool = True) -> st.SearchStrategy[int]:
    """Integers within the bounds; `wide` takes in those of over 64 bits."""
    step = limits.multiple_of or 1
    low, high = limits.steps(step)
    if step != 1:
        return st.integers(low, high).map(lambda count: count * step)
    sampled = (*hostile.INTS, *hostile.WIDE_INTS) if wide else hostile.INTS
    return st.integers(low, high) | _sampled([n for n in sampled if limits.allows(n)])


def floats(limits: Limits) -> st.SearchStrategy[float]:
    """Finite floats within the bounds."""
    if limits.multiple_of is not None:
        step = limits.multiple_of
        return st.integers(*limits.steps(step)).map(lambda count: float(count * step))
    low, high = limits.low, limits.high
    return st.floats(
        None if low is None else float(low),
        None if high is None else float(high),
        allow_nan=False,
        allow_infinity=False,
    ).filter(limits.allows)


def decimals(limits: Limits) -> st.SearchStrategy[Decimal]:
    """Finite decimals within the bounds and of the digits."""
    if limits.multiple_of is not None:
        step = Decimal(limits.multiple_of)
        return st.integers(*limits.steps(step)).map(lambda count: count * step)
    if limits.max_digits is not None or limits.decimal_places is not None:
        return _scaled_decimals(limits)
    usual = st.decimals(limits.low, limits.high, allow_nan=False, allow_infinity=False)
    found = [value for value in hostile.DECIMALS if limits.allows(value)]
    return usual.filter(limits.allows) | _sampled(found)


def _scaled_decimals(limits: Limits) -> st.SearchStrategy[Decimal]:
    places = limits.decimal_places
    if places is None:
        places = min(2, limits.max_digits or 2)
    digits = limits.max_digits or places + _USUAL_DIGITS
    low, high = limits.steps(Decimal(f"1E-{places}"))
    most = 10**digits - 1
    return st.integers(
        max(-most, -most if low is None else low), min(most, most if high is None else high)
    ).map(lambda number: Decimal(f"{number}E-{places}"))


def binaries(limits: Limits) -> st.SearchStrategy[bytes]:
    """Bytes of the length."""
    return st.binary(**limits.sizes(_USUAL_TEXT))


def uuids(limits: Limits) -> st.SearchStrategy[UUID]:
    """UUIDs, of the version where one is asked for."""
    versions = [item.uuid_version for item in limits.others if hasattr(item, "uuid_version")]
    if not versions:
        return st.uuids()
    return st.integers(0, 2**128 - 1).map(lambda number: _of_version(number, versions[-1]))


def _of_version(number: int, version: int) -> UUID:
    variant = 0x8000 << 48
    return UUID(int=number & ~(0xF000 << 64) & ~(0xC000 << 48) | version << 76 | variant)


def _limited(make: Callable[[Limits], st.SearchStrategy[Any]]) -> Any:
    return lambda node, build: make(limits_of(node))


def _members(node: EnumNode, build: Build) -> st.SearchStrategy[Any]:
    if issubclass(node.type, Flag):
        return flags(node.type)
    return st.sampled_from(list(node.type))


def flags(flag_class: type[Flag]) -> st.SearchStrategy[Any]:
    """Any combination of a Flag's members."""
    members = list(flag_class)
    return st.lists(_sampled(members), unique=True).map(
        lambda chosen: functools.reduce(operator.or_, chosen, flag_class(0))
    )


def _secrets(node: SecretNode, build: Build) -> st.SearchStrategy[Any]:
    inner = texts if issubclass(node.type, pydantic.SecretStr) else binaries
    made: Any = node.type
    return inner(limits_of(node)).map(made)


# Paths, addresses, URLs


def _paths(node: ScalarNode, build: Build) -> st.SearchStrategy[Any]:
    return texts(limits_of(node)).map(node.type)


def _interfaces(node: ScalarNode, build: Build) -> st.SearchStrategy[Any]:
    version: Literal[4, 6] = 6 if "6" in node.type.__name__ else 4
    longest = {4: 32, 6: 128}[version]
    made: Any = node.type
    options = {"strict": False} if "Network" in node.type.__name__ else {}
    return st.builds(
        lambda address, prefix: made((address, prefix), **options),
        st.ip_addresses(v=version),
        st.integers(0, longest),
    )


def _urls(node: ScalarNode, build: Build) -> st.SearchStrategy[Any]:
    taken = list(_taken_urls(node.type))
    if not taken:
        raise NoStrategyError(node, "it takes none of the usual URLs")
    return st.sampled_from(taken)


def _taken_urls(url_class: Any) -> Iterator[Any]:
    for text in hostile.URLS:
        try:
            url = url_class(text)
            if url_class(str(url)) == url:
                yield url
        except ValueError:  # of another scheme
            continue


_SCALARS: dict[type, Callable[[Limits], st.SearchStrategy[Any]]] = {
    bool: lambda limits: st.booleans(),
    int: ints,
    float: floats,
    str: texts,
    bytes: binaries,
    Decimal: decimals,
    UUID: uuids,
    ByteSize: lambda limits: st.integers(0, 2**63 - 1).map(ByteSize),
    ipaddress.IPv4Address: lambda limits: st.ip_addresses(v=4),
    ipaddress.IPv6Address: lambda limits: st.ip_addresses(v=6),
}

for _class, _make in _SCALARS.items():
    registry.register(_class, _limited(_make))
for _class in PATH_CLASSES:
    registry.register(_class, _paths)
for _class in NETWORK_CLASSES:
    registry.register(_class, _interfaces)
registry.register_predicate(is_url, _urls)
registry.register(NoneNode, lambda node, build: st.none())
registry.register(AnyNode, lambda node, build: hostile.JSON)
registry.register(EnumNode, _members)
registry.register(LiteralNode, lambda node, build: st.sampled_from(node.values))
registry.register(SecretNode, _secrets)
