"""What the metrics gate compares with: training's metrics, and with sample weights those of its predictions."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dbx_dl.export.onnx_model import _read_training


def test_sample_weights_do_not_count(tmp_path: Path) -> None:
    target = SimpleNamespace(task="regression")
    metrics = {"test_mae": 9.0, "validation_mae": 8.0}
    trained: Any = SimpleNamespace(directory=str(tmp_path), prepared=SimpleNamespace(target=target), metrics=metrics)
    assert _read_training(trained) == ({"mae": 9.0}, {})
    rows = {"keys": np.array(["a", "b"]), "labels": np.array([1.0, 2.0]), "predictions": np.array([2.0, 5.0])}
    np.savez(tmp_path / "test_predictions.npz", **rows)
    assert _read_training(trained) == ({"mae": 9.0}, {"a": 2.0, "b": 5.0})
    np.savez(tmp_path / "test_predictions.npz", sample_weights=np.array([1.0, 0.0]), **rows)
    assert _read_training(trained)[0]["mae"] == pytest.approx(2.0)
