"""Weighted metrics equal plain ones on repeated rows; intervals are known ones, repeatable, and paired."""

import numpy as np
import pytest

from dbx_dl.metrics import (
    classification_metrics,
    count_metrics,
    multilabel_metrics,
    regression_metrics,
    resample_models,
    share_interval,
)
from dbx_dl.metrics.intervals import difference_interval
from dbx_dl.metrics.weighted import draw_weights
from dbx_dl.tasks import TASKS

PLAIN = {
    "binary": classification_metrics,
    "multiclass": classification_metrics,
    "multilabel": multilabel_metrics,
    "regression": regression_metrics,
    "count": count_metrics,
}


def make_rows(task, num_rows, seed=0):
    rng = np.random.default_rng(seed)
    if task in ("regression", "count"):
        rates = rng.gamma(2.0, 3.0, num_rows)
        return (rng.poisson(rates) if task == "count" else 1e6 + rng.normal(size=num_rows)), rates
    num_labels = 2 if task == "binary" else 4
    scores = np.round(rng.uniform(size=(num_rows, num_labels)), 2)  # ties
    if task == "multilabel":
        return (rng.uniform(size=scores.shape) < scores).astype(float), scores
    probabilities = (scores + 0.1) / (scores + 0.1).sum(axis=1, keepdims=True)
    return rng.integers(0, num_labels, num_rows), probabilities.astype(np.float32)


@pytest.mark.parametrize("task", PLAIN)
@pytest.mark.parametrize("seed", range(4))
def test_a_weight_counts_a_row_so_often(task, seed) -> None:
    labels, outputs = make_rows(task, 37, seed)
    (weights_bn,) = draw_weights(37, 5, seed)
    found = TASKS[task].weigh(labels, outputs, weights_bn, TASKS[task].metrics)
    for number, weights_n in enumerate(weights_bn):
        rows = np.repeat(np.arange(37), weights_n.astype(int))
        expected = PLAIN[task](labels[rows], outputs[rows])
        for metric, values in found.items():
            assert values[number] == pytest.approx(expected.get(metric, np.nan), rel=1e-9, nan_ok=True), metric


def test_what_a_resample_leaves_undefined_is_not_a_number() -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8]])
    found = TASKS["binary"].weigh(
        np.array([0, 1]), probabilities, np.array([[2.0, 0.0], [1.0, 1.0]]), ["auc", "accuracy"]
    )
    assert np.isnan(found["auc"][0]) and found["auc"][1] == 1.0 and found["accuracy"][0] == 1.0
    found = TASKS["regression"].weigh(np.array([5.0, 7.0]), np.array([5.0, 7.0]), np.array([[2.0, 0.0]]), ["r2", "mae"])
    assert np.isnan(found["r2"][0]) and found["mae"][0] == 0.0


@pytest.mark.parametrize(
    ("hits", "rows", "low", "high"),
    [  # R's binom.test
        (0, 10, 0.0, 0.3084971),
        (7, 10, 0.3475471, 0.9332605),
        (10, 10, 0.6915029, 1.0),
        (98, 100, 0.9296161, 0.9975687),
        (0, 0, 0.0, 1.0),
    ],
)
def test_shares_have_exact_intervals(hits, rows, low, high) -> None:
    assert share_interval(hits, rows) == pytest.approx((low, high), abs=2e-6)


def test_an_exact_interval_holds_the_share_as_often_as_it_says() -> None:
    hits = np.random.default_rng(3).binomial(40, 0.9, 2000)
    intervals = {k: share_interval(int(k), 40, 0.9) for k in np.unique(hits)}
    assert np.mean([intervals[k][0] <= 0.9 <= intervals[k][1] for k in hits]) >= 0.9


def test_draws_do_not_depend_on_blocks() -> None:
    whole = np.concatenate(list(draw_weights(10, 20, 1)))
    assert whole.shape == (20, 10) and (whole.sum(axis=1) == 10).all()
    np.testing.assert_array_equal(np.concatenate(list(draw_weights(10, 20, 1, max_cells=35))), whole)


def test_pairs_see_a_small_gain_that_single_intervals_hide() -> None:
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 2, 2000)
    right = rng.uniform(size=2000) < 0.8
    better = right | (rng.uniform(size=2000) < 0.06)

    def predict(is_right):
        chosen = np.where(is_right, labels, 1 - labels)
        return np.eye(2)[chosen] * 0.8 + 0.1

    outputs = {1: predict(right), 2: predict(better)}
    found = resample_models(TASKS["binary"].weigh, labels, outputs, ["accuracy"], seed=1)
    again = resample_models(TASKS["binary"].weigh, labels, outputs, ["accuracy"], seed=1)
    low, high = found.interval_of_difference(2, 1, "accuracy")
    gain = better.mean() - right.mean()
    assert 0 < low < gain < high
    assert found.interval(1, "accuracy")[1] > found.interval(2, "accuracy")[0]  # single ones overlap
    assert again.interval_of_difference(2, 1, "accuracy") == (low, high)
    exact = share_interval(int(right.sum()), 2000)
    assert found.interval(1, "accuracy") == pytest.approx(exact, abs=0.004)


def test_equal_models_differ_by_nothing() -> None:
    labels, outputs = make_rows("multiclass", 50)
    metrics = TASKS["multiclass"].metrics
    found = resample_models(TASKS["multiclass"].weigh, labels, {1: outputs, 2: outputs}, metrics, num_resamples=50)
    for metric in metrics:
        assert found.interval_of_difference(1, 2, metric) == (0.0, 0.0)


def test_intervals_of_differences_hold_them_as_often_as_they_say() -> None:
    rng = np.random.default_rng(8)
    first, second = (share_intervals(rng.binomial(n, share, 3000), n) for n, share in ((200, 0.9), (120, 0.8)))
    intervals = [difference_interval(*one, *other) for one, other in zip(first, second, strict=True)]
    assert 0.945 <= np.mean([low <= 0.1 <= high for low, high in intervals]) <= 0.99


def share_intervals(hits, num_rows):
    known = {k: (k / num_rows, share_interval(k, num_rows)) for k in set(hits.tolist())}
    return [known[k] for k in hits.tolist()]


def test_a_difference_to_something_certain_has_the_interval_of_the_other() -> None:
    assert difference_interval(0.8, (0.7, 0.85), 0.5, (0.5, 0.5)) == pytest.approx((0.2, 0.35))
