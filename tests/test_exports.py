"""The package root: what it exports, and that it costs nothing until it is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

import ecs_sql
from ecs_sql import exports
from tests.cli.processes import environment


def run(program: str) -> None:
    subprocess.run([sys.executable, "-c", program], env=environment(), check=True, text=True)


@pytest.mark.parametrize("name", exports.__all__)
def test_every_exported_name_is_there(name: str) -> None:
    assert getattr(ecs_sql, name) is getattr(exports, name)
    assert name in dir(ecs_sql)


def test_a_star_import_gives_the_exported_names() -> None:
    run("from ecs_sql import *; import ecs_sql; assert set(ecs_sql.__all__) <= set(globals())")


def test_other_names_are_refused_as_of_any_module() -> None:
    with pytest.raises(AttributeError, match="module 'ecs_sql' has no attribute 'nothing'"):
        _ = ecs_sql.nothing  # type: ignore[attr-defined]
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        from ecs_sql import nothing  # type: ignore[attr-defined]  # noqa: F401, PLC0415


@pytest.mark.parametrize("name", ["errors", "Entity", "EntityMapping"])
def test_each_name_may_be_the_first(name: str) -> None:
    run(f"from ecs_sql import {name}; import ecs_sql; assert ecs_sql.{name} is {name}")


def test_importing_the_root_or_asking_for_help_imports_no_sqlalchemy() -> None:
    run(
        "import sys\n"
        "from ecs_sql.cli import main\n"
        "for arguments in (['--help'], ['types', '--help'], ['demo', '--help']):\n"
        "    sys.argv = ['ecs_sql', *arguments]\n"
        "    try:\n"
        "        main()\n"
        "    except SystemExit as end:\n"
        "        assert not end.code\n"
        "assert 'sqlalchemy' not in sys.modules\n"
    )
