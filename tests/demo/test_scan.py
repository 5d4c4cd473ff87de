"""The scan finds what is installed, and merging it keeps the entities that are already known."""

from __future__ import annotations

from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ecs_sql.demo import scan
from ecs_sql.demo.inventory import (
    Distribution,
    Environment,
    all_entities,
    dependants,
    environment_facts,
    environment_lineage,
    module_tree,
)

if TYPE_CHECKING:
    from tests.demo.conftest import Site


def scanned(site: Site) -> Environment:
    environment = scan.new_environment(site.path)
    scan.merge(environment, scan.installed([str(site.path)]))
    return environment


def by_name(environment: Environment) -> dict[str, Distribution]:
    return {item.name: item for item in environment.distributions}


def test_every_part_of_the_environment_is_found(site: Site) -> None:
    items = by_name(scanned(site))
    assert list(items) == ["alpha", "beta", "gamma", "omega"]
    assert items["omega"].summary == "Stands alone"
    assert [file.path for file in items["alpha"].files] == [
        "alpha-1.0.dist-info/RECORD",
        "alpha/__init__.py",
        "alpha/sub/deep.py",
    ]
    assert (items["alpha"].files[1].size, items["alpha"].files[1].digest) == (17, "sha256=abc")
    assert (items["alpha"].files[0].size, items["alpha"].files[0].digest) == (None, None)


def test_requirements_point_at_what_is_installed_and_keep_the_text_of_the_rest(site: Site) -> None:
    items = by_name(scanned(site))
    assert items["alpha"].requires[0].distribution is items["beta"]
    assert items["beta"].requires[0].distribution is items["alpha"]
    assert [(need.text, need.distribution) for need in items["beta"].requires][1:] == [
        ("nowhere", None)
    ]


def test_an_author_is_shared(site: Site) -> None:
    items = by_name(scanned(site))
    assert items["alpha"].authors[0] is items["beta"].authors[0]
    assert (items["alpha"].authors[0].name, items["alpha"].authors[0].email) == (
        "Ada",
        "ada@example.org",
    )


def test_modules_make_a_tree_with_parents(site: Site) -> None:
    roots = by_name(scanned(site))["alpha"].modules
    tree = [(module.name, module.kind) for module in module_tree(roots)]
    assert tree == [("alpha", "package"), ("alpha.sub", "namespace"), ("alpha.sub.deep", "module")]
    assert roots[0].parent is None
    assert roots[0].children[0].parent is roots[0]


def test_bytecode_caches_are_left_out(site: Site) -> None:
    assert not any("__pycache__" in file.path for file in by_name(scanned(site))["gamma"].files)


def test_what_an_interrupted_installation_left_behind_is_left_out(site: Site) -> None:
    (site.path / "broken-1.0.dist-info").mkdir()
    undecodable = site.path / "latin-1.0.dist-info"
    undecodable.mkdir()
    (undecodable / "METADATA").write_bytes(b"Name: latin\nSummary: caf\xe9\n")
    assert list(by_name(scanned(site))) == ["alpha", "beta", "gamma", "omega"]


def test_a_second_scan_changes_neither_objects_nor_content(site: Site) -> None:
    environment = scanned(site)
    facts = environment_facts(environment)
    objects = [entity.live_id for entity in all_entities(environment)]
    scan.merge(environment, scan.installed([str(site.path)]))
    assert environment_facts(environment) == facts
    assert [entity.live_id for entity in all_entities(environment)] == objects


def test_merging_updates_adds_and_drops_and_keeps_notes(site: Site) -> None:
    environment = scanned(site)
    alpha = by_name(environment)["alpha"]
    alpha.note = "mine"
    site.install("alpha", "1.1", files=("alpha/__init__.py",))
    site.install("delta", "3")
    site.remove("gamma")
    scan.merge(environment, scan.installed([str(site.path)]))
    assert list(by_name(environment)) == ["alpha", "beta", "delta", "omega"]
    assert by_name(environment)["alpha"] is alpha
    assert (alpha.version, alpha.note, len(alpha.files), alpha.modules[0].children) == (
        "1.1",
        "mine",
        2,
        [],
    )


