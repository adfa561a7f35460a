"""A calibration inside a graph gives what it gives outside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from dbx_dl.contracts import Calibration, CalibrationMethod, FeatureSpec, NumericFeature
from dbx_dl.export.onnx_model import write_model
from dbx_dl.metrics.calibration import calibrate_scores
from tests.onnx_models import make_metadata, make_network

SPEC = FeatureSpec(features=(NumericFeature(column="x", fill=0.0, center=0.0, scale=1.0),))


@pytest.mark.parametrize("method", ["platt", "temperature"])
def test_a_calibration_is_part_of_the_file(tmp_path: Path, method: CalibrationMethod) -> None:
    calibration = Calibration(method=method, slopes=(2.0, 0.5, -1.0), offsets=(0.1, 0.0, -0.2))
    weights = np.array([[1.0, -2.0, 0.5]], np.float32)
    metadata = make_metadata(SPEC, ("a", "b", "c"), calibration=calibration)
    write_model(make_network(SPEC, weights), metadata, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    rows = np.array([-1e4, -3.0, 0.0, 0.7, 20.0, 1e4])
    (found,) = session.run(["probabilities"], {"x": rows})
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, calibrate_scores(rows[:, None] @ weights, calibration), atol=1e-6)
