"""Rows of every task that can have late labels are read, measured, and asked whether they are calibrated."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from dbx_dl.config import QualityConfig
from dbx_dl.contracts import Ranking, Target
from dbx_dl.monitor.late_labels import TRUTH
from dbx_dl.monitor.quality.calibration import list_decisions, measure_calibration
from dbx_dl.monitor.quality.labelled_sample import LabelledRows, read_rows
from dbx_dl.monitor.quality.window_metrics import measure_metrics
from dbx_dl.monitor.scored_rows import VERSION

CONFIG = QualityConfig(num_resamples=100)
CLASSES = Target(task="multiclass", column="y", label_names=("a", "b", "c"))
SETS = Target(task="multilabel", column="y", label_names=("a", "b"))


def read(target: Target, truth: list, has_labels_only: bool = False, **columns: list) -> LabelledRows:
    table = pa.table({TRUTH: truth, VERSION: pa.array([1, None] * (len(truth) // 2), pa.int32()), **columns})
    return read_rows(table, target, len(truth), has_labels_only)


def test_classes_are_read_with_and_without_probabilities() -> None:
    probabilities = [[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.2, 0.5, 0.3], [0.4, 0.3, 0.3]]
    rows = read(CLASSES, ["a", "c", "a", "a"], probabilities=probabilities)
    assert rows.labels.tolist() == [0, 2, 0, 0] and rows.versions.tolist() == [1, -1, 1, -1]
    found = measure_metrics(rows, CLASSES, CONFIG)
    assert found["accuracy"].value == 0.75 and found["log_loss"].value == pytest.approx(
        -np.mean(np.log([0.7, 0.8, 0.2, 0.4]))
    )
    assert len(rows.of_version(1).labels) == rows.of_version(1).num_rows == 2
    alone = read(CLASSES, ["a", "c", "a", "a"], True, label=["a", "c", "b", "a"])
    assert set(measure_metrics(alone, CLASSES, CONFIG)) == {"accuracy", "balanced_accuracy", "f1_macro"}
    assert measure_metrics(alone, CLASSES, CONFIG)["accuracy"] == found["accuracy"]
    assert measure_calibration({"w": alone}, CLASSES, CONFIG) == ()


def test_sets_of_labels_are_read_empty_ones_too() -> None:
    rows = read(SETS, [["a"], [], ["a", "b"], ["b"]], probabilities=[[0.9, 0.1], [0.2, 0.3], [0.8, 0.4], [0.6, 0.9]])
    assert rows.labels.tolist() == [[1, 0], [0, 0], [1, 1], [0, 1]]
    assert measure_metrics(rows, SETS, CONFIG)["exact_match"].value == 0.5
    error, *bins = measure_calibration({"w": rows}, SETS, CONFIG)
    assert error.metric == "calibration_error" and error.num_rows == 4
    assert sum(found.num_rows for found in bins) == 8


def test_items_and_numbers_are_read() -> None:
    items = Target(task="recommendation", column="y", label_names=("p", "q", "r"), ranking=Ranking(top_k=2))
    rows = read(items, ["p", "r"], items=[["p", "q"], ["q"]], scores=[[0.6, 0.3], [0.9]])
    assert measure_metrics(rows, items, CONFIG)["hit_rate"].value == 0.5
    numbers = Target(task="count", column="y")
    rows = read(numbers, [1.0, 4.0], value=[2.0, 4.0])
    assert measure_metrics(rows, numbers, CONFIG)["mae"].value == 0.5


def test_quantiles_say_how_often_labels_are_below_them() -> None:
    target = Target(task="quantiles", column="y", quantiles=(0.1, 0.9))
    labels = np.random.default_rng(1).uniform(0, 1, 400).tolist()
    rows = read(target, labels, q10=[0.1] * 400, q90=[0.8] * 400)
    assert measure_metrics(rows, target, CONFIG)["coverage"].value == pytest.approx(0.7, abs=0.06)
    low, high = measure_calibration({"w": rows}, target, CONFIG)
    assert (low.part, low.baseline, high.part, high.baseline) == ("q10", 0.1, "q90", 0.9)
    assert low.low is not None and low.high is not None and low.low < 0.1 < low.high
    assert high.high is not None and high.high < 0.9


def test_of_many_decisions_every_label_is_looked_at() -> None:
    target = Target(task="multilabel", column="y", label_names=tuple(f"l{k}" for k in range(20)))
    labels = np.zeros((10_000, 20), np.float32)
    decisions = list_decisions(LabelledRows(labels, np.tile(np.arange(20) / 20, (10_000, 1)), labels, 10_000), target)
    assert decisions is not None and len(decisions[0]) == len(decisions[1]) == 50_000
    assert np.unique(decisions[1], return_counts=True)[1].tolist() == [2500] * 20


def test_one_window_of_many_can_fire() -> None:
    random, windows = np.random.default_rng(4), {}
    for place in range(60):
        chance = random.uniform(0.4, 0.95, 400)
        labels = np.where(random.random(400) < chance - (0.3 if place == 7 else 0), 0, 1 + (chance > 0.7))
        rest = (1 - chance)[:, None] / 2
        windows[f"{place}"] = LabelledRows(labels, np.hstack([chance[:, None], rest, rest]), np.ones(400), 400)
    found = measure_calibration(windows, CLASSES, QualityConfig(max_calibration_error=0.05))
    assert [f.window for f in found if f.metric == "calibration_error" and f.status == "alert"] == ["7"]


def test_a_window_that_says_too_much_fires_and_a_small_one_is_unsure() -> None:
    config = QualityConfig(max_calibration_error=0.05)
    random, windows = np.random.default_rng(2), {}
    for name, num_rows, excess in (("calm", 2000, 0.0), ("loud", 2000, 0.15), ("small", 20, 0.15)):
        chance = random.uniform(0.4, 0.95, num_rows)
        labels = np.where(random.random(num_rows) < chance - excess, 0, random.integers(1, 3, num_rows))
        rest = (1 - chance)[:, None] / 2
        windows[name] = LabelledRows(labels, np.hstack([chance[:, None], rest, rest]), np.ones(num_rows), num_rows)
    found = measure_calibration(windows, CLASSES, config)
    status = {f.window: f.status for f in found if f.metric == "calibration_error"}
    assert status == {"calm": "ok", "loud": "alert", "small": "unsure"}
    loud = next(f for f in found if f.window == "loud")
    assert loud.value == pytest.approx(0.15, abs=0.03) and "calibrated probabilities would have 0.0" in loud.detail