def test_progress_is_told_of_each_distribution(site: Site) -> None:
    told: list[None] = []
    scan.merge(
        scan.new_environment(site.path), scan.installed([str(site.path)]), lambda: told.append(None)
    )
    assert len(told) == 4


def test_dependants_count_each_distribution_once_and_not_itself(site: Site) -> None:
    site.install(
        "gamma",
        "2.0",
        "Requires-Dist: alpha",
        "Requires-Dist: alpha; extra == 'x'",
        "Requires-Dist: gamma",
    )
    assert dependants(scanned(site)) == {"alpha": 2, "beta": 1, "gamma": 0, "omega": 0}


def test_the_lineage_of_an_environment_depends_on_its_place_alone() -> None:
    assert environment_lineage(Path("/a")) == environment_lineage(Path("/a"))
    assert environment_lineage(Path("/a")) != environment_lineage(Path("/b"))


def test_the_program_s_own_directory_is_not_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.path", ["/program", "/site"])
    assert scan.search_path() == ["/site"]


@pytest.mark.parametrize(
    ("headers", "people"),
    [
        ({}, []),
        ({"Author": "Ada"}, [("Ada", None)]),
        ({"Author": "UNKNOWN", "Author-email": "UNKNOWN"}, []),
        ({"Author": "Ada", "Author-email": "ada@x.org"}, [("Ada", "ada@x.org")]),
        ({"Author-email": "ada@x.org"}, [("ada@x.org", "ada@x.org")]),
        (
            {"Author": "Eve", "Author-email": "Ada <ada@x.org>"},
            [("Eve", None), ("Ada", "ada@x.org")],
        ),
        ({"Author-email": "=?utf-8?q?Ad=C3=A1?= <ada@x.org>"}, [("Adá", "ada@x.org")]),
        ({"Author-email": "=?nonsense?q?Ada?= <ada@x.org>"}, [("=?nonsense?q?Ada?=", "ada@x.org")]),
        ({"Author": "Ada", "Maintainer": "Ada"}, [("Ada", None)]),
    ],
)
def test_people(headers: dict[str, str], people: list[tuple[str, str | None]], site: Site) -> None:
    site.install("solo", "1", *(f"{name}: {value}" for name, value in headers.items()))
    authors = by_name(scanned(site))["solo"].authors
    assert [(author.name, author.email) for author in authors] == people


@pytest.mark.parametrize(
    ("headers", "keywords", "urls"),
    [
        ((), [], {}),
        (
            ("Keywords: sql, orm ,", "Home-page: https://x.org"),
            ["sql", "orm"],
            {"Home-page": "https://x.org"},
        ),
        (
            ("Keywords: sql orm", "Project-URL: Docs, https://d.org"),
            ["sql", "orm"],
            {"Docs": "https://d.org"},
        ),
    ],
)
def test_keywords_and_urls(
    headers: tuple[str, ...], keywords: list[str], urls: dict[str, str], site: Site
) -> None:
    site.install("solo", "1", *headers)
    solo = by_name(scanned(site))["solo"]
    assert (solo.keywords, solo.urls) == (keywords, urls)


def test_modules_of_every_kind(site: Site) -> None:
    suffix = EXTENSION_SUFFIXES[0]
    site.install(
        "kinds",
        "1",
        files=(f"a/fast{suffix}", "a/__init__.py", "../bin/tool.py", "a/not-a-name/x.py", "a.py"),
    )
    tree = [
        (module.name, module.kind)
        for module in module_tree(by_name(scanned(site))["kinds"].modules)
    ]
    assert tree == [("a", "package"), ("a.fast", "extension")]
