"""What only PyTorch can show with several ranks: a plain loop with a distributed optimizer, missing gradients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from dbx_dl.errors import ConfigError
from dbx_dl.frameworks.interface import Ranks
from dbx_dl.frameworks.torch import build_network, distribute_optimizer, seed_process, to_tensors
from tests.numerics.digits import make_global_batches, request_convnet, take_share
from tests.numerics.torch_alone import train_step


def run(ranks: Ranks, folder: Path) -> dict[str, Any]:
    """Train in a plain loop on this rank's shares; reduce gradients that only one rank has."""
    seed_process(1, 1)
    network = build_network(request_convnet())
    optimizer = distribute_optimizer(torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9), ranks)
    shares = [take_share(batch, ranks.rank, ranks.size) for batch in make_global_batches(8)[:6]]
    for share in shares * 2:
        train_step(network, optimizer, *to_tensors(share))
    return {
        "fitted": [float(weight.sum()) for weight in network.state_dict().values()],
        "iterations": len(shares) * 2,
        "missing": step_with_missing_gradients(ranks),
        "closure": explain_closure(optimizer),
    }


def step_with_missing_gradients(ranks: Ranks) -> list[float]:
    """Three parameters with gradients on both ranks, on the last rank, on none; ranks weigh 1, 3."""
    parameters = [torch.nn.Parameter(torch.zeros(1)) for _ in range(3)]
    optimizer = distribute_optimizer(torch.optim.SGD(parameters, lr=1.0), ranks)
    parameters[0].grad = torch.tensor([ranks.rank + 1.0])
    parameters[1].grad = None if ranks.rank == 0 else torch.tensor([ranks.rank + 1.0])
    optimizer.step(weight=2 * ranks.rank + 1)
    assert parameters[2].grad is None
    return [parameter.item() for parameter in parameters]


def explain_closure(optimizer: Any) -> str:
    """What is said about a step with a closure, before anything is reduced."""
    try:
        optimizer.step(lambda: 0.0)
    except ConfigError as error:
        return str(error)
    return "nothing was raised"
