"""Source text of very many classes, for T1: each peer fills its own template, as its users would type it.

A template holds ``{number}`` for what differs between the classes. All have the same ten fields.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import CodeType
from typing import Any
from uuid import UUID

CLASS_NAME = "Kind{number}"
TABLE_NAME = "kind{number}"

MODEL_TEMPLATE = '''
class Kind{number}({{base}}):
    """One of very many classes."""

    count: int
    weight: float
    active: bool
    name: str
    owner: UUID
    moment: datetime
    payload: bytes
    note: str | None
    names: list[str]
    counts: dict[str, int]
'''

VALUES: Mapping[str, Any] = {
    "count": 7,
    "weight": 0.5,
    "active": True,
    "name": "seven",
    "owner": UUID("00000000-0000-4000-8000-000000000007"),
    "moment": datetime(2025, 1, 1, 12, tzinfo=UTC),
    "payload": b"\x00\x07",
    "note": None,
    "names": ["s", "e", "v", "e", "n"],
    "counts": {"seven": 7},
}


def model_template(base: str) -> str:
    """The template of a pydantic class with this base."""
    return MODEL_TEMPLATE.replace("{{base}}", base)


def compiled(template: str, count: int) -> CodeType:
    """The code that defines ``count`` classes."""
    source = "\n".join(template.replace("{number}", str(number)) for number in range(count))
    return compile(source, "<many classes>", "exec", dont_inherit=True)


def executed(code: CodeType, names: Mapping[str, Any]) -> dict[str, Any]:
    """What the code defines, given these names; the annotations' names are there already."""
    namespace = {"__name__": __name__, "UUID": UUID, "datetime": datetime, **names}
    exec(code, namespace)
    return namespace


def classes_in(namespace: Mapping[str, Any], count: int) -> list[Any]:
    """The classes that were defined, in order."""
    return [namespace[CLASS_NAME.format(number=number)] for number in range(count)]
