"""What holds of every model that went the whole way: trained by two ranks, better than its baseline, registered."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbx_dl.contracts import OnnxModel, Promotion, TrainedModel
from dbx_dl.frameworks.architectures import ARCHITECTURES
from dbx_dl.metrics import is_better
from dbx_dl.tasks import task_of


def check_whole_way(model: OnnxModel, baseline: float) -> None:
    """The model of a run; `baseline` is its task's deciding metric without a network."""
    trained = model.trained
    metric = task_of(trained.prepared.target).default_metric
    assert is_better(metric, model.metrics[metric], baseline)
    if not ARCHITECTURES[trained.network].is_counted:
        assert trained.num_ranks == 2
        losses = list_losses(trained)
        assert losses[-1] < losses[0]
    check_registered(model)


def list_losses(trained: TrainedModel) -> list[float]:
    """The losses of the epochs in which the network learns its task; what comes before them has losses of its own.

    Of a game of two networks, in which one's loss is the other's gain, what is left of the difference from true images.
    """
    name = "validation_energy_distance" if trained.prepared.target.task == "generation" else "train_loss"
    return [epoch.metrics[name] for epoch in trained.history[count_pretraining(trained) :]]


def count_pretraining(trained: TrainedModel) -> int:
    """Epochs before those that learn the task."""
    entry = ARCHITECTURES[trained.network]
    options = entry.options.model_validate(trained.network_options)
    if entry.pretrain is not None:
        plan = entry.pretrain(options)
        return len(plan.layers) * plan.num_epochs
    return 0 if entry.cluster is None else entry.cluster(options, 1, 0).num_epochs


def check_registered(model: OnnxModel) -> None:
    """Promotion fetched the file from the registry, and it gave in Spark what it gave before it was registered."""
    promotion = Promotion.load(Path(model.trained.directory).parent / "promotion.json")
    (measured,) = (version for version in promotion.models if version.sha256 == model.file.sha256)
    value = measured.metrics[promotion.metric].value
    assert value == pytest.approx(model.metrics[promotion.metric], rel=1e-4, abs=1e-6)
