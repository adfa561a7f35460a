"""The MLflow folder of a model that takes every kind of column: signature, example, and predictions through MLflow."""

from __future__ import annotations

import json
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from dbx_dl.contracts import PreparedTable
from dbx_dl.metrics import softmax
from dbx_dl.register.model_folder import describe_signature, read_example, write_model_folder
from tests.onnx_models import describe_onnx, make_metadata, write_linear_model
from tests.plain_encoding import ALL_KINDS, Cells, encode_plainly, to_table
from tests.prepared_tables import describe

CELLS: Cells = {
    "size": [None, 3.0, float("inf")],
    "when": [1_700_000_000_000_000, None, -62_135_596_800_000_000],
    "colour": ["red", None, "unseen"],
    "is_new": [None, 1.0, 0.0],
    "customer": [None, "ü", "9007199254740993"],
    "vector": [[1.0, 2.0, 3.0], None, [0.0, 0.0, 1.0]],
    "price": [None, 5.0, 6.0],
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedTable:
    folder = tmp_path_factory.mktemp("kinds")
    table = to_table(ALL_KINDS, CELLS)
    added = {"key": ["a", "b", "c"], "label_index": [0, 1, 0], "split": ["test"] * 3}
    for name, values in added.items():
        table = table.append_column(name, pa.array(values))
    write_deltalake(folder, table, partition_by=["split"])
    return describe(folder, 0, {"test": 3}, ALL_KINDS, ("down", "up"))


def test_the_signature_names_every_raw_column() -> None:
    columns = describe_signature(make_metadata(ALL_KINDS, ("down", "up"))).inputs.to_dict()
    assert [(c["name"], c["type"], c["required"]) for c in columns] == [
        ("size", "double", True),
        ("when", "datetime", True),
        ("colour", "string", True),
        ("is_new", "double", True),
        ("customer", "string", True),
        ("vector", "array", False),
        ("price", "double", True),
    ]


def test_the_example_has_times_that_mlflow_takes(prepared: PreparedTable) -> None:
    example = read_example(prepared)
    assert example is not None and list(example.columns) == list(ALL_KINDS.columns)
    assert example["when"].tolist()[0] == pd.Timestamp(1_700_000_000, unit="s")
    assert example["when"].isna().tolist() == [False, True, True]


@pytest.mark.parametrize("inline_bytes", [10**9, 64], ids=["whole", "weights beside the file"])
def test_mlflow_scores_the_folder(tmp_path: Path, prepared: PreparedTable, inline_bytes: int) -> None:
    weights = write_linear_model(tmp_path / "m.onnx", ALL_KINDS, inline_bytes=inline_bytes)
    write_model_folder(describe_onnx(prepared, tmp_path / "m.onnx"), tmp_path / "folder")
    assert json.loads((tmp_path / "folder" / "input_example.json").read_text())["columns"] == list(ALL_KINDS.columns)
    near = {**CELLS, "when": [*CELLS["when"][:2], None]}
    expected = softmax(encode_plainly(ALL_KINDS, near).astype(np.float32) @ weights)
    found = mlflow.pyfunc.load_model(str(tmp_path / "folder")).predict(read_example(prepared))
    np.testing.assert_allclose(np.stack(found["probabilities"]), expected, atol=1e-6)
