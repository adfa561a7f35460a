"""The MLflow folder of a model that recommends: arrays go in and come out."""

from __future__ import annotations

from pathlib import Path

import mlflow
import numpy as np
import pyarrow as pa
from deltalake import write_deltalake

from dbx_dl.contracts import HistoryFeature, HistorySpec, IdFeature, Ranking, Target
from dbx_dl.export.onnx_model import write_model
from dbx_dl.register.model_folder import describe_signature, read_example, write_model_folder
from dbx_dl.tasks import TaskSettings, task_of
from dbx_dl.transforms.columns import TabularEncoder
from tests.onnx_models import describe_onnx, make_metadata, make_network, make_weights
from tests.prepared_tables import describe

NAMES = ("ant", "bee", "cat")
SPEC = HistorySpec(
    users=(IdFeature(column="user", vocabulary=("ann", "bob")),),
    history=HistoryFeature(column="history", max_length=3, vocabulary=NAMES),
)
TARGET = Target(task="recommendation", column="label", label_names=NAMES, ranking=Ranking(top_k=2))


def test_mlflow_recommends_from_arrays(tmp_path: Path) -> None:
    rows = pa.table(
        {
            "key": ["a", "b", "c"],
            "user": ["ann", None, "eve"],
            "history": pa.array([["ant", "bee"], [], None], pa.list_(pa.string())),
            "label_index": pa.array([0, 1, 2], pa.int32()),
            "split": ["test"] * 3,
        }
    )
    write_deltalake(tmp_path / "table", rows, partition_by=["split"])
    prepared = describe(tmp_path / "table", 0, {"test": 3}, SPEC, NAMES).model_copy(update={"target": TARGET})
    metadata = make_metadata(SPEC, NAMES).model_copy(update={"target": TARGET})
    weights = make_weights(SPEC, len(NAMES))
    write_model(make_network(SPEC, weights), metadata, tmp_path / "m.onnx", 10**9)
    signature = describe_signature(metadata)
    assert [(c["name"], c["type"], c["required"]) for c in signature.inputs.to_dict()] == [
        ("user", "string", True),
        ("history", "array", False),
    ]
    assert [c["name"] for c in signature.outputs.to_dict()] == ["items", "scores", "error"]
    write_model_folder(describe_onnx(prepared, tmp_path / "m.onnx"), tmp_path / "folder")
    found = mlflow.pyfunc.load_model(str(tmp_path / "folder")).predict(read_example(prepared))
    ids = TabularEncoder(SPEC).encode(rows)
    expected = task_of(TARGET).predict(ids.astype(np.float32) @ weights, TaskSettings())
    assert [list(row) for row in found["items"]] == [[NAMES[int(k)] for k in row] for row in expected[..., 0]]
    np.testing.assert_allclose(np.stack(found["scores"].to_list()), expected[..., 1], atol=1e-6)
