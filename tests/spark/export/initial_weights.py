"""Runs in a process of its own: networks' seeded weights as files, which export then takes for trained models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dbx_dl.config import OptimizerConfig, TrainConfig
from dbx_dl.contracts import PreparedTable
from dbx_dl.export.network_process import network_inputs
from dbx_dl.feed.rows import read_rows
from dbx_dl.feed.targets import LabelReader
from dbx_dl.frameworks import load_framework
from dbx_dl.frameworks.requests import network_request, objective_request
from dbx_dl.frameworks.single_rank import SingleRank


def save_weights(framework: str, models: dict[str, dict[str, Any]], folder: str, seed: int) -> dict[str, Any]:
    """Write the weights of new networks; path and metrics of the test split, named as training does, by model.

    Each model has `prepared` (a PreparedTable as JSON) and `network`.
    """
    adapter = load_framework(framework)
    adapter.seed_process(seed, num_threads=1)
    found = {}
    for name, model in models.items():
        prepared = PreparedTable.model_validate(model["prepared"])
        network = adapter.build_network(network_request(prepared, model["network"], {}, seed))
        request = objective_request(prepared, TrainConfig(network=model["network"]))
        objective = adapter.create_objective(network, OptimizerConfig(), SingleRank(), request)
        path = Path(folder) / f"{name}{adapter.weights_suffix}"
        objective.save_weights(path)
        rows = read_rows(prepared, "test")
        labels = LabelReader(prepared.target).read(rows, "the test rows")
        predictions = objective.measures.predict(objective.predict(network_inputs(rows, prepared.inputs)))
        metrics = objective.measures.measure({"labels": labels, "predictions": predictions})
        found[name] = {
            "path": str(path),
            "metrics": {f"test_{metric}": value for metric, value in metrics.items()},
        }
    return found
