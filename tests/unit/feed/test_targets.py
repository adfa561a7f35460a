"""Labels of every task, and the weights of rows in training."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from dbx_dl.config import FeedConfig
from dbx_dl.contracts import Batch, FeatureSpec, NumericFeature, PreparedTable, TableStatistics, Target
from dbx_dl.contracts.inputs import TaskName
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.feed.reader import open_feed
from tests.prepared_tables import IMAGES, describe, write_image_table

SPEC = FeatureSpec(features=(NumericFeature(column="x", fill=0, center=0, scale=1),))
NAMES = ("a", "b", "c")
WEIGHTS = {"balanced": {"a": 0.5, "b": 1.0, "c": 4.0}, "effective_number": {"a": 0.75, "b": 1.0, "c": 2.0}}
CLASSES = [0, 2, 1, 0, 2]


def table_of(folder: Path, task: TaskName, **columns: Any) -> PreparedTable:
    """Five rows k0 to k4 with the given columns."""
    num_rows = len(next(iter(columns.values())))
    keys = {"key": [f"k{row}" for row in range(num_rows)], "x": np.arange(num_rows, dtype=float)}
    rows = pa.table({**keys, **columns, "split": ["train"] * num_rows})
    write_deltalake(folder, rows, partition_by=["split"])
    prepared = describe(folder, 0, {"train": num_rows}, SPEC, NAMES)
    names = NAMES if task in ("binary", "multiclass", "multilabel") else ()
    statistics = TableStatistics.model_validate({"class_weights": WEIGHTS if names else {}})
    target = Target(task=task, column="label", label_names=names)
    return prepared.model_copy(update={"target": target, "statistics": statistics})


def read(prepared: PreparedTable, epoch: int | None = None, **config: Any) -> dict[str, tuple[Any, float]]:
    """(label, weight) by key."""
    feed = open_feed(prepared, "train", batch_size=4, config=FeedConfig(**config))
    found = {}
    for batch in feed.batches(epoch):
        assert batch.weights.dtype == np.float32
        assert batch.labels.dtype == feed.signature["label_dtype"]
        assert batch.labels.shape == (4, *feed.signature["label_shape"])
        assert not batch.weights[~batch.is_row].any()
        rows = zip(batch.keys, batch.labels.tolist(), batch.weights.tolist(), batch.is_row, strict=True)
        found |= {key: (label, weight) for key, label, weight, is_row in rows if is_row}
    return found


def test_rows_of_a_batch_are_those_with_a_weight_unless_it_is_said() -> None:
    inputs, labels, weights = np.zeros((3, 1)), np.zeros(3), np.array([1.0, 0.0, 0.5])
    assert Batch(inputs, labels, weights, ("a", "", "b")).is_row.tolist() == [True, False, True]
    said = np.array([True, True, False])
    assert Batch(inputs, labels, weights, ("a", "b", ""), said).is_row is said


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_classes_are_int64(tmp_path: Path, task: TaskName) -> None:
    found = read(table_of(tmp_path, task, label_index=pa.array(CLASSES, pa.int32())))
    assert found == {f"k{row}": (label, 1.0) for row, label in enumerate(CLASSES)}


def test_sets_of_labels_are_many_hot(tmp_path: Path) -> None:
    sets = [[0], [], [2, 0], [1, 1], [0, 1, 2]]
    found = read(table_of(tmp_path, "multilabel", label_index=pa.array(sets, pa.list_(pa.int32()))), epoch=1)
    assert {key: label for key, (label, _) in found.items()} == {
        f"k{row}": [float(name in labels) for name in range(3)] for row, labels in enumerate(sets)
    }


@pytest.mark.parametrize("task", ["regression", "count"])
def test_numbers_are_float32(tmp_path: Path, task: TaskName) -> None:
    second = -1.25 if task == "regression" else 1.25
    found = read(table_of(tmp_path, task, label=[0.5, second, 3.0, 0.0, 7.0]))
    assert [label for label, _ in found.values()] == [0.5, second, 3.0, 0.0, 7.0]


def test_no_labels_are_zeros(tmp_path: Path) -> None:
    assert {label for label, _ in read(table_of(tmp_path, "none", note=["n"] * 5)).values()} == {0}


@pytest.mark.parametrize(
    ("task", "columns", "message"),
    [
        ("multiclass", {"label_index": [0, None]}, "rows without label_index"),
        ("regression", {"label": [0.0, None]}, "rows without label"),
        ("regression", {"label": [0.0, 1e300]}, r"labels that are no finite float32 numbers, such as 1e\+300"),
        ("count", {"label": [0.0, -2.0]}, "labels such as -2, which the task cannot have: they must be 0 or more"),
        ("count", {"label": [0.0, float("nan")]}, "labels that are no finite float32 numbers, such as nan"),
        ("multilabel", {"label_index": [[0], None]}, "rows without label_index"),
        ("multilabel", {"label_index": [[0], [None]]}, "outside of the 3 known"),
        ("multilabel", {"label_index": [[0], [3]]}, "outside of the 3 known"),
        ("multilabel", {"label_index": [[0], [-1]]}, "outside of the 3 known"),
    ],
)
def test_labels_that_are_none_are_refused(
    tmp_path: Path, task: TaskName, columns: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read(table_of(tmp_path, task, **columns))


@pytest.mark.parametrize("memory", [1, 2**29])
def test_weights_are_of_class_times_sample_in_training_only(tmp_path: Path, memory: int) -> None:
    prepared = table_of(tmp_path, "multiclass", label_index=CLASSES, w=[1.0, 2.0, 3.0, 0.0, 0.5])
    read_within = partial(read, prepared, max_memory_bytes=memory)
    by_class = read_within(1, class_weights="balanced")
    assert [by_class[f"k{row}"][1] for row in range(5)] == [0.5, 4.0, 1.0, 0.5, 4.0]
    both = read_within(1, class_weights="effective_number", sample_weight_column="w")
    assert [both[f"k{row}"][1] for row in range(5)] == [0.75, 4.0, 3.0, 0.0, 1.0]
    sample = read_within(2, sample_weight_column="w")
    assert [sample[f"k{row}"][1] for row in range(5)] == [1.0, 2.0, 3.0, 0.0, 0.5]
    evaluated = read_within(None, class_weights="balanced", sample_weight_column="w")
    assert {weight for _, weight in evaluated.values()} == {1.0}


@pytest.mark.parametrize("memory", [1, 2**29])
@pytest.mark.parametrize("epoch", [1, None])
def test_sample_weights_come_in_training_and_evaluation(tmp_path: Path, epoch: int | None, memory: int) -> None:
    samples = [1.0, 2.0, 3.0, 0.0, 0.5]
    prepared = table_of(tmp_path, "multiclass", label_index=CLASSES, w=samples)

    def read_samples(**config: Any) -> dict[str, float]:
        feed_config = FeedConfig(max_memory_bytes=memory, **config)
        batches = list(open_feed(prepared, "train", batch_size=4, config=feed_config).batches(epoch))
        assert not any(batch.sample_weights[~batch.is_row].any() for batch in batches)
        return {
            key: float(w) for batch in batches for key, w in zip(batch.keys, batch.sample_weights, strict=True) if key
        }

    expected = {f"k{row}": weight for row, weight in enumerate(samples)}
    assert read_samples(sample_weight_column="w") == expected
    assert read_samples(sample_weight_column="w", class_weights="balanced") == expected
    assert set(read_samples(class_weights="balanced").values()) == {1.0}


@pytest.mark.parametrize("weight", [None, -1.0, float("nan"), float("inf")])
def test_what_is_no_weight_is_refused(tmp_path: Path, weight: float | None) -> None:
    prepared = table_of(tmp_path, "multiclass", label_index=[0, 1], w=[1.0, weight])
    with pytest.raises(DataError, match="rows whose w is no weight"):
        read(prepared, 1, sample_weight_column="w")


def test_weights_that_are_not_there_are_refused(tmp_path: Path) -> None:
    numbers = table_of(tmp_path / "a", "regression", label=[1.0])
    with pytest.raises(ConfigError, match="task regression has no one class per row"):
        read(numbers, 1, class_weights="balanced")
    plain = table_of(tmp_path / "b", "multiclass", label_index=[0]).model_copy(update={"statistics": TableStatistics()})
    with pytest.raises(ConfigError, match=r"class_weights is balanced, which table .* has no statistics of"):
        read(plain, 1, class_weights="balanced")
    with pytest.raises(DataError, match="no column w"):
        read(plain, 1, sample_weight_column="w")


def test_images_are_labels_where_they_are_to_be_made(tmp_path: Path) -> None:
    prepared = write_image_table(tmp_path, {"train": 5})
    aimed = prepared.model_copy(update={"target": Target(task="generation", column=IMAGES.column, image=IMAGES)})
    (batch,) = open_feed(aimed, "train", batch_size=5).batches(None)
    assert batch.labels.dtype == np.float32
    np.testing.assert_allclose(batch.labels, batch.inputs.reshape(5, 30) / 255, rtol=1e-6)
