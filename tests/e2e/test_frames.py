"""A label for every token of a text, from JSON lines to arrays of labels, with both frameworks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import deltalake
import numpy as np
import pytest
import yaml

from dbx_dl.contracts import OnnxModel, Promotion, ScoredTable
from dbx_dl.demo.reviews import BAD_WORDS, GOOD_WORDS, THINGS
from tests.e2e.conftest import CallCli
from tests.e2e.results import keep_result

NUM_ROWS = 600
# What each word's most frequent tag is right about; the word before it tells the rest.
BASELINE = 0.9


@pytest.mark.matrix
def test_every_token_gets_a_label(tmp_path: Path, call_cli: CallCli) -> None:
    lines = write_lines()
    (tmp_path / "in.json").write_text("\n".join(map(json.dumps, lines)))
    (tmp_path / "run.yml").write_text(yaml.safe_dump(configure()))
    printed = call_cli("run", "run.yml", directory=tmp_path)
    assert printed.returncode == 0, printed.stderr[-3000:]
    for framework in ("keras", "torch"):
        model = OnnxModel.load(tmp_path / "run" / framework / "onnx.json")
        assert model.metrics["accuracy"] > 0.98
        assert model.parity.max_abs_difference <= 1e-5
        for name, value in model.metrics.items():
            assert value == pytest.approx(model.trained.metrics[f"test_{name}"], rel=1e-4, abs=1e-6)
        keep_result(model, "tagged words", BASELINE)
    assert Promotion.load(tmp_path / "run" / "promotion.json").champion_version is not None
    scored = ScoredTable.load(tmp_path / "run" / "scored.json")
    assert (scored.num_rows, scored.num_errors) == (NUM_ROWS, 0)
    rows = deltalake.DeltaTable(str(tmp_path / "tables" / "scores")).to_pyarrow_table().to_pylist()
    truth = {line["id"]: line["tags"] for line in lines}
    assert all(len(row["labels"]) == len(truth[row["key"]]) == len(row["frames"]) for row in rows)
    assert np.mean([row["labels"] == truth[row["key"]] for row in rows]) > 0.95


def write_lines() -> list[dict[str, Any]]:
    """Sentences whose words are tagged: things, praise and blame (which `not` turns round), and others."""
    random = np.random.default_rng(3)
    lines = []
    for number in range(NUM_ROWS):
        words, tags = [], []
        for _ in range(int(random.integers(1, 4))):
            is_good, is_turned = random.random() < 0.5, random.random() < 0.5
            thing = str(random.choice(THINGS)).split()[0]
            clause = [
                "the",
                thing,
                "was",
                *["not"] * is_turned,
                str(random.choice(GOOD_WORDS if is_good else BAD_WORDS)),
            ]
            words += clause
            tags += ["other", "thing", *["other"] * (len(clause) - 3), "praise" if is_good != is_turned else "blame"]
        lines.append({"id": f"{number:04d}", "text": " ".join(words), "tags": tags})
    return lines


def configure() -> dict[str, Any]:
    """The run's YAML."""
    source = {"source": "in.json", "source_format": "json", "key": "id"}
    prepare = {"label": "tags", "task": "frames", "columns": {"text": "text"}}
    return {
        "name": "tags",
        "directory": "run",
        "frameworks": ["keras", "torch"],
        "tracking": {"uri": "sqlite:///m.db", "artifacts": "artifacts"},
        "prepare": {"kind": "table", **source, "table": "./tables/rows", **prepare},
        "train": {
            "network": "lstm",
            "network_options": {"units": 16, "embedding_width": 16},
            "num_ranks": 2,
            "batch_size": 8,
            "num_epochs": 10,
            "optimizer": {"name": "adam", "learning_rate": 0.01},
        },
        "registry": {"name": "tags", "metric": "accuracy", "threshold": 0.95},
        "score": {**source, "model": "models:/tags@champion", "table": "./tables/scores"},
    }
