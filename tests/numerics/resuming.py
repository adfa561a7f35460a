"""Training with dropout, unfreezing and pretraining that goes on from checkpoints, compared bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dbx_dl.config import CheckpointConfig, OptimizerConfig, TrainConfig, UnfreezeConfig
from dbx_dl.contracts import Batch
from dbx_dl.frameworks.interface import Framework, NetworkRequest, Objective, ObjectiveRequest, Pretraining
from dbx_dl.frameworks.single_rank import SingleRank
from dbx_dl.train.checkpoint_files import list_folders, open_checkpoint
from dbx_dl.train.checkpoints import BestWeights, Checkpoints
from dbx_dl.train.loop import Fit, fit
from tests.numerics.digits import make_global_batches, request_convnet

NUM_STEPS = 7
OPTIMIZERS = {
    "adam": OptimizerConfig(name="adam", learning_rate=0.01, warmup_epochs=1, decay="cosine"),
    "sgd": OptimizerConfig(name="sgd", learning_rate=0.05, momentum=0.9),
    "belief": OptimizerConfig(name="adam", learning_rate=0.01),
}
# A layer that is pretrained, by random draws, in the first epoch.
BELIEF = NetworkRequest("deep_belief_network", {"num_layers": 1, "hidden_units": 16}, (8, 8, 1), "uint8", 10, 7)
BELIEVING = ObjectiveRequest(pretraining=Pretraining(("dense_1",), 1, 1), are_pixels=True)
# With adam the convolutions train in the second epoch only, with a rate of their own.
UNFROZEN_WITH = OPTIMIZERS["adam"]


class ListFeed:
    """The same batches in every epoch."""

    def __init__(self, batches: list[Batch]) -> None:
        self._batches = batches
        self.num_steps = len(batches)
        self.num_rows = sum(int((batch.weights > 0).sum()) for batch in batches)

    def batches(self, epoch: int | None, first_step: int = 0) -> Iterator[Batch]:
        return iter(self._batches[first_step:])


def go_on_from_checkpoints(framework: Framework, folder: Path) -> dict[str, dict[str, list[bool]]]:
    """By optimizer and checkpoint: whether state and history end as they do without an interruption."""
    return {name: _go_on(framework, optimizer, folder / f"resume_{name}") for name, optimizer in OPTIMIZERS.items()}


def _go_on(framework: Framework, optimizer: OptimizerConfig, folder: Path) -> dict[str, list[bool]]:
    whole, fitted = _train(framework, optimizer, folder, None, seed=1)
    outcomes = {}
    for place in sorted(list_folders(folder / "checkpoints")):
        again, same = _train(framework, optimizer, folder, place, seed=2)
        outcomes[place.name] = [_read_bits(again) == _read_bits(whole), _read_history(same) == _read_history(fitted)]
    return outcomes


def _train(
    framework: Framework, optimizer: OptimizerConfig, folder: Path, start: Path | None, seed: int
) -> tuple[Objective, Fit]:
    framework.seed_process(seed, 1)
    is_believing = optimizer == OPTIMIZERS["belief"]
    network = framework.build_network(BELIEF if is_believing else request_convnet(dropout=0.5, seed=seed))
    ranks = SingleRank()
    stages: Any = ()
    if optimizer == UNFROZEN_WITH:
        layers = ("conv2d_*",)
        stages = framework.freeze_network(network, layers, [UnfreezeConfig(epoch=2, layers=layers, learning_rate=1e-3)])
    learned = BELIEVING if is_believing else ObjectiveRequest()
    objective = framework.create_objective(network, optimizer, ranks, learned, stages)
    kept = CheckpointConfig(every_steps=5, keep_last=100)
    config = TrainConfig(network="convnet", num_epochs=2, optimizer=optimizer, checkpoint=kept)
    best = BestWeights(folder / f"best_weights{framework.weights_suffix}", ranks)
    checkpoints = Checkpoints(folder / "checkpoints", ranks, kept, best, job_digest="", batch_size=32)
    feed = ListFeed(make_global_batches(NUM_STEPS))
    opened = None if start is None else open_checkpoint(start)
    return objective, fit(objective, ranks, feed, feed, config, best, lambda values: None, checkpoints, opened)


def _read_bits(objective: Objective) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in objective.read_state().items()}


def _read_history(fitted: Fit) -> Any:
    return [epoch.metrics for epoch in fitted.history]
