"""Read the environment through `importlib.metadata`, and merge what is found into an inventory.

The merge is in place: what was known keeps its entity and with it its lineage, so storing the
inventory again forks what changed and nothing else. Only what an installer wrote is read, never the
state of a file itself: what a running program leaves behind is not an installation.
"""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.utils import getaddresses
from importlib import metadata
from importlib.machinery import EXTENSION_SUFFIXES, SOURCE_SUFFIXES
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from ecs_sql.demo.inventory import (
    Author,
    Distribution,
    Environment,
    InstalledFile,
    Module,
    ModuleKind,
    Requirement,
    environment_lineage,
    module_tree,
)

Person: TypeAlias = tuple[str, str | None]

_REQUIRED_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


def environment_prefix() -> Path:
    """Where the running environment lies."""
    return Path(sys.prefix)


def search_path() -> list[str]:
    """The directories that make up the environment: `sys.path` without the running program's own."""
    return list(sys.path) if sys.flags.safe_path else sys.path[1:]


def installed(paths: list[str]) -> dict[str, metadata.Distribution]:
    """The distributions below `paths` by normalized name, sorted; of two with one name the first."""
    found: dict[str, metadata.Distribution] = {}
    for source in metadata.distributions(path=paths):
        name = _readable_name(source)
        if name is not None:
            found.setdefault(normalized(name), source)
    return dict(sorted(found.items()))


