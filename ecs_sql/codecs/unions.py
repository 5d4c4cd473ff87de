"""Unions: a value goes to the first alternative that takes it, and its form names that alternative."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from ecs_sql.codecs.base import (
    Build,
    Codec,
    Decoding,
    Encoding,
    Found,
    Refusal,
    Undecodable,
    UnsupportedNode,
    only_forms_of_type,
    registry,
    scatter,
    some,
)
from ecs_sql.nodes import LiteralNode, Node, NoneNode, ReferenceNode, UnionNode


class OptionalCodec(Codec):
    """None, or a value of one codec whose forms are never null."""

    may_be_null = True

    def __init__(self, item: Codec) -> None:
        self.item = item
        self.holds_references = item.holds_references
        self.forms_are_values = item.forms_are_values

    def accepts(self, value_type: type) -> bool:
        return value_type is type(None) or self.item.accepts(value_type)

    def encode(self, values: list[Any], run: Encoding) -> list[Any]:
        return scatter(values, self.item.encode(some(values), run))

    def decode(self, forms: list[Any], run: Decoding) -> list[Any]:
        return scatter(forms, self.item.decode(some(forms), run))

    def walk(self, value: Any, found: Found) -> None:
        if value is not None:
            self.item.walk(value, found)

    def pins(self, forms: Iterable[Any], found: list[UUID]) -> None:
        self.item.pins(some(forms), found)


class UnionCodec(Codec):
    """Several alternatives; None stays null, every other form is `{name of the alternative: form}`."""

    def __init__(self, members: dict[str, Codec], *, optional: bool) -> None:
        self._members = members
        self._optional = optional
        self.may_be_null = optional
        self.holds_references = any(member.holds_references for member in members.values())
        self._candidates: dict[type, list[tuple[str, Codec]]] = {}

    def accepts(self, value_type: type) -> bool:
        if value_type is type(None) and self._optional:
            return True
        return any(member.accepts(value_type) for member in self._members.values())

    def _candidates_for(self, value_type: type) -> list[tuple[str, Codec]]:
        candidates = self._candidates.get(value_type)
        if candidates is None:
            candidates = [item for item in self._members.items() if item[1].accepts(value_type)]
            if (
                value_type is int
            ):  # a float field takes ints, but an alternative of their own comes first
                candidates.sort(
                    key=lambda item: item[1].accepts(float) and not item[1].accepts(str)
                )
            self._candidates[value_type] = candidates
        return candidates

    def encode(self, values: list[Any], run: Encoding) -> list[Any]:
        return [self._encoded(value, run) for value in values]

    def _encoded(self, value: Any, run: Encoding) -> Any:
        if value is None and self._optional:
            return None
        candidates = self._candidates_for(type(value))
        if not candidates:
            names = " | ".join(self._members)
            raise Refusal(
                value, f"its type is {type(value).__qualname__}, none of {names}; convert it"
            )
        if len(candidates) > 1 and not run.strict:
            run.strict = True
            try:
                return self._first_taking(value, candidates, run)
            except Refusal:
                pass  # none takes it as it is; perhaps one takes its ints as floats
            finally:
                run.strict = False
        return self._first_taking(value, candidates, run)

    def _first_taking(self, value: Any, candidates: list[tuple[str, Codec]], run: Encoding) -> Any:
        refusals: list[Refusal] = []
        for name, member in candidates:
            try:
                return {name: member.encode([value], run)[0]}
            except Refusal as refusal:
                refusals.append(refusal)
        if len(refusals) == 1:
            raise refusals[0]
        raise Refusal(value, "; ".join(refusal.reason for refusal in refusals))

    def decode(self, forms: list[Any], run: Decoding) -> list[Any]:
        return [self._decoded(form, run) for form in forms]

    def _decoded(self, form: Any, run: Decoding) -> Any:
        if form is None and self._optional:
            return None
        member, inner = self._tagged(form)
        return member.decode([inner], run)[0]

    def _tagged(self, form: Any) -> tuple[Codec, Any]:
        only_forms_of_type([form], dict)
        if len(form) != 1 or next(iter(form)) not in self._members:
            raise Undecodable(form, f"it names none of {' | '.join(self._members)}")
        name, inner = next(iter(form.items()))
        return self._members[name], inner

    def walk(self, value: Any, found: Found) -> None:
        for _, member in self._candidates_for(type(value)):
            if (
                member.holds_references
            ):  # rather too many than one too few: encode decides which it is
                member.walk(value, found)

    def pins(self, forms: Iterable[Any], found: list[UUID]) -> None:
        for form in forms:
            if form is not None or not self._optional:
                member, inner = self._tagged(form)
                if member.holds_references:
                    member.pins([inner], found)


# Tags that do not change when a class or a choice is added to the alternative.
_FIXED_NAMES: dict[type[Node], str] = {ReferenceNode: "entity", LiteralNode: "Literal"}


def _names(node: UnionNode, members: list[Node]) -> list[str]:
    plain = [_FIXED_NAMES.get(type(member)) or member.name for member in members]
    names = [
        _qualified(member, name) if plain.count(name) > 1 else name
        for member, name in zip(members, plain, strict=True)
    ]
    if len(set(names)) < len(names):
        raise UnsupportedNode(
            node, "two of its alternatives have one name", "rename one of the classes"
        )
    return names


def _qualified(member: Node, name: str) -> str:
    member_type: Any = getattr(member, "type", None)
    return name if member_type is None else f"{member_type.__module__}.{name}"


def _union(node: UnionNode, build: Build) -> Codec:
    members = [member for member in node.members if not isinstance(member, NoneNode)]
    optional = len(members) < len(node.members)
    codecs = [build(member) for member in members]
    if len(codecs) == 1 and not codecs[0].may_be_null:
        return OptionalCodec(codecs[0])
    return UnionCodec(dict(zip(_names(node, members), codecs, strict=True)), optional=optional)


registry.register(UnionNode, _union)
