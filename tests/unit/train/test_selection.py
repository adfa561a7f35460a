"""The best epoch and the end of patience."""

from __future__ import annotations

import json
import math

from dbx_dl.train.selection import Selection, rate_epoch


def validated(accuracy: float, log_loss: float, train_loss: float = 1.0) -> dict[str, float]:
    return {"train_loss": train_loss, "validation_accuracy": accuracy, "validation_log_loss": log_loss}


def test_accuracy_decides_then_log_loss() -> None:
    assert rate_epoch(validated(0.9, 0.5)) > rate_epoch(validated(0.8, 0.1))
    assert rate_epoch(validated(0.9, 0.4)) > rate_epoch(validated(0.9, 0.5))
    assert rate_epoch({"train_loss": 0.1}) > rate_epoch({"train_loss": 0.2})


def test_the_first_of_equal_epochs_stays_the_best() -> None:
    selection = Selection(patience=None)
    assert selection.consider(1, validated(0.9, 0.5))
    assert not selection.consider(2, validated(0.9, 0.5))
    assert selection.best_epoch == 1


def test_patience_counts_epochs_since_the_best() -> None:
    selection = Selection(patience=2)
    stops = []
    for epoch, accuracy in enumerate([0.5, 0.7, 0.6, 0.8, 0.7, 0.6], start=1):
        selection.consider(epoch, validated(accuracy, 0.5))
        stops.append(selection.has_stalled(epoch))
    assert stops == [False, False, False, False, False, True]
    assert selection.best_epoch == 4
    assert not Selection(patience=None).has_stalled(1000)


def test_without_accuracy_the_tasks_own_metric_decides() -> None:
    assert rate_epoch({"train_loss": 9, "validation_rmse": 1.0}) > rate_epoch({"train_loss": 1, "validation_rmse": 2.0})
    assert rate_epoch({"train_loss": 1, "validation_log_loss": 0.2}) == (-0.2,)
    for metric in ("poisson_deviance", "pinball", "nll"):
        assert rate_epoch({"train_loss": 1, "validation_rmse": 2.0, f"validation_{metric}": 0.5}) == (-0.5,)


def test_codes_that_shrink_make_no_better_clusters() -> None:
    apart = {"train_loss": 1.0, "validation_simplified_silhouette": 0.6, "validation_nll": 9.0}
    shrunk = apart | {"validation_simplified_silhouette": 0.4, "validation_nll": -30.0}
    assert rate_epoch(apart) > rate_epoch(shrunk)
    assert rate_epoch(apart | {"validation_nll": 8.0}) > rate_epoch(apart)


def test_an_epoch_of_pretraining_is_the_worst() -> None:
    pretrained = {"train_loss": 0.01, "train_reconstruction_error_dense_1": 0.01}
    assert rate_epoch(pretrained) < rate_epoch({"train_loss": 5.0})
    assert rate_epoch(pretrained | {"validation_accuracy": 0.9}) < rate_epoch({"validation_accuracy": 0.1})


def test_a_named_metric_decides_in_its_own_direction() -> None:
    metrics = {"train_loss": 1.0, "validation_accuracy": 0.5, "validation_auc": 0.9, "validation_mae": 3.0}
    assert rate_epoch(metrics, "auc") == (0.9,)
    assert rate_epoch(metrics, "mae") == (-3.0,)
    assert rate_epoch({"train_loss": 1.0}, "auc") == (-math.inf,)
    assert rate_epoch(metrics | {"validation_auc": math.nan}, "auc") == (-math.inf,)


def test_a_restored_selection_goes_on_where_it_was() -> None:
    first, second = Selection(patience=2), Selection(patience=2)
    for epoch, accuracy in enumerate([0.5, 0.7, 0.6], start=1):
        first.consider(epoch, validated(accuracy, 0.5))
    second.restore(json.loads(json.dumps(first.read_state())))
    assert second.best_epoch == 2
    assert not second.consider(4, validated(0.7, 0.5))
    assert second.has_stalled(4)
    assert Selection(None).read_state() == {"best_epoch": 0, "best_score": []}
