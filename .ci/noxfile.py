"""The project's tasks, each in a virtual environment of its own: `nox -f .ci/noxfile.py --list`.

What the checks run is what a contributor runs: `.ci/run` finds the database servers and calls the default
sessions. The tests go against the built and installed wheel: they are copied away from the package's
sources first.
"""

from __future__ import annotations

import functools
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nox

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
BESIDE_TESTS = ("tests", ".ci", "README.md", "pyproject.toml")
BACKENDS = ("memory", "sqlite", "postgresql", "mariadb")
LOCK = "requirements.lock"
# For other versions than those of `tests`: what takes long there is injected faults and the demonstration.
QUICKLY = shlex.split("python -m pytest -q -m 'not slow' --ignore tests/faults --ignore tests/demo")

nox.options.sessions = ["tests", "readme", "lint", "types", "lowest", "newest"]
nox.options.stop_on_first_error = True
nox.options.error_on_missing_interpreters = True


def task(**options: Any) -> Callable[[Callable[[nox.Session], None]], object]:
    """A nox session that runs in the project's folder rather than in this file's."""

    def decorate(function: Callable[[nox.Session], None]) -> object:
        @functools.wraps(function)
        def in_root(session: nox.Session) -> None:
            session.chdir(ROOT)
            function(session)

        return nox.session(in_root, **options)

    return decorate


def _interpreter(*names: str) -> str | None:
    """The first of the names that starts and can make virtual environments."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for name in names:
        # A shim of pyenv's starts in the version that is chosen, and fails in every other.
        for found in filter(None, (shutil.which(name), *pyenv.glob(f"*/bin/{name}"))):
            probe = [str(found), "-c", "import sys, venv, ensurepip; print(sys.executable)"]
            result = subprocess.run(probe, capture_output=True, text=True, check=False)
            if result.returncode == 0:
                return result.stdout.strip()
    return None


def _readme_commands(first: str) -> list[list[str]]:
    """The commands of the README's block that begins with this one, split as a shell would."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    (block,) = (block for block in blocks if block.splitlines()[0] == first)
    return [shlex.split(line) for line in block.splitlines() if line]


def _copy_of_tests(session: nox.Session) -> Path:
    alone = Path(session.virtualenv.location) / "tests_alone"
    shutil.rmtree(alone, ignore_errors=True)
    alone.mkdir()
    for name in BESIDE_TESTS:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, alone / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, alone / name)
    return alone


def _pytest(session: nox.Session, *command: str) -> None:
    """Run a test command beside no sources; where a backend is required, its tests are not skipped."""
    environment = {"PYTEST_ADDOPTS": "-n auto --dist worksteal", "PYTHONPATH": ""}
    if os.environ.get("CI"):
        environment["ECS_SQL_REQUIRE_BACKENDS"] = ",".join(BACKENDS)
    with session.chdir(_copy_of_tests(session)):
        session.run(*command, *session.posargs, env=environment)


@task()
def tests(session: nox.Session) -> None:
    """All tests, by the README's commands, against the wheel and with coverage."""
    install, test = _readme_commands("pip install '.[test]'")
    session.run_install(*install)
    session.install("pytest-cov>=6")
    session.run("python", "--version")
    _pytest(session, *test, "--cov", "--cov-report=term:skip-covered", "--durations=30")


@task()
def readme(session: nox.Session) -> None:
    """The README's other block: an installation without extras, and the main job."""
    install, *jobs = _readme_commands("pip install .")
    session.run_install(*install)
    has_types = "from importlib.resources import files; (files('ecs_sql') / 'py.typed').read_text()"
    session.run("python", "-c", has_types)
    directory = Path(session.virtualenv.location) / "readme"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    with session.chdir(directory):
        for job in (*jobs, *jobs):  # the second time nothing has changed
            session.run(*job)


@task()
def lint(session: nox.Session) -> None:
    """Style, with the locked tools."""
    session.install("--require-hashes", "-r", LOCK)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@task()
def types(session: nox.Session) -> None:
    """Both type checkers, with the locked tools."""
    session.install("--require-hashes", "-r", LOCK)
    session.run("mypy")
    session.run("pyright", "--pythonpath", f"{session.virtualenv.bin}/python")


def _lowest_versions() -> list[str]:
    """The lower end of each dependency and of each extra for users."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    extras = project["optional-dependencies"]
    users = (extra for name in ("postgresql", "mariadb", "strategies") for extra in extras[name])
    return [requirement.replace(">=", "==") for requirement in (*project["dependencies"], *users)]


@task(python=_interpreter("python3.11") or "3.11")
def lowest(session: nox.Session) -> None:
    """The oldest supported Python with the lowest supported versions of everything."""
    session.install(".[test]", *_lowest_versions())
    _pytest(session, *QUICKLY)


@task(python=_interpreter("python3.14", "python3.13", "python3.12") or False)
def newest(session: nox.Session) -> None:
    """The newest Python that is here."""
    if not session.python:
        session.skip("there is no Python beside the one in use")
    session.install(".[test]")
    session.run("python", "--version")
    _pytest(session, *QUICKLY)


@task(default=False)
def lock(session: nox.Session) -> None:
    """Write the lock file anew."""
    session.install("uv")
    command = "uv pip compile pyproject.toml --extra dev --universal --python-version 3.11"
    session.run(
        *command.split(), "--generate-hashes", "--no-emit-index-url", "--no-header", "--upgrade", "-q", "-o", LOCK
    )  # fmt: skip


@task(default=False)
def deep(session: nox.Session) -> None:
    """The laws with tens of thousands of examples."""
    session.install(".[test]")
    session.env["HYPOTHESIS_PROFILE"] = "deep"
    _pytest(session, "python", "-m", "pytest", "-q", "tests/property")


@task(default=False)
def faults(session: nox.Session) -> None:
    """Every fault injection in full."""
    session.install(".[test]")
    _pytest(session, "python", "-m", "tests.faults", "--full", "-n", "2")


@task(default=False)
def bench(session: nox.Session) -> None:
    """The benchmarks; arguments after `--` go to `python -m benchmarks`."""
    session.install(".[bench]")
    session.run("python", "-m", "benchmarks", *(session.posargs or ["--help"]))
