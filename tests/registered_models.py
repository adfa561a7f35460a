"""Models written by hand and registered in a real MLflow store, for tests of register and serving."""

from pathlib import Path

import numpy as np

from dbx_dl import register_model
from dbx_dl.config import RegisterConfig, TrackingConfig
from dbx_dl.contracts import OnnxModel, PreparedTable, RegisteredModel
from dbx_dl.export.onnx_model import write_model
from dbx_dl.runtime.tracking import ensure_experiment, open_client
from tests.onnx_models import describe_onnx, make_metadata, make_network, make_weights

GOOD = np.array([[-1, 1], [-1, 1], [0, 0], [0, 0], [0, 0]], np.float32)  # the label is the sign of x + y


def start_run(tracking: TrackingConfig) -> str:
    client = open_client(tracking.uri)
    return client.create_run(ensure_experiment(client, tracking)).info.run_id


def make_onnx(
    folder: Path, prepared: PreparedTable, tracking: TrackingConfig, weights: np.ndarray | None = None
) -> OnnxModel:
    folder.mkdir(parents=True, exist_ok=True)
    weights = make_weights(prepared.inputs, 2) if weights is None else weights
    metadata = make_metadata(prepared.inputs, prepared.target.label_names, prepared.table)
    write_model(make_network(prepared.inputs, weights), metadata, folder / "model.onnx")
    return describe_onnx(prepared, folder / "model.onnx", {"accuracy": 0.75}, start_run(tracking))


def register(
    folder: Path, prepared: PreparedTable, tracking: TrackingConfig, name: str, weights: np.ndarray | None = None
) -> RegisteredModel:
    model = make_onnx(folder, prepared, tracking, weights)
    return register_model(model, RegisterConfig(name=name), tracking=tracking)
