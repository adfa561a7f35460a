"""Runs in a process of its own: a network's seeded weights as a file, which export then takes for a trained model."""

from __future__ import annotations

from pathlib import Path

from dbx_dl.config import OptimizerConfig
from dbx_dl.contracts import PreparedTable
from dbx_dl.frameworks import load_framework
from dbx_dl.frameworks.requests import network_request
from dbx_dl.frameworks.single_rank import SingleRank


def save_weights(prepared: dict, framework: str, network: str, options: dict, seed: int, folder: str) -> str:
    """Write the weights of a new network and return the file's path."""
    adapter = load_framework(framework)
    adapter.seed_process(seed, num_threads=1)
    request = network_request(PreparedTable.model_validate(prepared), network, options, seed)
    objective = adapter.create_objective(adapter.build_network(request), OptimizerConfig(), SingleRank())
    path = Path(folder) / f"weights{adapter.weights_suffix}"
    objective.save_weights(path)
    return str(path)
