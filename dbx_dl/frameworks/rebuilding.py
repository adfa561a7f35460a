"""A trained network built again from what describes it, with its weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl.config import OptimizerConfig
from dbx_dl.contracts import FileDigest, StoredNetwork
from dbx_dl.frameworks import load_framework
from dbx_dl.frameworks.requests import find_label_scaling, network_request
from dbx_dl.frameworks.single_rank import SingleRank

if TYPE_CHECKING:
    from dbx_dl.contracts import TrainedModel
    from dbx_dl.frameworks.interface import Framework, NetworkRequest, Objective


@dataclass(frozen=True)
class RebuiltNetwork:
    """A network in its framework, which this process has loaded, and what predicts with it."""

    framework: Framework
    request: NetworkRequest
    network: Any
    objective: Objective


def rebuild_network(model: TrainedModel | StoredNetwork, weights: Path) -> RebuiltNetwork:
    """The network with these weights, in one thread; a process may do so for one framework only.

    DataError when the weights are of another network, ConfigError when a network of the user's own is not to be found.
    """
    described = model if isinstance(model, StoredNetwork) else model.prepared
    framework = load_framework(model.framework)
    framework.seed_process(model.seed, num_threads=1)
    request = network_request(described, model.network, model.network_options, model.seed)
    network = framework.build_network(request)
    objective = framework.create_objective(network, OptimizerConfig(), SingleRank())
    objective.load_weights(weights)
    return RebuiltNetwork(framework, request, network, objective)


def describe_network(trained: TrainedModel, model_sha256: str) -> StoredNetwork:
    """What a registered version keeps of a trained network whose ONNX file has this SHA-256."""
    center, scale = find_label_scaling(trained.prepared)
    return StoredNetwork(
        framework=trained.framework,
        network=trained.network,
        network_options=trained.network_options,
        inputs=trained.prepared.inputs,
        target=trained.prepared.target,
        seed=trained.seed,
        weights=FileDigest(path=Path(trained.weights.path).name, sha256=trained.weights.sha256),
        model_sha256=model_sha256,
        label_center=center,
        label_scale=scale,
    )
