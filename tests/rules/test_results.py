"""The table of results in docs/: it is what its rows say, and after the matrix every network has its rows."""

from __future__ import annotations

import pytest

from dbx_dl.frameworks.architectures import ARCHITECTURES
from tests.e2e.results import list_missing, read_rows, render_table
from tests.rules.source_files import ROOT

RESULTS = ROOT / "docs" / "results.json"


def test_the_page_says_what_the_rows_say() -> None:
    page = RESULTS.with_suffix(".md").read_text()
    assert page == render_table(read_rows(RESULTS)), "write it by `python -m tests.e2e.results docs`"


def test_networks_without_a_row_are_named() -> None:
    rows = {"a": {"network": "mlp", "framework": "keras", "task": "binary", "data": "x"}}
    assert list_missing(rows, ["mlp", "lstm"]) == ["mlp with torch", "lstm with keras", "lstm with torch"]


@pytest.mark.matrix
def test_every_network_has_its_rows() -> None:
    missing = list_missing(read_rows(RESULTS), ARCHITECTURES)
    assert not missing, f"no row in docs/results.json for {', '.join(missing)}: run its matrix test with DBX_DL_RESULTS"
