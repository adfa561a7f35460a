"""The site: its reference has every config key, command and public function, and it builds without a warning."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import dbx_dl
from dbx_dl.command_examples import EXAMPLES
from dbx_dl.config import RunConfig
from tests.docs.blocks import ROOT

sys.path.insert(0, str(ROOT / "docs"))
from reference_pages import write_reference


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The generated pages by name."""
    return {path.name: path.read_text() for path in write_reference(tmp_path_factory.mktemp("reference"))}


def _list_keys(schema: dict[str, Any]) -> set[tuple[str, str]]:
    """Every (section's name, key) of the schema that pydantic makes of a run config."""
    sections = {"RunConfig": schema, **schema["$defs"]}
    return {(name, key) for name, section in sections.items() for key in section.get("properties", {})}


def test_every_config_key_is_in_the_reference(reference: dict[str, str]) -> None:
    from reference_pages import walk_sections

    documented: dict[str, set[str]] = {}
    parts = re.split(r"^## .*$", reference["config.md"], flags=re.MULTILINE)[1:]
    for part, (_, section) in zip(parts, walk_sections(RunConfig, ""), strict=True):
        documented.setdefault(section.__name__, set()).update(re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE))
    missing = {(name, key) for name, key in _list_keys(RunConfig.model_json_schema()) if key not in documented[name]}
    assert missing == set()


def test_every_section_says_what_it_is(reference: dict[str, str]) -> None:
    for part in re.split(r"^## ", reference["config.md"], flags=re.MULTILINE)[1:]:
        title, text = part.split("\n", 1)
        assert not text.strip().startswith("|"), f"{title} has no docstring"


def test_every_key_is_told_what_it_is_for(reference: dict[str, str]) -> None:
    """By the text of its section; sections in it have texts of their own, and `kind` and `format` are in the titles."""
    from reference_pages import walk_sections

    parts = re.split(r"^## .*$", reference["config.md"], flags=re.MULTILINE)[1:]
    untold = [
        f"{place}.{key}"
        for part, (place, section) in zip(parts, walk_sections(RunConfig, ""), strict=True)
        for key, told in re.findall(r"^\| `(\w+)` \| ([^|]*)", part, re.MULTILINE)
        if key not in ("kind", "format") and "section" not in told
        if not re.search(rf"\b{key}\b", part.partition("| key |")[0])
    ]
    assert untold == []


def test_every_command_and_function_is_in_the_reference(reference: dict[str, str]) -> None:
    assert [name for name in EXAMPLES if f"## dbx-dl {name}\n" not in reference["commands.md"]] == []
    assert [name for name in dbx_dl.__all__ if f"dbx_dl.{name}\n" not in reference["functions.rst"]] == []


@pytest.mark.matrix
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("sphinx", reason="the extra `docs` is not installed: make docs installs it")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "docs", str(tmp_path)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert built.returncode == 0, built.stderr
    page = (tmp_path / "reference" / "python.html").read_text()
    assert [name for name in dbx_dl.__all__ if f'id="dbx_dl.{name}"' not in page] == []
