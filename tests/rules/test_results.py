"""The table of results in docs/: it is what its rows say, and after the matrix every network and task has its rows."""

from __future__ import annotations

from typing import Any

import pytest

from dbx_dl.frameworks.architectures import ARCHITECTURES
from dbx_dl.metrics import is_better
from dbx_dl.tasks import TASKS
from tests.e2e.results import list_missing, read_rows, render_table
from tests.rules.source_files import ROOT

RESULTS = ROOT / "docs" / "results.json"


def test_the_page_says_what_the_rows_say() -> None:
    page = RESULTS.with_suffix(".md").read_text()
    assert page == render_table(read_rows(RESULTS)), "write it by `python -m tests.e2e.results docs`"


def test_names_without_a_row_are_told() -> None:
    rows = {"a": {"network": "mlp", "framework": "keras", "task": "binary", "data": "x"}}
    assert list_missing(rows, "network", ["mlp", "lstm"]) == ["mlp with torch", "lstm with keras", "lstm with torch"]
    assert list_missing(rows, "task", ["binary"]) == ["binary with torch"]


@pytest.mark.matrix
@pytest.mark.parametrize(("kind", "names"), [("network", ARCHITECTURES), ("task", TASKS)], ids=["network", "task"])
def test_every_network_and_every_task_has_its_rows(kind: str, names: dict[str, object]) -> None:
    missing = list_missing(read_rows(RESULTS), kind, names)
    assert not missing, f"no row in docs/results.json for {', '.join(missing)}: run its matrix test with DBX_DL_RESULTS"


@pytest.mark.matrix
def test_every_row_has_a_falling_loss_and_a_baseline_that_is_beaten() -> None:
    rows = read_rows(RESULTS)
    assert [name for name, row in rows.items() if not is_learned(row)] == []
    assert [name for name, row in rows.items() if not is_beaten(row)] == []


def is_learned(row: dict[str, Any]) -> bool:
    """Whether the loss fell, or there was nothing to train."""
    first, last = row["loss"]
    return bool(last < first) or ARCHITECTURES[row["network"]].is_counted


def is_beaten(row: dict[str, Any]) -> bool:
    """Whether a baseline is stated and the metric better."""
    ((metric, value),) = row["metric"].items()
    return row["baseline"] is not None and is_better(metric, value, row["baseline"])
