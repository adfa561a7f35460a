"""A text beside other columns: neither tells the label without the other, and one file takes them all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import deltalake
import numpy as np
import pytest
import yaml

from dbx_dl.contracts import OnnxModel, Promotion, ScoredTable, TextAndColumnsSpec
from dbx_dl.demo.reviews import BAD_WORDS, GOOD_WORDS, THINGS
from tests.e2e.conftest import CallCli
from tests.e2e.results import keep_result, share_of_largest_class

NUM_ROWS = 1200
# Ironic readers mean the opposite of what they write: both together tell all, the text or the tone alone nothing.
BEST = 1.0


@pytest.mark.matrix
def test_a_text_is_read_beside_other_columns(tmp_path: Path, call_cli: CallCli) -> None:
    lines = write_lines()
    (tmp_path / "in.json").write_text("\n".join(map(json.dumps, lines)))
    (tmp_path / "run.yml").write_text(yaml.safe_dump(configure()))
    printed = call_cli("run", "run.yml", directory=tmp_path)
    assert printed.returncode == 0, printed.stderr[-3000:]
    for framework in ("keras", "torch"):
        model = OnnxModel.load(tmp_path / "run" / framework / "onnx.json")
        assert isinstance(model.trained.prepared.inputs, TextAndColumnsSpec)
        assert share_of_largest_class(model) < 0.6 < 0.95 * BEST < model.metrics["accuracy"]
        assert model.parity.max_abs_difference <= 1e-5
        for name, value in model.metrics.items():
            assert value == pytest.approx(model.trained.metrics[f"test_{name}"], rel=1e-4, abs=1e-6)
        keep_result(model, "ironic reviews", share_of_largest_class(model))
    assert Promotion.load(tmp_path / "run" / "promotion.json").champion_version is not None
    scored = ScoredTable.load(tmp_path / "run" / "scored.json")
    assert (scored.num_rows, scored.num_errors) == (NUM_ROWS, 0)
    rows = deltalake.DeltaTable(str(tmp_path / "tables" / "scores")).to_pyarrow_table().to_pylist()
    truth = {line["id"]: line["mood"] for line in lines}
    assert np.mean([row["label"] == truth[row["key"]] for row in rows]) > 0.97


def write_lines() -> list[dict[str, Any]]:
    """Sentences of praise or blame, the tone of them, a number that is sometimes missing, and what is meant."""
    random = np.random.default_rng(3)
    lines = []
    for number in range(NUM_ROWS):
        is_praise, is_ironic = random.random() < 0.5, random.random() < 0.5
        words = ["the", str(random.choice(THINGS)), "was", str(random.choice(GOOD_WORDS if is_praise else BAD_WORDS))]
        lines.append(
            {
                "id": f"{number:04d}",
                "review": " ".join([*words, *random.choice(["again", "today", "really", "there"], random.integers(5))]),
                "tone": "ironic" if is_ironic else "plain",
                "visits": None if random.random() < 0.1 else int(random.integers(1, 30)),
                "mood": "happy" if is_praise != is_ironic else "angry",
            }
        )
    return lines


def configure() -> dict[str, Any]:
    """The run's YAML."""
    source = {"source": "in.json", "source_format": "json", "key": "id"}
    columns = {"review": "text", "tone": "categorical", "visits": "numeric"}
    return {
        "name": "moods",
        "directory": "run",
        "frameworks": ["keras", "torch"],
        "tracking": {"uri": "sqlite:///m.db", "artifacts": "artifacts"},
        "prepare": {"kind": "table", **source, "table": "./tables/rows", "label": "mood", "columns": columns},
        "train": {
            "network": "text_and_columns",
            "network_options": {"embedding_width": 16, "filters": 16, "hidden_units": 32, "dropout": 0.1},
            "num_ranks": 2,
            "batch_size": 16,
            "num_epochs": 12,
            "optimizer": {"name": "adam", "learning_rate": 0.005},
        },
        "registry": {"name": "moods", "metric": "accuracy", "threshold": 0.95},
        "score": {**source, "model": "models:/moods@champion", "table": "./tables/scores"},
    }
