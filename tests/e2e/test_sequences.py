"""Texts that are written, of dates and of images, by the runs in conf/runs, with both frameworks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import deltalake
import numpy as np
import pytest
import yaml

from dbx_dl.contracts import OnnxModel, Promotion, ScoredTable
from dbx_dl.demo.dates import COPIED, write_dates
from dbx_dl.demo.digit_words import draw_digit_words
from tests.e2e.conftest import ROOT, CallCli
from tests.e2e.results import keep_result

TITLES = {"dates": "dates", "digit_words": "digits in a row"}
# The least share of exact texts of the test split.
LIMITS = {"dates": 0.9, "digit_words": 0.8}


@pytest.mark.matrix
@pytest.mark.parametrize("name", TITLES)
def test_a_run_writes_texts(tmp_path: Path, call_cli: CallCli, name: str) -> None:
    assert call_cli("demo", "--data-only", directory=tmp_path).returncode == 0
    config = yaml.safe_load((ROOT / "conf" / "runs" / f"{name}.yml").read_text())
    (tmp_path / "run.yml").write_text(yaml.safe_dump(config))
    printed = call_cli("run", "run.yml", directory=tmp_path)
    assert printed.returncode == 0, printed.stderr[-3000:]
    place = tmp_path / "dbx_dl_demo"
    meant, baseline = read_truth(name)
    for framework in ("keras", "torch"):
        model = OnnxModel.load(place / "runs" / name / framework / "onnx.json")
        assert model.metrics["exact_match"] > LIMITS[name]
        assert model.parity.max_abs_difference <= 1e-5 and model.parity.share_equal_classes == 1
        for metric, value in model.metrics.items():
            assert value == pytest.approx(model.trained.metrics[f"test_{metric}"], rel=1e-9)
        figures = place / "runs" / name / framework / "figures"
        assert (figures / "sample_predictions.png").is_file() and (figures / "attention.png").is_file()
        keep_result(model, TITLES[name], baseline)
    assert Promotion.load(place / "runs" / name / "promotion.json").champion_version is not None
    scored = ScoredTable.load(place / "runs" / name / "scored.json")
    assert (scored.num_rows, scored.num_errors) == (len(meant), 0)
    check_scores(deltalake.DeltaTable(scored.table.path).to_pyarrow_table().to_pylist(), meant, config)


def read_truth(name: str) -> tuple[dict[str, str], float]:
    """The true text of every key, and the share of test rows that are right without a network."""
    if name == "dates":
        return {key: iso for key, _, iso in write_dates()}, COPIED
    rows = [(key, words, split) for key, _, words, split in draw_digit_words()]
    in_test = Counter(words for _, words, split in rows if split == "test")
    return {key: words for key, words, _ in rows}, max(in_test.values()) / in_test.total()


def check_scores(scores: list[dict[str, Any]], meant: dict[str, str], config: dict[str, Any]) -> None:
    """Most texts are right, and tokens and probabilities belong to them."""
    joiner = config["prepare"].get("label_text", {}).get("joiner", " ")
    assert np.mean([row["text"] == meant[row["key"]] for row in scores]) > LIMITS[config["name"]]
    for row in scores:
        assert row["text"] == joiner.join(row["tokens"]) and len(row["tokens"]) == len(row["probabilities"])
        assert row["probability"] <= np.prod(row["probabilities"]) * 1.0001
    assert len({len(row["tokens"]) for row in scores}) > 1
