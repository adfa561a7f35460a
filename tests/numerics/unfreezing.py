"""A network whose layers come in by stages: losses, how far every array moves in every step, what is refused."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from dbx_dl.config import OptimizerConfig, UnfreezeConfig
from dbx_dl.frameworks.interface import Framework, Objective, ObjectiveRequest, Ranks
from tests.numerics.digits import make_global_batches, request_normalized, take_share
from tests.numerics.transfer import refuse

RATE, OWN_RATE = 0.01, 0.001
NUM_EPOCHS, STEPS_PER_EPOCH = 3, 2
SYNCHRONIZED = ObjectiveRequest(sync_batch_norm=True)


def unfreeze(name: str, framework: Framework, ranks: Ranks) -> dict[str, Any]:
    """Adam on all but the inner batch-norm: the head from the start, then the dense layer, then the convolution."""
    framework.seed_process(3, 1)
    objective = create_staged(name, framework, ranks)
    objective.broadcast_state()
    moves, losses, digests = [], [], []
    batches = iter(make_global_batches(NUM_EPOCHS * STEPS_PER_EPOCH + 2))
    for epoch in range(1, NUM_EPOCHS + 1):
        objective.start_epoch(epoch)
        for _ in range(STEPS_PER_EPOCH):
            before = read_arrays(objective)
            sums = objective.train_step(take_share(next(batches), ranks.rank, ranks.size), RATE)
            losses.append(sums["loss"])
            pairs = zip(before, read_arrays(objective), strict=True)
            moves.append([float(np.abs(now - was).max()) for was, now in pairs])
        objective.synchronize_statistics()
        digests.append(hashlib.sha256(b"".join(array.tobytes() for array in read_arrays(objective))).hexdigest())
    return {"moves": moves, "losses": losses, "digests": digests, "refused": collect_refusals(name, framework)}


def create_staged(name: str, framework: Framework, ranks: Ranks) -> Objective:
    """The objective, its stages not in the order of their epochs."""
    network = framework.build_network(request_normalized(name))
    outer, convolution, _, dense, norm = name_layers(name, network)
    stages = (
        UnfreezeConfig(epoch=3, layers=(convolution,)),
        UnfreezeConfig(epoch=2, layers=(dense, norm), learning_rate=OWN_RATE),
    )
    frozen = framework.freeze_network(network, [outer, dense, norm], stages)
    return framework.create_objective(network, OptimizerConfig(learning_rate=RATE), ranks, SYNCHRONIZED, frozen)


def name_layers(name: str, network: Any) -> list[str]:
    """Names of the inner network, its convolution and batch-norm, the dense layer and the outer batch-norm."""
    if name == "torch":
        return ["1", "1.0", "1.1", "5", "6"]
    outer, dense, norm, _ = [layer for layer in network.layers if layer.weights]
    return [outer.name, *(f"{outer.name}/{layer.name}" for layer in outer.layers), dense.name, norm.name]


def read_arrays(objective: Objective) -> list[np.ndarray]:
    """The network's arrays of float32, layer by layer: weight and bias, of batch-norm its moving statistics too."""
    state = objective.read_state()
    return [array for name, array in state.items() if name.startswith("network/") and array.dtype == np.float32]


def collect_refusals(name: str, framework: Framework) -> dict[str, str]:
    """What is said about stages that are none."""

    def freeze(*layers: tuple[str, ...]) -> str:
        network = framework.build_network(request_normalized(name))
        _, _, _, dense, norm = name_layers(name, network)
        named = {"DENSE": dense, "NORM": norm}
        stages = [
            UnfreezeConfig(epoch=epoch, layers=tuple(named.get(pattern, pattern) for pattern in patterns))
            for epoch, patterns in enumerate(layers, 2)
        ]
        said = refuse(lambda: framework.freeze_network(network, [dense, norm], stages))
        return said.replace(dense, "DENSE").replace(norm, "NORM")

    return {"unknown": freeze(("nothing*",)), "again": freeze(("DENSE", "NORM"), ("NORM",))}
