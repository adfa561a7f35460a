"""The wheel: only dbx_dl, with all that it reads and its licence, and nothing heavy unless an extra is asked for."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from email import message_from_string
from email.message import Message
from importlib.metadata import requires
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dbx_dl import __version__
from tests.rules.source_files import ROOT
from tests.rules.test_import_budget import HEAVY

NEEDED = {"pydantic", "pyyaml", "typer", "rich"}
DATA = {
    "py.typed",
    "monitor/run_report/report.html.j2",
    "explain/page/explanations.html.j2",
    "register/card/card.html.j2",
    "label/page/static/index.html",
    "label/page/static/main.js",
    "runtime/jars.txt",
    "runtime/log4j2.properties",
    "starter/files/run.yml",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built offline of a copy, so that the checkout stays as it is."""
    place = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT / "dbx_dl", place / "dbx_dl", ignore=shutil.ignore_patterns("__pycache__"))
    (place / "tests").mkdir()
    (place / "tests" / "__init__.py").write_text("")
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, place / name)
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-index", "--no-build-isolation"]
    built = subprocess.run([*command, "-w", "dist", "."], cwd=place, capture_output=True, text=True, timeout=300)
    assert built.returncode == 0, built.stderr
    (path,) = (place / "dist").glob("*.whl")
    return path


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    """What the wheel says of itself."""
    with ZipFile(wheel) as file:
        return message_from_string(file.read(f"dbx_dl-{__version__}.dist-info/METADATA").decode())


def test_it_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names} == {"dbx_dl", f"dbx_dl-{__version__}.dist-info"}
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "dbx_dl").rglob("*") if path.is_file()}
    wanted = {name for name in files if "__pycache__" not in name}
    assert sorted(wanted - set(names)) == [], "setup.py's package_data leaves these out"
    assert [name for name in DATA if f"dbx_dl/{name}" not in names] == []


def test_it_says_its_version_and_licence(wheel: Path, metadata: Message) -> None:
    assert metadata["Version"] == __version__ and wheel.name == f"dbx_dl-{__version__}-py3-none-any.whl"
    assert metadata["License"] == "Apache-2.0"
    assert set(metadata.get_all("License-File", [])) == {"LICENSE", "NOTICE"}


def test_nothing_heavy_comes_without_an_extra(metadata: Message) -> None:
    asked = [Requirement(line) for line in metadata.get_all("Requires-Dist", [])]
    plain = {canonicalize_name(need.name) for need in asked if "extra" not in str(need.marker or "")}
    assert plain == NEEDED
    brought: set[str] = set()
    for name in plain:
        _follow(name, brought)
    assert brought & (HEAVY | {"scikit-learn", "delta-spark", "numpy"}) == set()


def test_it_works_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    ZipFile(wheel).extractall(tmp_path / "installed")
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from dbx_dl.cli import main; main()"
    command = [sys.executable, "-c", code, str(tmp_path / "installed"), "init", "flowers"]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env={"PATH": ""})
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "flowers" / "run.yml").is_file()


def test_changelog_and_badges_tell_the_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    versions = re.findall(r"^## (\S+)", changelog, re.MULTILINE)
    assert versions[0] == "Unreleased" and versions[1] == __version__
    readme = (ROOT / "README.md").read_text()
    badges = dict(re.findall(r"img\.shields\.io/badge/(\w+)-(\S+)-informational", readme))
    assert badges == {
        "version": __version__,
        "python": "3.11_to_3.13",
        "spark": "4.0_and_4.1",
        "types": "mypy_strict",
        "license": "Apache_2.0",
    }
    setup = (ROOT / "setup.py").read_text()
    assert 'python_requires=">=3.11"' in setup and "pyspark[connect]>=4.0,<4.2" in setup
    assert (ROOT / "LICENSE").read_text().lstrip().startswith("Apache License\n")


def _follow(name: str, found: set[str]) -> None:
    """The package and all that it brings, of what is installed here."""
    if name in found:
        return
    found.add(name)
    for line in requires(name) or ():
        need = Requirement(line)
        if need.marker is None or need.marker.evaluate({"extra": ""}):
            _follow(canonicalize_name(need.name), found)
