"""The pages run: README and tutorial on fewer images with every `make test`, all of them with `make test-docs`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, list_pages
from tests.e2e.conftest import run_python

# Pages stand on what the tutorial left; these are run in this order in one folder.
TUTORIAL = ("docs/tutorial.md",)
OTHERS = [page for path in list_pages() if (page := path.relative_to(ROOT).as_posix()) not in ("README.md", *TUTORIAL)]


def _run(pages: tuple[str, ...], folder: Path, *options: str) -> dict[str, str | None]:
    """The error that ended each page, or None."""
    ended = run_python("-m", "tests.docs.run_pages", *options, *pages, directory=folder, PYTHONPATH=str(ROOT))
    found = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith('{"page"')]
    assert len(found) == len(pages), ended.stderr[-3000:]
    said = f"\n{ended.stderr[-2000:]}"
    return {result["page"]: result["error"] and result["error"] + said for result in found}


def test_readme_and_tutorial_run(tmp_path: Path) -> None:
    """As they stand, but on thirty images of each class."""
    assert _run((*TUTORIAL, "README.md"), tmp_path, "--keep-files", "30") == {TUTORIAL[0]: None, "README.md": None}


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    """What became of each page, on all images."""
    return _run((*TUTORIAL, *OTHERS), tmp_path_factory.mktemp("docs"))


@pytest.mark.matrix
@pytest.mark.timeout(3600)  # the first one runs all pages
@pytest.mark.parametrize("page", [*TUTORIAL, *OTHERS])
def test_page_runs(page: str, errors: dict[str, str | None]) -> None:
    assert errors[page] is None, errors[page]
