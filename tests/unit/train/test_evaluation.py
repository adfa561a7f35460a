"""Metrics are weighted by sample weights, not by those of classes, and the same for any number of ranks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as reference

from dbx_dl.config import FeedConfig, TrainConfig
from dbx_dl.contracts import PreparedTable
from dbx_dl.feed.reader import open_feed
from dbx_dl.frameworks.measures import SupervisedMeasures
from dbx_dl.frameworks.requests import objective_request
from dbx_dl.metrics import softmax
from dbx_dl.train.evaluation import evaluate
from tests.unit.feed.test_targets import NAMES, table_of
from tests.unit.train.test_loop import run_threads

NUM_ROWS = 61
CONFIG = TrainConfig(network="none", top_k=(2,), feed=FeedConfig(class_weights="balanced", sample_weight_column="w"))


class Fixed:
    """Outputs that depend on the row alone."""

    def __init__(self, prepared: PreparedTable) -> None:
        self.measures = SupervisedMeasures(objective_request(prepared, CONFIG))

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        return np.sin((inputs + 0.5) * np.array([[1.0, 2.0, 3.0]])).astype(np.float32)


@pytest.fixture
def weighted(tmp_path: Path) -> tuple[PreparedTable, np.ndarray, np.ndarray]:
    """A table, its labels and its sample weights, some of them 0."""
    random = np.random.default_rng(0)
    labels, weights = random.integers(0, 3, NUM_ROWS), random.integers(0, 5, NUM_ROWS) / 2
    return table_of(tmp_path / "t", "multiclass", label_index=labels, w=weights), labels, weights


def test_sample_weights_weigh_metrics_over_any_number_of_ranks(weighted: Any) -> None:
    prepared, labels, weights = weighted

    def measure(ranks: Any) -> dict[str, float]:
        place = {"rank": ranks.rank, "num_ranks": ranks.size}
        feed = open_feed(prepared, "train", batch_size=8, config=CONFIG.feed, **place)
        return evaluate(Fixed(prepared), ranks, feed, "")

    found = [result for size in (1, 2, 3) for result in run_threads(size, measure)]
    assert all(result == found[0] for result in found)
    probabilities = softmax(Fixed(prepared).predict(np.arange(NUM_ROWS, dtype=float)[:, None]))
    expected = {
        "accuracy": reference.accuracy_score(labels, probabilities.argmax(axis=1), sample_weight=weights),
        "auc": reference.roc_auc_score(labels, probabilities, multi_class="ovr", sample_weight=weights),
        "top_2_accuracy": reference.top_k_accuracy_score(labels, probabilities, k=2, sample_weight=weights),
    }
    assert len(NAMES) == 3
    for name, value in expected.items():
        assert found[0][name] == pytest.approx(value, abs=1e-9), name
