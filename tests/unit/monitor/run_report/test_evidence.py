"""Which test rows a report shows, and how predictions are read."""

from pathlib import Path

import numpy as np
import pytest

from dbx_dl.errors import DataError
from dbx_dl.monitor.run_report.evidence import HeldOutPredictions, choose_samples, read_predictions
from dbx_dl.monitor.run_report.samples import MAX_WRONG_SAMPLES, NUM_SAMPLES


def _predictions(num_wrong: int, num_right: int) -> HeldOutPredictions:
    confidence = np.linspace(0.55, 0.95, num_wrong + num_right)
    probabilities = np.stack([1 - confidence, confidence], axis=1).astype(np.float32)
    labels = np.array([0] * num_wrong + [1] * num_right, dtype=np.int64)
    return HeldOutPredictions(np.array([f"k{row}" for row in range(len(labels))]), labels, probabilities)


def test_wrong_ones_come_first_most_confident_ahead() -> None:
    samples = choose_samples(_predictions(3, 100), ("no", "yes"))
    assert len(samples) == NUM_SAMPLES
    assert [(s.key, s.truth, s.label) for s in samples[:3]] == [(f"k{row}", "no", "yes") for row in (2, 1, 0)]
    assert all(sample.is_right for sample in samples[3:])


def test_right_ones_run_from_doubtful_to_certain() -> None:
    right = choose_samples(_predictions(0, 100), ("no", "yes"))
    assert (right[0].key, right[-1].key) == ("k0", "k99")
    assert [s.probability for s in right] == sorted(s.probability for s in right)


def test_many_wrong_ones_leave_room_for_right_ones() -> None:
    samples = choose_samples(_predictions(200, 100), ("no", "yes"))
    assert sum(not sample.is_right for sample in samples) == MAX_WRONG_SAMPLES
    assert len(samples) == NUM_SAMPLES


@pytest.mark.parametrize(("num_wrong", "num_right"), [(0, 0), (1, 0), (0, 1), (2, 3)])
def test_few_rows_are_all_shown(num_wrong: int, num_right: int) -> None:
    assert len(choose_samples(_predictions(num_wrong, num_right), ("no", "yes"))) == num_wrong + num_right


def test_predictions_are_read_back(tmp_path: Path) -> None:
    given = _predictions(1, 2)
    arrays = {"keys": given.keys, "labels": given.labels, "probabilities": given.probabilities}
    np.savez(tmp_path / "test_predictions.npz", **arrays)
    read = read_predictions(tmp_path)
    assert read.keys.tolist() == ["k0", "k1", "k2"]
    assert read.predicted.tolist() == [1, 1, 1]
    with pytest.raises(DataError, match="train the network again"):
        read_predictions(tmp_path / "elsewhere")
