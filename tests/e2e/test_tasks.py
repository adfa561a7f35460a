"""Labels that are not classes, from JSON lines to predictions, with trained weights of both frameworks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import deltalake
import numpy as np
import pytest
import yaml

from dbx_dl.contracts import OnnxModel, Promotion, ScoredTable
from tests.e2e.conftest import CallCli
from tests.e2e.results import keep_result, score_alike

TITLES = {"multilabel": "breast cancer", "count": "diabetes", "regression": "diabetes"}
LIMITS = {"multilabel": ("f1_micro", 0.85), "count": ("mae", 60.0), "regression": ("r2", 0.3)}


@pytest.mark.matrix
@pytest.mark.parametrize("task", LIMITS)
def test_a_task_goes_the_whole_way(tmp_path: Path, call_cli: CallCli, task: str) -> None:
    lines = read_lines(task)
    (tmp_path / "in.json").write_text("\n".join(map(json.dumps, lines)))
    (tmp_path / "run.yml").write_text(yaml.safe_dump(configure(task)))
    printed = call_cli("run", "run.yml", directory=tmp_path)
    assert printed.returncode == 0, printed.stderr[-3000:]
    for framework in ("keras", "torch"):
        model = OnnxModel.load(tmp_path / "run" / framework / "onnx.json")
        assert model.parity.max_abs_difference <= 1e-4
        for name, value in model.metrics.items():
            assert value == pytest.approx(model.trained.metrics[f"test_{name}"], rel=1e-4, abs=1e-6)
        keep_result(model, TITLES[task], score_alike(model, answer_alike(task, lines)))
    metric, limit = LIMITS[task]
    promotion = Promotion.load(tmp_path / "run" / "promotion.json")
    best = promotion.values[promotion.champion_version or 0]
    assert best < limit if metric == "mae" else best > limit
    scored = ScoredTable.load(tmp_path / "run" / "scored.json")
    assert (scored.num_rows, scored.num_errors) == (len(lines), 0)
    check_predictions(
        deltalake.DeltaTable(str(tmp_path / "tables" / "scores")).to_pyarrow_table().to_pylist(), lines, task
    )


def configure(task: str) -> dict[str, Any]:
    source = {"source": "in.json", "source_format": "json", "key": "id"}
    return {
        "name": "tasks",
        "directory": "run",
        "frameworks": ["keras", "torch"],
        "tracking": {"uri": "sqlite:///m.db", "artifacts": "artifacts"},
        "prepare": {"kind": "table", **source, "table": "./tables/rows", "label": "y", "task": task},
        "train": {
            "network": "mlp",
            "num_ranks": 2,
            "batch_size": 16,
            "num_epochs": 25,
            "optimizer": {"name": "adam", "learning_rate": 0.01},
        },
        "registry": {"name": "tasks", "metric": LIMITS[task][0]},
        "score": {**source, "model": "models:/tasks@champion", "table": "./tables/scores"},
    }


def read_lines(task: str) -> list[dict[str, Any]]:
    """Diabetes patients with the progression of their illness, or cells with what is large or rough about them."""
    from sklearn.datasets import load_breast_cancer, load_diabetes

    data = load_breast_cancer() if task == "multilabel" else load_diabetes()
    columns = {name.replace(" ", "_"): data.data[:, place] for place, name in enumerate(data.feature_names)}
    labels: list[Any] = data.target.tolist() if task == "regression" else list(map(int, data.target))
    if task == "multilabel":
        marks = {name: columns[f"mean_{name}"] > np.median(columns[f"mean_{name}"]) for name in ("radius", "texture")}
        labels = [[name for name, is_marked in marks.items() if is_marked[row]] for row in range(len(data.data))]
    return [
        {"id": f"{row:03d}", "y": label, **{name: float(values[row]) for name, values in columns.items()}}
        for row, label in enumerate(labels)
    ]


def answer_alike(task: str, lines: list[dict[str, Any]]) -> np.ndarray:
    """The best prediction that does not look at the row: all labels, or the mean."""
    return np.full(2, 0.9) if task == "multilabel" else np.array(np.mean([line["y"] for line in lines]))


def check_predictions(rows: list[dict[str, Any]], lines: list[dict[str, Any]], task: str) -> None:
    """The predictions' fields are the task's, and most of them are near the truth."""
    truth = {line["id"]: line["y"] for line in lines}
    assert {row["key"] for row in rows} == set(truth)
    if task == "multilabel":
        assert np.mean([set(row["labels"]) == set(truth[row["key"]]) for row in rows]) > 0.7
        assert all(len(row["probabilities"]) == 2 for row in rows)
    else:
        values = np.array([row["value"] for row in rows])
        assert np.corrcoef(values, [truth[row["key"]] for row in rows])[0, 1] > 0.5
