"""Texts that are written of texts, from CSV to a column of texts, with both frameworks."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import deltalake
import numpy as np
import pytest
import yaml

from dbx_dl.contracts import OnnxModel, PreparedTable, Promotion, ScoredTable
from dbx_dl.demo.dates import COPIED, write_dates
from tests.e2e.conftest import CallCli
from tests.e2e.results import keep_result

NUM_ROWS = 900


@pytest.mark.matrix
def test_dates_are_written_anew(tmp_path: Path, call_cli: CallCli) -> None:
    rows = write_dates(NUM_ROWS)
    with (tmp_path / "in.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "written", "iso"), *rows, ("none", "3 May 1999", "")])
    (tmp_path / "run.yml").write_text(yaml.safe_dump(configure()))
    printed = call_cli("run", "run.yml", directory=tmp_path)
    assert printed.returncode == 0, printed.stderr[-3000:]
    check_preparation(PreparedTable.load(tmp_path / "run" / "prepared.json"))
    for framework in ("keras", "torch"):
        model = OnnxModel.load(tmp_path / "run" / framework / "onnx.json")
        assert model.metrics["exact_match"] > 0.9
        assert model.parity.max_abs_difference <= 1e-5 and model.parity.share_equal_classes == 1
        for name, value in model.metrics.items():
            assert value == pytest.approx(model.trained.metrics[f"test_{name}"], rel=1e-9)
        keep_result(model, "dates", COPIED)
    assert Promotion.load(tmp_path / "run" / "promotion.json").champion_version is not None
    scored = ScoredTable.load(tmp_path / "run" / "scored.json")
    assert (scored.num_rows, scored.num_errors) == (NUM_ROWS + 1, 0)
    check_scores(deltalake.DeltaTable(str(tmp_path / "tables" / "scores")).to_pyarrow_table().to_pylist(), rows)


def check_preparation(prepared: PreparedTable) -> None:
    """Vocabulary and length are those of the labels; a row without one is rejected."""
    text = prepared.target.text
    assert text is not None and text.max_length == 3 and {"2007", "03"} <= set(text.vocabulary)
    assert (prepared.num_rejects, prepared.reject_reasons) == (1, {"no_label": 1})
    assert prepared.target.label_names == () and prepared.class_rows == {}


def check_scores(scores: list[dict[str, Any]], rows: list[tuple[str, str, str]]) -> None:
    """Most texts are right, and tokens and probabilities belong to them."""
    meant = {key: iso for key, _, iso in rows}
    assert np.mean([row["text"] == meant[row["key"]] for row in scores if row["key"] in meant]) > 0.9
    for row in scores:
        assert row["text"] == "-".join(row["tokens"]) and len(row["tokens"]) == len(row["probabilities"])
        assert row["probability"] <= np.prod(row["probabilities"]) * 1.0001
    assert {len(row["tokens"]) for row in scores} == {2, 3}


def configure() -> dict[str, Any]:
    """The run's YAML: that of conf/runs on fewer rows, with its own places."""
    run: dict[str, Any] = yaml.safe_load(Path("conf/runs/dates.yml").read_text())
    run |= {"directory": "run", "tracking": {"uri": "sqlite:///m.db", "artifacts": "artifacts"}}
    run["prepare"] |= {"source": "in.csv", "table": "./tables/rows"}
    run["score"] |= {"source": "in.csv", "table": "./tables/scores"}
    return run
