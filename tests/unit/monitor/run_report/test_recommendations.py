"""Recommendations on the page: rows of the test split with what was chosen and what was recommended."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from dbx_dl.contracts import HistoryFeature, HistorySpec, PreparedTable, Ranking, Target
from dbx_dl.errors import DataError
from dbx_dl.monitor.run_report.page import render_report
from dbx_dl.monitor.run_report.recommendations import choose_rows, read_ranked
from tests.prepared_tables import describe
from tests.unit.monitor.run_report.finished_run import finished_run, found_evidence

NAMES = ("ant", "bee", "<cat>")
SPEC = HistorySpec(users=(), history=HistoryFeature(column="history", max_length=20, vocabulary=NAMES))


@pytest.fixture
def prepared(tmp_path: Path) -> PreparedTable:
    """Three test rows, and what a training wrote of them into `run`."""
    histories = [["ant"] * 9 + ["bee"], None, []]
    rows = pa.table(
        {
            "key": ["u|1", "v|2", "w|3"],
            "history": pa.array(histories, pa.list_(pa.string())),
            "label_index": pa.array([2, 0, 1], pa.int32()),
            "split": ["test"] * 3,
        }
    )
    write_deltalake(str(tmp_path / "table"), rows, partition_by=["split"])
    (tmp_path / "run").mkdir()
    predictions = np.array([[[2, 0.75], [0, 0.25]], [[1, 0.5], [2, 0.5]], [[0, 1.0], [-1, 0.0]]], np.float32)
    labels = np.array([2, 0, 1])
    np.savez(
        tmp_path / "run" / "test_predictions.npz", keys=["u|1", "v|2", "w|3"], labels=labels, predictions=predictions
    )
    target = Target(task="recommendation", column="label", label_names=NAMES, ranking=Ranking(top_k=2))
    return describe(tmp_path / "table", 0, {"test": 3}, SPEC, NAMES).model_copy(update={"target": target})


def test_rows_have_their_latest_items_and_no_items_that_are_none(prepared: PreparedTable, tmp_path: Path) -> None:
    rows = choose_rows(prepared, read_ranked(tmp_path / "run"))
    assert [row.history for row in rows] == [("ant",) * 7 + ("bee",), (), ()]
    assert [row.truth for row in rows] == ["<cat>", "ant", "bee"]
    assert rows[0].items == (("<cat>", 0.75), ("ant", 0.25)) and rows[2].items == (("ant", 1.0),)
    with pytest.raises(DataError, match="train the network again"):
        read_ranked(tmp_path)


def test_rows_are_found_by_their_keys(prepared: PreparedTable, tmp_path: Path) -> None:
    """Files of another order; and a table that lacks a row, as of other interactions."""
    write_deltalake(
        str(tmp_path / "table"),
        pa.table(
            {
                "key": ["w|3", "u|1"],
                "history": pa.array([["bee"], ["ant"]], pa.list_(pa.string())),
                "label_index": pa.array([1, 2], pa.int32()),
                "split": ["test"] * 2,
            }
        ),
        mode="overwrite",
    )
    ranked = read_ranked(tmp_path / "run")
    assert [row.history for row in choose_rows(prepared, ranked)][1:] == [(), ()]
    later = prepared.model_copy(update={"table": prepared.table.model_copy(update={"version": 1})})
    assert [row.history for row in choose_rows(later, ranked)] == [("ant",), (), ("bee",)]


def test_the_page_shows_hit_rates_and_marks_what_was_chosen(prepared: PreparedTable, tmp_path: Path) -> None:
    ranked = read_ranked(tmp_path / "run")
    outcome = replace(finished_run("table"), prepared=prepared)
    evidence = replace(
        found_evidence(finished_run("table")),
        predictions={},
        samples=[],
        score_labels={},
        rankings={"torch": ranked},
        recommended=choose_rows(prepared, ranked),
    )
    page = render_report([(outcome, evidence)], title="items")
    assert "Hit rate" in page and "of 3 test rows" in page
    assert 'tag good">&lt;cat&gt;' in page and "<cat>" not in page
