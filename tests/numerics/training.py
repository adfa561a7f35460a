"""Training runs that the scenarios share, written against the Framework interface alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dbx_dl.config import OptimizerConfig
from dbx_dl.frameworks.interface import Framework, NetworkRequest, Objective, Ranks
from dbx_dl.frameworks.single_rank import SingleRank
from tests.numerics.digits import make_global_batches, request_convnet, request_smooth, take_share
from tests.numerics.weight_mapping import draw_weights, read_weights, write_weights

NUM_STEPS = 20
SEED = 3


def create(framework: Framework, request: NetworkRequest, optimizer: OptimizerConfig, ranks: Ranks) -> Objective:
    """An objective for a new network; one thread, since bits depend on their number."""
    framework.seed_process(SEED, 1)
    return framework.create_objective(framework.build_network(request), optimizer, ranks)


def load_same_weights(name: str, framework: Framework, objective: Objective, folder: Path) -> None:
    """Give the network weights that are the same in every framework."""
    like = folder / f"like{framework.weights_suffix}"
    objective.save_weights(like)
    weights = draw_weights([array.shape for array in read_weights(name, like)], seed=11)
    objective.load_weights(write_weights(name, like, weights, like.with_stem("same")))


def train_with_sgd(
    name: str, framework: Framework, request: NetworkRequest, ranks: Ranks, folder: Path
) -> dict[str, Any]:
    """20 steps of momentum SGD from the same weights, the learning rate halved on the way; weights go to `folder`."""
    folder.mkdir()
    objective = create(framework, request, OptimizerConfig(name="sgd", momentum=0.9), ranks)
    load_same_weights(name, framework, objective, folder)
    objective.broadcast_state()
    rates = [0.05 if step < NUM_STEPS // 2 else 0.025 for step in range(NUM_STEPS)]
    shares = [take_share(batch, ranks.rank, ranks.size) for batch in make_global_batches(NUM_STEPS)]
    sums = [objective.train_step(share, rate) for share, rate in zip(shares, rates, strict=True)]
    objective.save_weights(folder / f"trained{framework.weights_suffix}")
    return {"sums": sums, "num_traces": count_traces(objective)}


def train_both_with_sgd(name: str, framework: Framework, ranks: Ranks, folder: Path) -> dict[str, Any]:
    """`train_with_sgd` for the smooth network and the built-in one."""
    requests = {"smooth": request_smooth(name), "convnet": request_convnet()}
    return {
        key: train_with_sgd(name, framework, request, ranks, folder / f"sgd_{key}") for key, request in requests.items()
    }


def train_seeded(framework: Framework, dropout: float, num_steps: int) -> list[float]:
    """Losses per row of Adam steps from a seeded start on one rank."""
    objective = create(framework, request_convnet(dropout), OptimizerConfig(name="adam"), SingleRank())
    sums = [objective.train_step(batch, 1e-3) for batch in make_global_batches(num_steps)]
    return [step["loss"] / step["weight"] for step in sums]


def count_traces(objective: Any) -> int:
    """How often the step was traced into a graph; 1 where a framework does not trace."""
    step = getattr(objective, "_step", None)
    return step.experimental_get_tracing_count() if step is not None else 1
