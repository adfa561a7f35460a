"""AlphaGo's policy network at few filters learns the move of a rule, from generated positions to scores in Spark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import deltalake
import numpy as np
import pytest
import yaml

from dbx_dl.contracts import OnnxModel, Promotion, ScoredTable
from tests.e2e.conftest import CallCli
from tests.e2e.results import keep_result, share_of_largest_class
from tests.go_board import NUM_POINTS
from tests.go_positions import name_point, write_positions

NUM_PER_POINT = 6
# The rule is certain: 1.0 can be reached, and what is named most often is right about 0.01 of the test split.
LIMIT = 0.85


@pytest.mark.matrix
@pytest.mark.timeout(1200)  # rows of 17,328 numbers, which two busy cores take minutes for at every stage
def test_moves_are_learned_and_scored(tmp_path: Path, call_cli: CallCli) -> None:
    positions = write_positions(tmp_path / "positions.parquet", NUM_PER_POINT)
    (tmp_path / "run.yml").write_text(yaml.safe_dump(configure()))
    printed = call_cli("run", "run.yml", directory=tmp_path)
    assert printed.returncode == 0, printed.stderr[-3000:]
    for framework in ("keras", "torch"):
        model = OnnxModel.load(tmp_path / "run" / framework / "onnx.json")
        assert model.trained.prepared.target.label_names == tuple(map(name_point, range(NUM_POINTS)))
        assert share_of_largest_class(model) < 0.02 < LIMIT < model.metrics["accuracy"]
        assert model.parity.max_abs_difference <= 1e-5
        for name, value in model.metrics.items():
            assert value == pytest.approx(model.trained.metrics[f"test_{name}"], rel=1e-4, abs=1e-6)
        keep_result(model, "Go positions", share_of_largest_class(model))
    assert Promotion.load(tmp_path / "run" / "promotion.json").champion_version is not None
    scored = ScoredTable.load(tmp_path / "run" / "scored.json")
    assert (scored.num_rows, scored.num_errors) == (NUM_PER_POINT * NUM_POINTS, 0)
    table = deltalake.DeltaTable(str(tmp_path / "tables" / "scores")).to_pyarrow_table(columns=["key", "label"])
    moves = [name_point(point) for point in positions.points]
    assert np.mean([row["label"] == moves[int(row["key"])] for row in table.to_pylist()]) > 0.9


def configure() -> dict[str, Any]:
    """The run's YAML; positions of one game stay in one split."""
    source = {"source": "positions.parquet", "source_format": "parquet", "key": "id"}
    columns = {"planes": {"kind": "embedding", "size": 19 * 19 * 48}, "game": "ignore"}
    prepare = {"label": "move", "columns": columns, "split": {"group": "game"}}
    return {
        "name": "go",
        "directory": "run",
        "frameworks": ["keras", "torch"],
        "tracking": {"uri": "sqlite:///m.db", "artifacts": "artifacts"},
        "prepare": {"kind": "table", **source, "table": "./tables/rows", **prepare},
        "train": {
            "network": "go_policy",
            "network_options": {"filters": 16},
            "num_ranks": 2,
            "batch_size": 8,
            "num_epochs": 8,
            "optimizer": {"name": "adam", "learning_rate": 0.003, "warmup_epochs": 1, "decay": "cosine"},
        },
        "registry": {"name": "go", "metric": "accuracy", "threshold": LIMIT},
        "score": {**source, "model": "models:/go@champion", "table": "./tables/scores"},
    }
