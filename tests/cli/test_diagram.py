"""The diagram names every class, field and reference, and hostile names stay text."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pytest
from pydantic import BaseModel, create_model

from ecs_sql import Entity, EntityMapping
from ecs_sql.annotations import parse_field
from ecs_sql.cli.classes import mapping_of
from ecs_sql.reports.diagram import class_diagram, escaped
from ecs_sql.reports.multiplicity import multiplicity
from ecs_sql.resolution import model_fields
from tests.cli.processes import run_module

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = [
    'we"ird{}[]', "class", "end", "note", "TB", "Größe", "日本", "a`b`", "~T~", "<b>x</b>", "a;b",
    "%%{init}%%", "a:::b", "x\ny", "constructor", "#35;", "(x)", "*", "$", "A--B", '"]', "😀", "a\\b",
    "&amp;", "@{x: y}", "\u202eabc", "C1_a", "Box[int]",
]  # fmt: skip

ID = r"[A-Z][A-Za-z0-9_]*"
TEXT = r"(?:[\w _.,|'\[\]=-]|#\d+;)+"
LINES = (
    rf'    class {ID}(?:\["{TEXT}"\])?(?: \{{)?',
    rf"        {TEXT}: {TEXT}",
    r"    \}",
    rf"    <<abstract>> {ID}",
    rf"    {ID} <\|-- {ID}",
    rf'    {ID} --> "[0-9.*]+" {ID} : {TEXT}',
)
"""What a line may be, of all that mermaid understands."""


def unescaped(text: str) -> str:
    return re.sub(r"#(\d+);", lambda code: chr(int(code[1])), text)


def test_classes_fields_inheritance_and_references(examples: Path) -> None:
    lines = class_diagram(mapping_of(["example_shop"])).splitlines()
    assert lines[0] == "classDiagram"
    for line in (
        "    <<abstract>> Named",
        "    Named <|-- Customer",
        "    Customer <|-- Company",
        '    Order --> "1" Customer : customer',
        '    Order --> "*" Item : lines',
        '    Order --> "0..1" Item : subject',
        '    Order --> "0..1" Customer : subject',
        '    Order --> "0..2" Item : pair',
        '    Order --> "*" Customer : addresses',
        "        addresses: dict[Literal['billing', 'shipping'], Address]",
    ):
        assert lines.count(line) == 1
    assert "    Named <|-- Company" not in lines
    (box,) = [line for line in lines if line.endswith('["Box[int]"] {')]
    assert f"    Box <|-- {box.split('[')[0].split()[1]}" in lines


def test_hostile_names_stay_text() -> None:
    mapping = EntityMapping()
    classes: list[type[Entity]] = []
    for number, name in enumerate(HOSTILE):
        fields: dict[str, Any] = dict.fromkeys(HOSTILE[: number % 9], (int, 1))
        fields["literal"] = (Literal[name, "it's {x} ~y~"], name)  # type: ignore[valid-type]
        if classes:
            fields[f"ref {name}"] = (classes[-1] | None, None)
        made = create_model(name, __base__=Entity, **fields)
        made.__tablename__ = f"hostile_{number}"  # type: ignore[attr-defined]
        classes.append(made)
    mapping.register(*classes)
    lines = class_diagram(mapping).splitlines()[1:]
    assert [line for line in lines if not any(re.fullmatch(form, line) for form in LINES)] == []
    told = {unescaped(line).strip() for line in lines}
    names = [re.fullmatch(rf'    class ({ID})(?:\["(.*)"\])?(?: \{{)?', line) for line in lines]
    shown = [unescaped(name[2] or name[1]) for name in names if name]
    assert sorted(shown) == sorted(HOSTILE)
    assert len({name[1] for name in names if name}) == len(HOSTILE)
    for entity_class in classes:
        for field in mapping.spec(entity_class).fields:
            assert f"{field.name}: {field.node.name}".strip() in told


def test_escaping_loses_nothing() -> None:
    text = "".join(map(chr, range(0x2FF)))
    assert unescaped(escaped(text)) == text
    assert re.fullmatch(TEXT, escaped(text))


class Knot(Entity):
    """Referred to."""


class Other(Entity):
    """Referred to beside it."""


class Pair(NamedTuple):
    left: Knot
    right: Knot | None


class Chain(BaseModel):
    knot: Knot
    rest: Chain | None = None


@pytest.mark.parametrize(
    ("annotation", "shown"),
    [
        (int, "0"),
        (Knot, "1"),
        (Knot | None, "0..1"),
        (Knot | Other, "0..1"),
        (Knot | str, "0..1"),
        (list[Knot], "*"),
        (deque[Knot], "*"),
        (dict[str, Knot], "*"),
        (list[int], "0"),
        (list[list[Knot]] | None, "*"),
        (tuple[Knot, Knot], "2"),
        (tuple[Knot, ...], "*"),
        (tuple[Knot, Other, Knot | None], "1..2"),
        (tuple[Knot, list[Knot]], "1..*"),
        (Pair, "1..2"),
        (Pair | Knot | None, "0..2"),
        (Chain, "1..*"),
    ],
)
def test_multiplicity(annotation: Any, shown: str) -> None:
    holder = create_model("Holder", __base__=Entity, value=(annotation, ...))
    node = parse_field(model_fields(holder, {})["value"])
    assert str(multiplicity(node, Knot)) == shown


def test_the_command_prints_the_diagram_alone(examples: Path) -> None:
    result = run_module("diagram", "example_shop:Order", cwd=examples)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("classDiagram\n    class ")
