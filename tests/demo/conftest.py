"""A made-up environment to take the inventory of."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ecs_sql.demo import scan


class Site:
    """A directory of installed distributions, as an installer would leave it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def install(self, name: str, version: str, *headers: str, files: tuple[str, ...] = ()) -> None:
        """Install or upgrade: write the metadata, and the record of its files."""
        self.remove(name)
        info = self.path / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *headers]
        (info / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
        record = [f"{path},sha256=abc,{len(path)}" for path in files]
        (info / "RECORD").write_text(
            "\n".join([*record, f"{info.name}/RECORD,,"]) + "\n", encoding="utf-8"
        )
        for path in files:
            (self.path / path).parent.mkdir(parents=True, exist_ok=True)
            (self.path / path).touch()

    def remove(self, name: str) -> None:
        """Uninstall, if it is installed."""
        for info in self.path.glob(f"{name}-*.dist-info"):
            shutil.rmtree(info)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """An environment with a cycle, a chain, a shared author and a module tree."""
    made = Site(tmp_path / "site-packages")
    person = "Author-email: Ada <ada@example.org>"
    made.install(
        "alpha",
        "1.0",
        person,
        "Requires-Dist: beta>=1",
        files=("alpha/__init__.py", "alpha/sub/deep.py"),
    )
    made.install(
        "beta", "1.0", person, "Requires-Dist: Alpha; extra == 'all'", "Requires-Dist: nowhere"
    )
    made.install(
        "gamma",
        "2.0",
        "Requires-Dist: alpha",
        files=("gamma.py", "__pycache__/gamma.cpython-311.pyc"),
    )
    made.install("omega", "0.1", "Summary: Stands alone")
    monkeypatch.setattr(scan, "search_path", lambda: [str(made.path)])
    return made
