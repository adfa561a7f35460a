"""A label for every step of signals, from JSON lines to arrays of labels, with both frameworks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import deltalake
import numpy as np
import pytest
import yaml

from dbx_dl.contracts import OnnxModel, Promotion, ScoredTable, StepsSpec
from tests.e2e.conftest import CallCli
from tests.e2e.results import keep_result
from tests.regimes import measure_guesses, write_signals

NUM_ROWS = 500


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("network", "options"),
    [("gru", {"units": 24, "is_bidirectional": True}), ("lstm", {"units": 24, "is_bidirectional": True})],
)
def test_every_step_gets_a_label(tmp_path: Path, call_cli: CallCli, network: str, options: dict[str, Any]) -> None:
    rows = write_signals(NUM_ROWS)
    uneven = {**rows[0], "id": "uneven", "y": rows[0]["y"][1:]}
    (tmp_path / "in.json").write_text("\n".join(map(json.dumps, [*rows, uneven])))
    (tmp_path / "run.yml").write_text(yaml.safe_dump(configure(network, options)))
    printed = call_cli("run", "run.yml", directory=tmp_path)
    assert printed.returncode == 0, printed.stderr[-3000:]
    best, alone = (measure_guesses(rows, with_neighbours=known) for known in (True, False))
    for framework in ("keras", "torch"):
        model = OnnxModel.load(tmp_path / "run" / framework / "onnx.json")
        assert isinstance(model.trained.prepared.inputs, StepsSpec)
        assert model.trained.prepared.reject_reasons == {"uneven_steps": 1}
        # Each step by itself gives 0.64, all steps of a row to who knows how they are made 0.85.
        assert alone + 0.1 < model.metrics["accuracy"] < best + 0.03
        assert model.parity.max_abs_difference <= 1e-5
        for name, value in model.metrics.items():
            assert value == pytest.approx(model.trained.metrics[f"test_{name}"], rel=1e-4, abs=1e-6)
        keep_result(model, "signals", alone)
    assert Promotion.load(tmp_path / "run" / "promotion.json").champion_version is not None
    scored = ScoredTable.load(tmp_path / "run" / "scored.json")
    assert (scored.num_rows, scored.num_errors) == (NUM_ROWS + 1, 1)
    scores = deltalake.DeltaTable(str(tmp_path / "tables" / "scores")).to_pyarrow_table().to_pylist()
    found = {row["key"]: row for row in scores}
    assert found["uneven"]["error"].startswith("uneven_steps: arrays of one row must be equally long")
    assert all(len(found[row["id"]]["labels"]) == len(row["x"]) for row in rows)
    right = [
        label == truth for row in rows for label, truth in zip(found[row["id"]]["labels"], row["regime"], strict=True)
    ]
    assert np.mean(right) > alone + 0.1


def configure(network: str, options: dict[str, Any]) -> dict[str, Any]:
    """The run's YAML."""
    source = {"source": "in.json", "source_format": "json", "key": "id"}
    prepare = {"label": "regime", "task": "frames", "columns": {"x": "steps", "y": "steps"}}
    return {
        "name": "regimes",
        "directory": "run",
        "frameworks": ["keras", "torch"],
        "tracking": {"uri": "sqlite:///m.db", "artifacts": "artifacts"},
        "prepare": {"kind": "table", **source, "table": "./tables/rows", **prepare},
        "train": {
            "network": network,
            "network_options": options,
            "num_ranks": 2,
            "batch_size": 8,
            "num_epochs": 12,
            "optimizer": {"name": "adam", "learning_rate": 0.01, "decay": "cosine", "clip_norm": 1.0},
        },
        "registry": {"name": "regimes", "metric": "accuracy"},
        "score": {**source, "model": "models:/regimes@champion", "table": "./tables/scores"},
    }
