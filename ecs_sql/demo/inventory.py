"""The inventory of a Python environment: its entity classes, and questions about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypeAlias
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import BaseModel, Field

from ecs_sql.entity import Entity
from ecs_sql.storage.protocol import EntityStorage

ModuleKind: TypeAlias = Literal["package", "namespace", "module", "extension"]
"""What a module is: a directory with or without an `__init__`, a source file, or compiled code."""

Facts: TypeAlias = dict[str, object]
"""The content of an entity as plain data, without ids."""


class Author(Entity):
    """A person or group; one entity however many distributions name them."""

    name: str
    email: str | None = None


class InstalledFile(Entity):
    """A file of a distribution, as its installer recorded it."""

    path: str
    size: int | None = None
    digest: str | None = None


class Module(Entity):
    """A node of a module tree: it knows its parent and its children."""

    name: str
    kind: ModuleKind
    parent: Module | None = None
    children: list[Module] = Field(default_factory=list)


class Requirement(BaseModel):
    """What a distribution requires, and the distribution that is installed under that name, if any."""

    text: str
    distribution: Distribution | None = None


class Distribution(Entity):
    """An installed distribution; `note` is the reader's own, a scan never touches it."""

    name: str
    version: str
    summary: str | None = None
    licence: str | None = None
    requires_python: str | None = None
    keywords: list[str] = Field(default_factory=list)
    classifiers: list[str] = Field(default_factory=list)
    urls: dict[str, str] = Field(default_factory=dict)
    authors: list[Author] = Field(default_factory=list)
    requires: list[Requirement] = Field(default_factory=list)
    files: list[InstalledFile] = Field(default_factory=list)
    modules: list[Module] = Field(default_factory=list)
    note: str | None = None


class Environment(Entity):
    """The root: a Python environment and all that is installed in it, sorted by name."""

    prefix: Path
    python: str
    distributions: list[Distribution] = Field(default_factory=list)


def environment_lineage(prefix: Path) -> UUID:
    """The lineage of the environment at `prefix`: the same in every run."""
    return uuid5(NAMESPACE_URL, prefix.absolute().as_uri())


def latest_inventory(storage: EntityStorage, prefix: Path) -> Environment | None:
    """The newest stored version of the inventory of `prefix`, freshly loaded; None before the first."""
    versions = storage.get_lineage_ids(environment_lineage(prefix))
    return storage.get(versions[-1], Environment) if versions else None


def all_entities(environment: Environment) -> list[Entity]:
    """The environment and everything in it, each entity once."""
    return [environment, *environment.get_sub_entities()]


def module_tree(roots: list[Module]) -> Iterator[Module]:
    """The modules below `roots` and these themselves, parents before children, in order."""
    waiting = roots[::-1]
    while waiting:
        module = waiting.pop()
        yield module
        waiting.extend(reversed(module.children))


def dependants(environment: Environment) -> Counter[str]:
    """By how many distributions each distribution is required, by its name."""
    counts = Counter({item.name: 0 for item in environment.distributions})
    for item in environment.distributions:
        names = {
            requirement.distribution.name
            for requirement in item.requires
            if requirement.distribution
        }
        counts.update(names - {item.name})
    return counts


def distribution_facts(item: Distribution) -> Facts:
    """What a scan finds of a distribution, field by field, without ids: those it requires are named."""
    return {
        "version": item.version,
        "summary": item.summary,
        "licence": item.licence,
        "requires_python": item.requires_python,
        "keywords": list(item.keywords),
        "classifiers": list(item.classifiers),
        "urls": list(item.urls.items()),
        "authors": [(author.name, author.email) for author in item.authors],
        "requires": [
            (need.text, need.distribution and need.distribution.name) for need in item.requires
        ],
        "files": [(file.path, file.size, file.digest) for file in item.files],
        "modules": [
            (module.name, module.kind, module.parent and module.parent.name)
            for module in module_tree(item.modules)
        ],
    }


def scanned_facts(environment: Environment) -> dict[str, Facts]:
    """What a scan finds: the facts of each distribution by its name, and of Python itself."""
    facts = {item.name: distribution_facts(item) for item in environment.distributions}
    return {"(Python)": {"version": environment.python}, **facts}


def environment_facts(environment: Environment) -> Facts:
    """The whole inventory as plain data, notes and order included."""
    return {
        "prefix": environment.prefix,
        "notes": [(item.name, item.note) for item in environment.distributions],
        "scanned": scanned_facts(environment),
    }
