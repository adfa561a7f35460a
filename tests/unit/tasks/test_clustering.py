"""Clusters: predictions by hand, what bounds their metrics, and the classes of a table that they are compared with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dbx_dl.config import TrainConfig
from dbx_dl.contracts import Target
from dbx_dl.errors import ConfigError
from dbx_dl.export.rounding import bound_metrics
from dbx_dl.frameworks.requests import check_objective, check_pretraining
from dbx_dl.score.outputs.kinds import kind_of
from dbx_dl.tasks import TaskSettings, label_kind_of, task_of
from dbx_dl.tasks.retargeting import retarget
from tests.unit.tasks.test_tasks import table

TASK = task_of(Target(task="clustering", column="y", num_clusters=3))
CLASSES = table("multiclass")
CLASSES = CLASSES.model_copy(update={"target": CLASSES.target.model_copy(update={"label_names": ("a", "b")})})


def predict(densities: list[list[float]], squares: list[list[float]]) -> np.ndarray:
    return TASK.predict(np.concatenate([np.log(densities), squares], axis=1).astype(np.float32), TaskSettings())


def test_predictions_by_hand() -> None:
    (found,) = predict([[0.1, 0.3, 0.1]], [[9.0, 4.0, 1.0]])
    # The likeliest cluster is not the nearest here.
    np.testing.assert_allclose(found, [0.2, 0.6, 0.2, 2.0, 1.0, np.log(0.5)], rtol=1e-6)
    measured = TASK.measure(np.zeros(1), found[None])
    assert measured == pytest.approx({"simplified_silhouette": -0.5, "inertia": 4.0, "nll": np.log(2)}, rel=1e-6)


def test_densities_that_are_tiny_stay_finite() -> None:
    outputs = np.array([[-2000.0, -2001.0, -2002.0, 1, 2, 3]], np.float32)
    found = TASK.predict(outputs, TaskSettings())
    assert np.isfinite(found).all() and found[0, -1] == pytest.approx(-1999.592, abs=1e-3)


def test_rows_between_clusters_bound_what_is_counted() -> None:
    labels = np.array([0, 0, 1, 1])
    near = 0.4 + 1e-6
    found = predict(
        [[0.8, 0.1, 0.1], [near, 0.4, 0.2], [0.1, 0.8, 0.1], [0.1, 0.7, 0.2]],
        [[1.0, 4.0, 9.0]] * 4,
    )
    low, high = bound_metrics(TASK, labels, found, 1e-5, TaskSettings())["adjusted_rand_index"]
    assert high == 1 > 0.5 > low


def test_a_retargeted_table_keeps_its_classes_only() -> None:
    target = retarget(CLASSES, "clustering", num_clusters=5).target
    assert (target.num_clusters, target.label_names) == (5, ("a", "b"))
    numbers = retarget(table("regression"), "clustering").target
    assert (numbers.num_clusters, numbers.label_names, label_kind_of(numbers)) == (8, (), "none")
    assert label_kind_of(target) == "class" and not target.is_classification
    assert kind_of(target).list_columns(target)[0] == "probabilities"
    assert "num_clusters" not in CLASSES.target.model_dump_json()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"network": "mlp"}, "task clustering goes with kmeans, gaussian_mixture"),
        ({"network": "my.networks:build"}, "task clustering goes with kmeans, gaussian_mixture"),
        ({"network": "kmeans", "loss": "nll"}, "'nll' is not that of network 'kmeans'"),
        ({"network": "kmeans", "best_metric": "adjusted_rand_index"}, "compares clusters with classes"),
        ({"network": "kmeans", "best_metric": "accuracy"}, "best_metric 'accuracy'"),
    ],
)
def test_what_does_not_go_with_clusters_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_objective(retarget(table("regression"), "clustering"), TrainConfig(**options))
    check_objective(retarget(table("none"), "clustering"), TrainConfig(network="deep_kmeans", loss="inertia"))


def test_centres_need_epochs_after_pretraining() -> None:
    config = TrainConfig(network="deep_kmeans", network_options={"pretraining_epochs": 4}, num_epochs=4)
    with pytest.raises(ConfigError, match="takes 4 epochs of pretraining before it uses centres"):
        check_pretraining(retarget(CLASSES, "clustering"), config)


def test_clustering_networks_need_the_task() -> None:
    with pytest.raises(ConfigError, match="'kmeans' is not for the task regression"):
        check_objective(table("regression"), TrainConfig(network="kmeans"))
    with pytest.raises(ValueError, match="num_clusters goes with `task: clustering`"):
        TrainConfig(network="kmeans", num_clusters=3)
