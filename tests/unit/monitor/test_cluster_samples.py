"""Rows by which clusters are told are read some at a time, and are the same as if all were read at once."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dbx_dl.contracts import Target
from dbx_dl.export.onnx_model import write_model
from dbx_dl.feed.rows import read_rows
from dbx_dl.monitor.clusters import sampling
from dbx_dl.transforms.columns import TabularEncoder
from tests.onnx_models import make_metadata, make_network, make_weights
from tests.prepared_tables import SPEC, write_feature_table

TARGET = Target(task="clustering", column="label", num_clusters=3)


def make_model(folder: Path) -> tuple[Any, np.ndarray]:
    """A file whose clusters are those of a linear network, and that network's weights."""
    prepared = write_feature_table(folder / "table", {"train": 20, "test": 100}).model_copy(update={"target": TARGET})
    weights = make_weights(SPEC, 6, seed=1)
    metadata = make_metadata(SPEC, (), prepared.table).model_copy(update={"target": TARGET})
    write_model(make_network(SPEC, weights), metadata, folder / "model.onnx", 10**9)
    path = str(folder / "model.onnx")
    return SimpleNamespace(trained=SimpleNamespace(prepared=prepared), file=SimpleNamespace(path=path)), weights


def test_rows_are_read_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, weights = make_model(tmp_path)
    sizes: list[int] = []

    def read(prepared: Any, split: Any, *, keys: list[str]) -> Any:
        sizes.append(len(keys))
        return read_rows(prepared, split, keys=keys)

    monkeypatch.setattr(sampling, "read_rows", read)
    monkeypatch.setattr(sampling, "_BATCH_ROWS", 16)
    found = sampling.sample_rows(model)
    assert sizes == [16] * 6 + [4]
    rows = read_rows(model.trained.prepared, "test")
    points = TabularEncoder(SPEC).encode(rows)
    assert found.keys.tolist() == rows.column("key").to_pylist()
    np.testing.assert_allclose(found.spaces["inputs"], points)
    outputs = points.astype(np.float32) @ weights
    np.testing.assert_array_equal(found.clusters, outputs[:, :3].argmax(axis=1))
    own = np.maximum(outputs[np.arange(100), 3 + found.clusters], 0)
    np.testing.assert_allclose(found.distances, np.sqrt(own), atol=1e-5)


def test_of_large_rows_there_is_one_for_each_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "_MAX_NUMBERS", 1)
    assert len(sampling.sample_rows(make_model(tmp_path)[0]).keys) == 3
