"""Our metrics are scikit-learn's, ties, rare classes and sample weights included."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from dbx_dl.metrics import (
    classification_metrics,
    count_metrics,
    is_better,
    multilabel_metrics,
    regression_metrics,
    sigmoid,
    softmax,
)
from dbx_dl.metrics.ranking import area_under_curve
from dbx_dl.tasks import TASKS


def draw_classes(num_rows: int, num_classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities rounded so that ties occur."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, num_classes, num_rows)
    logits = random.normal(size=(num_rows, num_classes)).round(1)
    logits[np.arange(num_rows), labels] += 0.8
    return labels, softmax(logits)


@pytest.mark.parametrize("num_classes", [2, 3, 7])
@pytest.mark.parametrize("seed", range(4))
def test_classes(num_classes: int, seed: int) -> None:
    labels, probabilities = draw_classes(200, num_classes, seed)
    found = classification_metrics(labels, probabilities, top_k=(2, 5, 100))
    predicted = probabilities.argmax(axis=1)
    is_binary = num_classes == 2
    auc = reference.roc_auc_score(labels, probabilities[:, 1] if is_binary else probabilities, multi_class="ovr")
    expected = {
        "accuracy": reference.accuracy_score(labels, predicted),
        "balanced_accuracy": reference.balanced_accuracy_score(labels, predicted),
        "f1_macro": reference.f1_score(labels, predicted, average="macro"),
        "log_loss": reference.log_loss(labels, probabilities),
        "auc": auc,
        "brier": np.mean(((probabilities - np.eye(num_classes)[labels]) ** 2).sum(axis=1)),
    }
    expected |= {f"top_{k}_accuracy": np.nan for k in (2, 5) if k < num_classes}
    assert set(found) == set(expected)
    assert set(TASKS["binary"].metrics) <= set(found)
    for name, value in expected.items():
        if not name.startswith("top"):
            assert found[name] == pytest.approx(value, abs=1e-12), name


def test_top_k() -> None:
    random = np.random.default_rng(0)
    labels, probabilities = random.integers(0, 8, 100), softmax(random.normal(size=(100, 8)))
    found = classification_metrics(labels, probabilities, top_k=(1, 3))
    assert found["top_3_accuracy"] == pytest.approx(reference.top_k_accuracy_score(labels, probabilities, k=3))
    assert found["top_1_accuracy"] == found["accuracy"]
    constant = classification_metrics(labels, np.full((100, 8), 1 / 8), top_k=(3,))
    assert constant["top_3_accuracy"] == 0.0


def test_a_class_without_rows_has_no_auc() -> None:
    labels, probabilities = draw_classes(50, 4, 1)
    found = classification_metrics(np.minimum(labels, 2), probabilities)
    assert "auc" not in found
    predicted = probabilities.argmax(axis=1)
    assert found["f1_macro"] == pytest.approx(reference.f1_score(np.minimum(labels, 2), predicted, average="macro"))


def test_area_under_curve_with_ties_and_without_a_side() -> None:
    assert area_under_curve(np.array([True, False]), np.array([0.5, 0.5])) == 0.5
    assert np.isnan(area_under_curve(np.array([True, True]), np.array([0.1, 0.2])))


@pytest.mark.parametrize("seed", range(4))
def test_label_sets(seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, (120, 5)).astype(np.float32)
    probabilities = sigmoid((random.normal(size=(120, 5)) + labels).round(1))
    found, predicted = multilabel_metrics(labels, probabilities), probabilities >= 0.5
    log_losses = [reference.log_loss(labels[:, k], probabilities[:, k]) for k in range(5)]
    assert found == pytest.approx(
        {
            "exact_match": reference.accuracy_score(labels, predicted),
            "f1_macro": reference.f1_score(labels, predicted, average="macro"),
            "f1_micro": reference.f1_score(labels, predicted, average="micro"),
            "log_loss": np.mean(log_losses),
            "auc": reference.roc_auc_score(labels, probabilities, average="macro"),
        },
        abs=1e-12,
    )
    assert set(found) == set(TASKS["multilabel"].metrics)


def test_a_label_without_rows_leaves_the_others_auc() -> None:
    labels = np.array([[0, 0], [1, 0], [1, 0]], np.float32)
    found = multilabel_metrics(labels, np.array([[0.1, 0.3], [0.6, 0.2], [0.7, 0.1]]))
    assert found["auc"] == 1.0
    assert found["f1_macro"] == 0.5
    assert "auc" not in multilabel_metrics(labels[:, 1:], np.full((3, 1), 0.2))


def test_numbers_and_counts() -> None:
    random = np.random.default_rng(2)
    labels = random.poisson(3.0, 80).astype(np.float32)
    predictions = labels * 0.5 + random.gamma(2.0, size=80)
    expected = {
        "mae": reference.mean_absolute_error(labels, predictions),
        "rmse": reference.root_mean_squared_error(labels, predictions),
        "r2": reference.r2_score(labels, predictions),
        "mape": reference.mean_absolute_percentage_error(labels[labels > 0], predictions[labels > 0]),
    }
    assert regression_metrics(labels, predictions) == pytest.approx(expected)
    deviance = reference.mean_poisson_deviance(labels, predictions)
    found = count_metrics(labels, predictions)
    assert found == pytest.approx(expected | {"poisson_deviance": deviance})
    assert set(found) == set(TASKS["count"].metrics)
    assert set(regression_metrics(np.zeros(3), np.ones(3))) == {"mae", "rmse"}
    assert regression_metrics(np.ones(3), np.zeros(3)) == {"mae": 1.0, "rmse": 1.0, "mape": 1.0}


def draw_weights(num_rows: int, seed: int) -> np.ndarray:
    """Weights of 0 to 2, as a feed gives them."""
    return (np.random.default_rng(seed).integers(0, 9, num_rows) / 4).astype(np.float32)


@pytest.mark.parametrize("num_classes", [2, 3, 7])
@pytest.mark.parametrize("seed", range(2))
def test_weighted_classes(num_classes: int, seed: int) -> None:
    labels, probabilities = draw_classes(200, num_classes, seed)
    weights = draw_weights(200, seed)
    found = classification_metrics(labels, probabilities, weights, top_k=(2,))
    predicted = probabilities.argmax(axis=1)
    is_binary = num_classes == 2
    share = probabilities[:, 1] if is_binary else probabilities
    squares = ((probabilities - np.eye(num_classes)[labels]) ** 2).sum(axis=1)
    expected = {
        "accuracy": reference.accuracy_score(labels, predicted, sample_weight=weights),
        "balanced_accuracy": reference.balanced_accuracy_score(labels, predicted, sample_weight=weights),
        "f1_macro": reference.f1_score(labels, predicted, average="macro", sample_weight=weights),
        "log_loss": reference.log_loss(labels, probabilities, sample_weight=weights),
        "auc": weighted_auc(labels, share, weights),
        "brier": np.average(squares, weights=weights),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-9), name


def weighted_auc(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> float:
    """Of class 1, or the mean over one-versus-rest."""
    sides = [(labels, scores)] if scores.ndim == 1 else [(labels == k, scores[:, k]) for k in range(scores.shape[1])]
    areas = [reference.roc_auc_score(is_side, of_side, sample_weight=weights) for is_side, of_side in sides]
    return float(np.mean(areas))


def test_weighted_top_k() -> None:
    random = np.random.default_rng(0)
    labels, probabilities = random.integers(0, 8, 100), softmax(random.normal(size=(100, 8)))
    weights = draw_weights(100, 1)
    found = classification_metrics(labels, probabilities, weights, top_k=(3,))["top_3_accuracy"]
    assert found == pytest.approx(reference.top_k_accuracy_score(labels, probabilities, k=3, sample_weight=weights))


def test_weighted_label_sets() -> None:
    random = np.random.default_rng(3)
    labels = random.integers(0, 2, (120, 5)).astype(np.float32)
    probabilities = sigmoid((random.normal(size=(120, 5)) + labels).round(1))
    weights = draw_weights(120, 3)
    predicted = probabilities >= 0.5
    log_losses = [reference.log_loss(labels[:, k], probabilities[:, k], sample_weight=weights) for k in range(5)]
    assert multilabel_metrics(labels, probabilities, weights) == pytest.approx(
        {
            "exact_match": reference.accuracy_score(labels, predicted, sample_weight=weights),
            "f1_macro": reference.f1_score(labels, predicted, average="macro", sample_weight=weights),
            "f1_micro": reference.f1_score(labels, predicted, average="micro", sample_weight=weights),
            "log_loss": np.mean(log_losses),
            "auc": reference.roc_auc_score(labels, probabilities, average="macro", sample_weight=weights),
        },
        abs=1e-9,
    )


def test_weighted_numbers_and_counts() -> None:
    random = np.random.default_rng(2)
    labels = random.poisson(3.0, 80).astype(np.float32)
    predictions, weights = labels * 0.5 + random.gamma(2.0, size=80), draw_weights(80, 2)
    expected = {
        "mae": reference.mean_absolute_error(labels, predictions, sample_weight=weights),
        "rmse": reference.root_mean_squared_error(labels, predictions, sample_weight=weights),
        "r2": reference.r2_score(labels, predictions, sample_weight=weights),
        "mape": reference.mean_absolute_percentage_error(
            labels[labels > 0], predictions[labels > 0], sample_weight=weights[labels > 0]
        ),
    }
    assert regression_metrics(labels, predictions, weights) == pytest.approx(expected)
    deviance = reference.mean_poisson_deviance(labels, predictions, sample_weight=weights)
    assert count_metrics(labels, predictions, weights) == pytest.approx(expected | {"poisson_deviance": deviance})


@pytest.mark.parametrize("scale", [1.0, 0.125])
def test_equal_weights_change_nothing_and_a_weight_of_0_is_no_row(scale: float) -> None:
    labels, probabilities = draw_classes(60, 4, 1)
    plain = classification_metrics(labels, probabilities)
    assert classification_metrics(labels, probabilities, np.full(60, scale)) == pytest.approx(plain, abs=1e-12)
    # Class 3 is left without a row that counts: as if those rows were not there, its AUC is undefined.
    weights = scale * (labels != 3)
    without = classification_metrics(labels[labels != 3], probabilities[labels != 3])
    assert "auc" not in without
    assert classification_metrics(labels, probabilities, weights) == pytest.approx(without, abs=1e-12)
    assert classification_metrics(labels, probabilities, np.zeros(60)) == {}


def test_nothing_has_no_metrics() -> None:
    assert classification_metrics(np.zeros(0, np.int64), np.zeros((0, 2))) == {}
    assert multilabel_metrics(np.zeros((0, 2)), np.zeros((0, 2))) == {}
    assert regression_metrics(np.zeros(0), np.zeros(0)) == count_metrics(np.zeros(0), np.zeros(0)) == {}


def test_activations_are_stable() -> None:
    assert softmax(np.array([[1e4, 0.0]])).tolist() == [[1.0, 0.0]]
    assert sigmoid(np.array([-1e4, 0.0, 1e4])).tolist() == [0.0, 0.5, 1.0]


def test_direction() -> None:
    assert is_better("log_loss", 0.1, 0.2)
    assert is_better("validation_rmse", 1.0, 2.0)
    assert is_better("auc", 0.2, 0.1)
    assert not is_better("accuracy", 0.1, 0.1)
