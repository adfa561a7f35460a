"""What a table asks of networks and objectives, and which options go with which task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dbx_dl.config import TrainConfig
from dbx_dl.contracts import Batch, ColumnProfile, PreparedTable, TableStatistics, Target
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.feed.targets import LabelReader
from dbx_dl.frameworks.architectures import check_network
from dbx_dl.frameworks.interface import ObjectiveRequest, Penalty, Pretraining
from dbx_dl.frameworks.measures import SupervisedMeasures
from dbx_dl.frameworks.requests import (
    check_objective,
    check_pretraining,
    choose_calibration,
    network_request,
    objective_request,
)
from dbx_dl.tasks.retargeting import retarget
from tests.prepared_tables import IMAGES, SPEC, describe

NAMES = ("a", "b", "c")


def table(task: str, **statistics: Any) -> PreparedTable:
    names = () if task in ("regression", "count", "none") else NAMES
    prepared = describe(Path("t"), 0, {"train": 5}, SPEC, NAMES)
    target = Target(task=task, column="label", label_names=names)  # type: ignore[arg-type]
    return prepared.model_copy(update={"target": target, "statistics": TableStatistics(**statistics)})


@pytest.mark.parametrize(
    ("task", "num_outputs"), [("multiclass", 3), ("multilabel", 3), ("regression", 1), ("count", 1)]
)
def test_outputs_by_task(task: str, num_outputs: int) -> None:
    assert network_request(table(task), "mlp", {}, 1).num_outputs == num_outputs


def test_options_reach_the_objective() -> None:
    config = TrainConfig(network="mlp", label_smoothing=0.1, precision="mixed_bfloat16", top_k=(2,))
    found = objective_request(table("multiclass"), config)
    assert found == ObjectiveRequest(label_smoothing=0.1, precision="mixed_bfloat16", top_k=(2,))


def test_labels_of_a_regression_are_scaled_where_statistics_are_known() -> None:
    profile = ColumnProfile(column="label", kind="numeric", num_rows=5, num_nulls=0, mean=40.0, deviation=8.0)
    config = TrainConfig(network="mlp")
    found = objective_request(table("regression", profiles=(profile,)), config)
    assert (found.label_center, found.label_scale) == (40.0, 8.0)
    assert objective_request(table("regression"), config).label_scale == 1.0
    assert objective_request(table("count", profiles=(profile,)), config).label_center == 0.0


@pytest.mark.parametrize(
    ("task", "options", "message"),
    [
        (
            "multiclass",
            {"loss": "mae"},
            "train.loss 'mae' is not for the task multiclass .*choose one of cross_entropy,",
        ),
        ("regression", {"loss": "hinge"}, "train.loss 'hinge' is not for the task regression"),
        ("count", {"threshold": {"label": "a"}}, "train.threshold is not for the task count .*: leave it out$"),
        ("multiclass", {"threshold": {"label": "sun"}}, "train.threshold.label 'sun' is no label of the table; "),
        ("count", {"loss": "mae"}, "train.loss 'mae' is not for the task count .*: leave it out$"),
        ("multiclass", {"loss": "hinge", "label_smoothing": 0.1}, "goes with cross_entropy, not with hinge"),
        ("multiclass", {"network": "linear_svm", "label_smoothing": 0.1}, "goes with cross_entropy, not with hinge"),
        ("multilabel", {"calibration": "platt"}, "train.calibration is not for the task multilabel"),
        ("regression", {"label_smoothing": 0.1}, "train.label_smoothing is not for the task regression"),
        ("multilabel", {"top_k": (2,)}, "train.top_k is not for the task multilabel"),
        ("regression", {"best_metric": "rsme"}, "did you mean 'rmse'"),
        ("multiclass", {"best_metric": "rmse"}, "train.best_metric 'rmse' is not for the task multiclass"),
        (
            "regression",
            {"network": "markov_chain"},
            "'markov_chain' is not for the task regression .*one of mlp, perce",
        ),
        ("multilabel", {"network": "detector"}, "'detector' is not for the task multilabel of table .*: choose one of"),
        ("boxes", {"network": "convnet"}, "'convnet' is not for the task boxes of table .*: choose one of detector$"),
        ("recommendation", {}, "'mlp' is not for the task recommendation .*one of rnn, .*, two_tower$"),
    ],
)
def test_options_of_other_tasks_are_refused(task: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_objective(table(task), TrainConfig(**{"network": "mlp"} | options))


def test_fitting_options_are_accepted_and_a_table_without_label_is_not() -> None:
    check_objective(table("regression"), TrainConfig(network="mlp", loss="huber", best_metric="mae"))
    check_objective(table("multiclass"), TrainConfig(network="mlp", top_k=(2,), best_metric="top_2_accuracy"))
    with pytest.raises(DataError, match="has no label"):
        check_objective(table("none"), TrainConfig(network="mlp"))


@pytest.mark.parametrize(
    ("task", "options", "loss", "calibration"),
    [
        ("multiclass", {"network": "mlp"}, None, None),
        ("multiclass", {"network": "my.module:build"}, None, None),
        ("multiclass", {"network": "mlp", "loss": "cross_entropy", "calibration": "temperature"}, None, "temperature"),
        ("binary", {"network": "linear_svm"}, "hinge", "platt"),
        ("binary", {"network": "linear_svm", "loss": "squared_hinge"}, "squared_hinge", "platt"),
        ("binary", {"network": "linear_svm", "loss": "cross_entropy"}, None, None),
        ("binary", {"network": "perceptron", "calibration": "none"}, "perceptron", None),
        ("regression", {"network": "adaline"}, None, None),
        ("regression", {"network": "perceptron"}, None, None),
        ("regression", {"network": "mlp", "loss": "huber"}, "huber", None),
        ("multilabel", {"network": "linear_svm"}, None, None),
    ],
)
def test_losses_and_calibrations_by_network_and_task(
    task: str, options: dict[str, Any], loss: str | None, calibration: str | None
) -> None:
    config = TrainConfig(**options)
    assert objective_request(table(task), config).loss == loss
    assert choose_calibration(task, config) == calibration


def test_predictions_by_task() -> None:
    outputs = np.array([[0.0], [1000.0]], np.float32)
    numbers = SupervisedMeasures(ObjectiveRequest("regression", label_center=2.0, label_scale=3.0))
    assert numbers.predict(outputs).tolist() == [2.0, 3002.0]
    rates = SupervisedMeasures(ObjectiveRequest("count")).predict(outputs)
    assert rates[0] == 1.0
    assert np.isfinite(rates).all()
    assert SupervisedMeasures(ObjectiveRequest("multilabel")).predict(outputs).tolist() == [[0.5], [1.0]]
    assert SupervisedMeasures(ObjectiveRequest()).predict(outputs).tolist() == [[1.0], [1.0]]


def test_measures_see_labels_beside_predictions() -> None:
    measures = SupervisedMeasures(ObjectiveRequest("regression"))
    labels = np.array([1.0, 3.0], np.float32)
    batch = Batch(np.zeros((2, 1), np.float32), labels, np.ones(2, np.float32), ("a", "b"))
    found = measures.measure(measures.observe(batch, np.array([[2.0], [3.0]], np.float32)))
    assert found == {"mae": 0.5, "rmse": pytest.approx(0.5**0.5), "r2": 0.5, "mape": 0.5}
    assert measures.measure({}) == {}


def images() -> PreparedTable:
    return table("multiclass").model_copy(update={"inputs": IMAGES})


def test_a_reconstruction_needs_two_outputs_for_each_entry_and_no_labels() -> None:
    for prepared, size in ((table("regression"), SPEC.num_encoded), (images(), 6 * 5), (table("none"), 5)):
        found = retarget(prepared, "reconstruction")
        assert network_request(found, "autoencoder", {}, 1).num_outputs == 2 * size
        check_objective(found, TrainConfig(network="autoencoder", task="reconstruction"))
        assert LabelReader(found.target).columns == ()


def test_what_an_autoencoder_adds_to_its_loss_follows_its_options() -> None:
    def learn(network: str, **options: float) -> ObjectiveRequest:
        return objective_request(
            retarget(images(), "reconstruction"), TrainConfig(network=network, network_options=options)
        )

    assert learn("autoencoder") == ObjectiveRequest("reconstruction", are_pixels=True)
    sparse = learn("sparse_autoencoder", sparsity=0.1, sparsity_weight=2.0).penalty
    assert sparse == Penalty("sparsity", "code", 2.0, 0.1)
    assert learn("variational_autoencoder", kl_weight=3.0).penalty == Penalty("standard_normal", "posterior", 3.0)


def test_a_belief_network_has_to_come_to_its_labels() -> None:
    options = {"network": "deep_belief_network", "network_options": {"num_layers": 2, "pretraining_epochs": 3}}
    check_pretraining(images(), TrainConfig.model_validate({**options, "num_epochs": 7}))
    for name in ("num_epochs", "early_stopping_epochs"):
        config = TrainConfig.model_validate({"num_epochs": 9, **options, name: 6})
        with pytest.raises(
            ConfigError, match=f"train.{name} is 6, but 'deep_belief_network' takes 6 epochs of pretraining"
        ):
            check_pretraining(images(), config)


def test_a_belief_network_pretrains_its_layers() -> None:
    config = TrainConfig(network="deep_belief_network", network_options={"num_layers": 3, "gibbs_steps": 2})
    assert objective_request(images(), config).pretraining == Pretraining(("dense_1", "dense_2", "dense_3"), 3, 2)


@pytest.mark.parametrize(
    ("prepared", "options", "message"),
    [
        (images(), {"network": "mlp"}, "'mlp' does not give its inputs again, .*choose one of autoencoder, "),
        (table("count"), {"network": "autoencoder", "loss": "cross_entropy"}, "is for reconstructions of images"),
        (images(), {"network": "autoencoder", "loss": "mae"}, "'mae' is not for the task reconstruction"),
        (images(), {"network": "autoencoder", "best_metric": "rmse"}, "valid metrics: reconstruction_error"),
    ],
)
def test_what_a_reconstruction_cannot_have_is_refused(
    prepared: PreparedTable, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        check_objective(retarget(prepared, "reconstruction"), TrainConfig(**options))


def test_an_autoencoder_does_not_learn_labels() -> None:
    with pytest.raises(ConfigError, match=r"'autoencoder' gives its 5 inputs again, not 3 outputs: .* reconstruction"):
        check_network(network_request(table("multiclass"), "autoencoder", {}, 1))


def test_images_are_made_by_networks_for_it_alone() -> None:
    made = retarget(images(), "generation")
    config = TrainConfig(network="gan", task="generation", network_options={"num_layers": 1}, seed=4)
    check_objective(made, config)
    adversary = objective_request(made, config).adversary
    assert adversary is not None
    assert (adversary.network, adversary.input_shape, adversary.num_outputs, adversary.seed) == ("mlp", (30,), 1, 5)
    assert adversary.options["num_layers"] == 1
    for prepared, network in ((made, "mlp"), (images(), "gan")):
        with pytest.raises(ConfigError, match=r"train.network .* the task generation goes with gan"):
            check_objective(prepared, TrainConfig(network=network))


def test_tables_of_columns_have_no_images_to_make() -> None:
    with pytest.raises(ConfigError, match=r"'generation' takes images: table .* has rows of columns"):
        retarget(table("multiclass"), "generation")