def normalized(name: str) -> str:
    """The one spelling by which distribution names are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def new_environment(prefix: Path) -> Environment:
    """An empty inventory of `prefix`, with the lineage that every run finds again."""
    return Environment(
        lineage_id=environment_lineage(prefix), prefix=prefix, python=platform.python_version()
    )


def merge(
    environment: Environment,
    found: Mapping[str, metadata.Distribution],
    advance: Callable[[], object] = lambda: None,
) -> None:
    """Make `environment` say what `found` says; entities already known are changed in place.

    `advance` is called after each distribution.
    """
    known = {normalized(item.name): item for item in environment.distributions}
    current = {key: known.get(key) or Distribution(name=key, version="") for key in found}
    authors = {
        (author.name, author.email): author for item in known.values() for author in item.authors
    }
    for key, source in found.items():
        _refresh(current[key], source, current, authors)
        advance()
    environment.python = platform.python_version()
    environment.distributions = list(current.values())


def _refresh(
    item: Distribution,
    source: metadata.Distribution,
    current: Mapping[str, Distribution],
    authors: dict[Person, Author],
) -> None:
    header = source.metadata
    item.name = _first(header, "Name") or item.name
    item.version = _first(header, "Version") or ""
    item.summary = _first(header, "Summary")
    item.licence = _first(header, "License-Expression", "License")
    item.requires_python = _first(header, "Requires-Python")
    item.keywords = _keywords(_first(header, "Keywords"))
    item.classifiers = header.get_all("Classifier") or []
    item.urls = _urls(header)
    item.authors = [
        authors.setdefault(person, Author(name=person[0], email=person[1]))
        for person in _people(header)
    ]
    item.requires = [_requirement(text, current) for text in source.requires or []]
    item.files = _files(source.files or [], item.files)
    item.modules = _modules([PurePosixPath(file.path) for file in item.files], item.modules)


def _readable_name(source: metadata.Distribution) -> str | None:
    """The name in the metadata; None of what an interrupted installation left behind."""
    try:
        return _first(source.metadata, "Name")
    except (FileNotFoundError, UnicodeDecodeError):
        return None


def _first(header: metadata.PackageMetadata, *names: str) -> str | None:
    """The first of the named metadata fields that says anything."""
    for name in names:
        value = str(header[name]).strip() if name in header else ""
        if value and value != "UNKNOWN":
            return value
    return None


def _keywords(text: str | None) -> list[str]:
    separator = "," if "," in (text or "") else None
    return [word.strip() for word in (text or "").split(separator) if word.strip()]


def _urls(header: metadata.PackageMetadata) -> dict[str, str]:
    home = _first(header, "Home-page")
    urls = {"Home-page": home} if home else {}
    for entry in header.get_all("Project-URL") or []:
        label, _, url = str(entry).partition(",")
        urls.setdefault(label.strip(), url.strip())
    return urls


def _people(header: metadata.PackageMetadata) -> list[Person]:
    """Authors, then maintainers, each once."""
    people: dict[Person, None] = {}
    for role in ("Author", "Maintainer"):
        name, addresses = _first(header, role), _first(header, f"{role}-email")
        people.update(dict.fromkeys(_addressed(name, addresses)))
    return list(people)


def _addressed(name: str | None, addresses: str | None) -> list[Person]:
    """The people of one role: named in one metadata field, addressed in another, or both."""
    pairs = [(_decoded(label), email) for label, email in getaddresses([addresses or ""]) if email]
    if addresses and not pairs:
        return [(name or addresses, addresses if name else None)]
    if name and len(pairs) == 1 and not pairs[0][0]:
        return [(name, pairs[0][1])]
    people: list[Person] = [(label or email, email) for label, email in pairs]
    if name and name not in {label for label, _ in people}:
        people.insert(0, (name, None))
    return people


def _decoded(label: str) -> str:
    """The label in plain text where it is encoded as in a mail header, else as it is."""
    try:
        return str(make_header(decode_header(label)))
    except (HeaderParseError, LookupError, UnicodeDecodeError):
        return label


def _requirement(text: str, current: Mapping[str, Distribution]) -> Requirement:
    name = _REQUIRED_NAME.match(text)
    return Requirement(text=text, distribution=current.get(normalized(name[1])) if name else None)


def _files(
    recorded: Iterable[metadata.PackagePath], known: list[InstalledFile]
) -> list[InstalledFile]:
    """The recorded files, sorted; bytecode caches come and go without an installation and are left out."""
    files = {file.path: file for file in known}
    entries = {
        str(PurePosixPath(*entry.parts)): entry
        for entry in recorded
        if "__pycache__" not in entry.parts
    }
    return [
        _file(files.get(path) or InstalledFile(path=path), entries[path])
        for path in sorted(entries)
    ]


def _file(file: InstalledFile, entry: metadata.PackagePath) -> InstalledFile:
    file.size = int(entry.size) if entry.size is not None else None
    file.digest = f"{entry.hash.mode}={entry.hash.value}" if entry.hash else None
    return file


def _modules(paths: list[PurePosixPath], known: list[Module]) -> list[Module]:
    """The top of the module tree that these files make up."""
    kinds = _module_kinds(paths)
    modules = {module.name: module for module in module_tree(known)}
    current: dict[str, Module] = {}
    for name in sorted(kinds):
        module = current[name] = modules.get(name) or Module(name=name, kind=kinds[name])
        module.kind = kinds[name]
        module.parent = current.get(name.rpartition(".")[0])
        module.children = []
        if module.parent is not None:
            module.parent.children.append(module)
    return [module for module in current.values() if module.parent is None]


def _module_kinds(paths: list[PurePosixPath]) -> dict[str, ModuleKind]:
    """The dotted name of each module among `paths`, and of the packages around it."""
    kinds: dict[str, ModuleKind] = {}
    for path in paths:
        found = _module_at(path)
        if found is None:
            continue
        parts, kind = found
        for length in range(1, len(parts)):
            kinds.setdefault(".".join(parts[:length]), "namespace")
        name = ".".join(parts)
        if kinds.get(name, "namespace") == "namespace" or kind == "package":
            kinds[name] = kind
    return kinds


def _module_at(path: PurePosixPath) -> tuple[tuple[str, ...], ModuleKind] | None:
    for suffix in [*EXTENSION_SUFFIXES, *SOURCE_SUFFIXES]:
        if not path.name.endswith(suffix):
            continue
        parts = (*path.parts[:-1], path.name.removesuffix(suffix))
        if not all(part.isidentifier() for part in parts):
            return None
        if parts[-1] == "__init__" and len(parts) > 1:
            return parts[:-1], "package"
        return parts, "module" if suffix in SOURCE_SUFFIXES else "extension"
    return None
