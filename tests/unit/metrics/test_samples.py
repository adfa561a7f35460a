"""How alike two samples are."""

from __future__ import annotations

import numpy as np
import pytest

from dbx_dl.metrics.samples import MAX_ROWS, energy_distance

RANDOM = np.random.default_rng(2)


def test_samples_of_one_distribution_are_nearer_than_others() -> None:
    first, second = RANDOM.normal(size=(2, 300, 5))
    even = np.ones((1, 300))
    alike, apart = (float(energy_distance(first, rows, even)[0]) for rows in (second, second + 1))
    assert float(energy_distance(first, first, even)[0]) == pytest.approx(0, abs=1e-9)
    assert 0 < alike < 0.05 < apart
    assert float(energy_distance(first, second[::-1], even)[0]) == pytest.approx(alike)


def test_one_number_a_row_by_hand() -> None:
    # E|x - y| = 2, E|x - x'| = 1 of 0 and 2, E|y - y'| = 0.
    found = energy_distance(np.array([[0.0], [2.0]]), np.array([[3.0], [3.0]]), np.ones((1, 2)))
    assert found == pytest.approx([2 * 2 - 1 - 0])


def test_weights_count_rows_as_often_as_they_say() -> None:
    rows, others = RANDOM.normal(size=(2, 4, 3))
    weights = np.array([[1, 0, 2, 1]], np.float64)
    repeated = [0, 2, 2, 3]
    expected = energy_distance(rows[repeated], others[repeated], np.ones((1, 4)))
    assert energy_distance(rows, others, weights) == pytest.approx(expected)


def test_of_many_rows_some_of_all_count_though_they_come_by_class() -> None:
    classes = np.repeat(np.arange(10.0), MAX_ROWS // 5)[:, None]
    even = np.ones((1, len(classes)))
    right = np.random.default_rng(1).permutation(classes)
    wrong = right // 2
    assert float(energy_distance(classes, right, even)[0]) < 0.05 < float(energy_distance(classes, wrong, even)[0])


def test_rows_of_which_none_that_counts_has_a_weight_are_alike() -> None:
    rows, others = RANDOM.normal(size=(2, 2 * MAX_ROWS, 2))
    weights = np.zeros((1, 2 * MAX_ROWS))
    weights[0, 1] = 1.0
    assert np.isfinite(energy_distance(rows, others, weights)).all()
