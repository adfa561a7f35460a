"""The scenario of what networks learn: each of them, of its kinds of rows, its tasks, a few steps on two ranks."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dbx_dl.config import TrainConfig
from dbx_dl.contracts import Batch, TaskName
from dbx_dl.frameworks import load_framework
from dbx_dl.frameworks.architectures import ARCHITECTURES
from dbx_dl.frameworks.architectures.targets import list_learned
from dbx_dl.frameworks.interface import Framework, Objective, Ranks
from dbx_dl.frameworks.requests import check_objective, network_request, objective_request
from dbx_dl.runtime.ranks import read_rank_place
from dbx_dl.train.looking import show_rows
from dbx_dl.train.noise import expect_noise
from tests.numerics.digits import take_share
from tests.numerics.grouping import Shares
from tests.numerics.learned_rows import NOISE_SIZE, NUM_ROWS, Case, describe_table, make_batch

NUM_STEPS, RATE = 12, 0.02
# Networks that such steps throw off: with wide dense layers behind many pixels, with attention, around centres.
SLOWER = {
    **dict.fromkeys(("convnet", "deep_convnet"), 0.002),
    **dict.fromkeys(("transformer", "kmeans", "gaussian_mixture", "deep_gaussian_mixture"), 0.004),
}
RECURRENT = ("rnn", "lstm", "gru")
# Small, and without dropout, so that the loss of one batch falls from step to step.
OPTIONS: dict[str, dict[str, Any]] = {
    "mlp": {"hidden_units": 16},
    "deep_belief_network": {"hidden_units": 16, "pretraining_epochs": 1},
    "rbf_svm": {"num_features": 64},
    "convnet": {"dropout": 0.0},
    "deep_convnet": {"dropout": 0.0},
    "resnet": {"filters": 4},
    **{cell: {"units": 8, "embedding_width": 6} for cell in RECURRENT},
    "transformer": {"width": 8, "num_heads": 2, "num_layers": 1},
    "text_cnn": {"filters": 6, "embedding_width": 6, "widths": "1,2", "dropout": 0.0},
    "text_and_columns": {"filters": 6, "embedding_width": 6, "widths": "1,2", "hidden_units": 8, "dropout": 0.0},
    "encoder_decoder": {"units": 8, "embedding_width": 6},
    "image_captioner": {"units": 8, "embedding_width": 6, "filters": 4},
    "audio_cnn": {"num_mels": 16, "filters": 4},
    "detector": {"filters": 4, "num_blocks": 1},
    "unet": {"filters": 4},
    "go_policy": {"filters": 2},
    "deep_kmeans": {"hidden_units": 16, "code_size": 4, "pretraining_epochs": 1},
    "deep_gaussian_mixture": {"hidden_units": 16, "code_size": 4, "pretraining_epochs": 1},
    "gan": {"noise_size": NOISE_SIZE, "hidden_units": 16},
    "two_tower": {"width": 8, "hidden_units": 8},
    "matrix_factorization": {"width": 8},
}

# Kinds of rows and of answers that no other quick test trains in both frameworks.
QUICK = (
    Case("text_and_columns", "text_and_columns", "binary"),
    Case("audio_cnn", "audio", "multiclass"),
    Case("lstm", "steps", "frames"),
    Case("unet", "images", "segmentation"),
)


def list_cases() -> Iterator[Case]:
    """Every network with all tasks of the first kind of rows that it takes; of other kinds one, and those not seen yet.

    A chain whose weights are counted has nothing to train.
    """
    for network, entry in ARCHITECTURES.items():
        learned: set[TaskName] = set()
        for kind in () if entry.is_counted else entry.inputs:
            tasks = list_learned(entry, kind)
            new = [task for task in tasks if task not in learned]
            yield from (Case(network, kind, task) for task in new or tasks[:1])
            learned.update(new)


def main(name: str, folder: Path) -> None:
    """Write `<folder>/<rank>.json`: by case the steps' average losses, and what the rank's network gives after them."""
    place = read_rank_place()
    framework = load_framework(name)
    ranks = framework.connect_ranks(place)
    wanted = set(json.loads((folder / "wanted.json").read_text()))
    found = {case.name: learn(framework, ranks, case) for case in list_cases() if case.name in wanted}
    (folder / f"{place.rank}.json").write_text(json.dumps(found))
    ranks.close()


def learn(framework: Framework, ranks: Ranks, case: Case) -> dict[str, Any]:
    """Steps on one batch, of which each rank has its share; the first ones are those before the task."""
    objective, share, num_before = create(framework, ranks, case)
    objective.broadcast_state()
    losses = []
    for epoch in range(1, num_before + NUM_STEPS + 1):
        objective.start_epoch(epoch)
        show_rows(objective, ranks, Shares([share], NUM_ROWS, 1), epoch)
        sums = objective.train_step(share, SLOWER.get(case.network, RATE))
        loss, weight = ranks.sum(np.array([sums["loss"], sums["weight"]]))
        losses.append(float(loss / weight))
    objective.synchronize_statistics()
    inputs = make_batch(case, describe_table(case)).inputs
    return {"losses": losses[num_before:], "outputs": objective.predict(inputs[:4]).astype(float).ravel().tolist()}


def create(framework: Framework, ranks: Ranks, case: Case) -> tuple[Objective, Batch, int]:
    """What learns the case as a run would, the rank's share of its batch, and how many epochs come before the task."""
    framework.seed_process(3 + ranks.rank, 1)
    options = dict(OPTIONS.get(case.network, {}))
    if case.kind == "table" and case.network in (*RECURRENT, "transformer"):
        options["num_steps"] = 6
    config = TrainConfig(network=case.network, network_options=options, seed=7)
    prepared = expect_noise(describe_table(case), config)
    check_objective(prepared, config)
    request = network_request(prepared, case.network, options, 7)
    learned = objective_request(prepared, config)
    objective = framework.create_objective(framework.build_network(request), config.optimizer, ranks, learned)
    plan, clustering = learned.pretraining, learned.clustering
    num_before = 0 if clustering is None else clustering.num_epochs
    num_before += 0 if plan is None else len(plan.layers) * plan.num_epochs
    return objective, take_share(make_batch(case, prepared), ranks.rank, ranks.size), num_before


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
