"""All mapping faults at once, class by class, each with its remedy."""

from __future__ import annotations

from itertools import groupby

from rich.console import Group, RenderableType
from rich.text import Text

from ecs_sql.cli.output import indented, stderr
from ecs_sql.errors import MappingError, MappingFault, class_name


def print_faults(error: MappingError) -> None:
    """Tell every fault of every class on stderr."""
    count = "1 fault" if len(error.faults) == 1 else f"{len(error.faults)} faults"
    title = Text.assemble(("Error: ", "bold red"), f"the classes cannot be mapped, {count}")
    by_class = sorted(error.faults, key=lambda fault: class_name(fault.entity_class))
    groups = groupby(by_class, lambda fault: class_name(fault.entity_class))
    stderr().print(title, *(_of_class(name, list(faults)) for name, faults in groups), sep="\n")


def _of_class(name: str, faults: list[MappingFault]) -> RenderableType:
    return Group(Text(""), Text(name, "bold cyan"), *map(_shown, faults))


def _shown(fault: MappingFault) -> RenderableType:
    lines = [(4, Text(fault.reason)), (4, Text.assemble(("remedy: ", "green"), fault.remedy))]
    if fault.field is not None:
        where = Text.assemble((fault.field, "bold"), f": {fault.annotation_text}")
        lines.insert(0, (2, where))
    return Group(*(indented(text, columns) for columns, text in lines))
