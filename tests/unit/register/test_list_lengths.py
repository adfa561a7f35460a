"""Versions that recommend lists of different lengths are compared by the items that all of them have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from dbx_dl.config import GroupLimit, RegisterConfig
from dbx_dl.contracts import HistoryFeature, HistorySpec, PreparedTable, Ranking, Target
from dbx_dl.export.onnx_model import write_model
from dbx_dl.feed.rows import read_rows
from dbx_dl.metrics.recommendation import recommendation_metrics
from dbx_dl.register.measurement import PredictedRows, measure_models
from dbx_dl.score.model.model_file import ModelFile
from dbx_dl.score.model.session import digest_file
from dbx_dl.score.outputs.item_lists import ItemKind
from dbx_dl.tasks import TaskSettings, task_of
from dbx_dl.transforms.columns import TabularEncoder
from tests.onnx_models import make_metadata, make_network, make_weights
from tests.prepared_tables import describe

NAMES = ("ant", "bee", "cat", "dog", "eel")
SPEC = HistorySpec(users=(), history=HistoryFeature(column="history", max_length=3, vocabulary=NAMES))


@pytest.fixture
def prepared(tmp_path: Path) -> PreparedTable:
    random = np.random.default_rng(4)
    histories = [[str(name) for name in random.permutation(NAMES)[: 1 + row % 3]] for row in range(60)]
    rows = pa.table(
        {
            "key": [f"k{row:02d}" for row in range(60)],
            "history": pa.array(histories, pa.list_(pa.string())),
            "label_index": pa.array(random.integers(0, len(NAMES), 60), pa.int32()),
            "split": ["test"] * 60,
        }
    )
    write_deltalake(str(tmp_path / "table"), rows, partition_by=["split"])
    return describe(tmp_path / "table", 0, {"test": 60}, SPEC, NAMES).model_copy(update={"target": make_target(4)})


def make_target(top_k: int) -> Target:
    return Target(task="recommendation", column="label", label_names=NAMES, ranking=Ranking(top_k=top_k))


def predict(folder: Path, prepared: PreparedTable, version: int, top_k: int) -> tuple[PredictedRows, np.ndarray]:
    """A version with lists of `top_k`, and its lists (N, top_k)."""
    target, weights = make_target(top_k), make_weights(SPEC, len(NAMES), seed=version)
    path = folder / f"{version}.onnx"
    metadata = make_metadata(SPEC, NAMES, prepared.table).model_copy(update={"target": target})
    write_model(make_network(SPEC, weights), metadata, path, 10**9)
    rows = read_rows(prepared, "test")
    logits = TabularEncoder(SPEC).encode(rows).astype(np.float32) @ weights
    lists = task_of(target).predict(logits, TaskSettings()).astype(np.float32)
    part = ItemKind().make("items", target)
    fields = part.build(lists, tuple(part.fields))
    columns = {"key": rows.column("key"), "label_index": rows.column("label_index"), "town": ["x"] * 60, **fields}
    file = ModelFile(path=path, sha256=digest_file(path), name=str(version))
    return PredictedRows(version, file, pa.table(columns)), lists[..., 0]


def test_the_shortest_lists_count(tmp_path: Path, prepared: PreparedTable, caplog: pytest.LogCaptureFixture) -> None:
    found = [predict(tmp_path, prepared, version, top_k) for version, top_k in ((1, 4), (2, 2), (3, 3))]
    labels = read_rows(prepared, "test").column("label_index").to_numpy()
    config = RegisterConfig(name="items", num_resamples=100, groups=(GroupLimit(column="town", threshold=0.0),))
    models = measure_models([part for part, _ in found], 2, prepared, config)
    for model, (_, items) in zip(models, found, strict=True):
        expected = recommendation_metrics(labels, items[:, :2])
        assert {name: estimate.value for name, estimate in model.metrics.items()} == pytest.approx(expected)
        assert model.groups[0].value == pytest.approx(expected["ndcg"])
    assert recommendation_metrics(labels, found[0][1]) != pytest.approx(
        recommendation_metrics(labels, found[0][1][:, :2])
    )
    assert "(version 1 4, version 2 2, version 3 3): the first 2 items of each" in caplog.text
