"""Weights of one network as the start of another with a new head, and layers that are frozen by name."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np

from dbx_dl.config import OptimizerConfig
from dbx_dl.errors import DbxDlError
from dbx_dl.frameworks.interface import Framework, NetworkRequest
from dbx_dl.frameworks.single_rank import SingleRank
from tests.numerics.digits import make_global_batches, request_convnet
from tests.numerics.weight_mapping import read_weights


class Messages(logging.Handler):
    """Keeps what is logged instead of showing it."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


def transfer(name: str, framework: Framework, folder: Path) -> dict[str, Any]:
    """Which arrays are taken over into a network with four classes, and which of them two steps change."""
    suffix = framework.weights_suffix
    paths = {key: folder / f"transfer_{key}{suffix}" for key in ("source", "started", "trained")}
    source = framework.create_objective(framework.build_network(request_convnet()), OptimizerConfig(), SingleRank())
    source.save_weights(paths["source"])
    network = framework.build_network(NetworkRequest("convnet", {}, (8, 8, 1), "uint8", 4, 99))
    framework.freeze_network(network, ["conv2d_*"])
    objective = framework.create_objective(network, OptimizerConfig(name="sgd", momentum=0.9), SingleRank())
    strict = refuse(lambda: objective.load_weights(paths["source"]))
    messages = Messages()
    logging.getLogger("dbx_dl.frameworks.weights").addHandler(messages)
    objective.load_weights(paths["source"], skip_mismatched=True)
    objective.save_weights(paths["started"])
    for batch in make_global_batches(2):
        objective.train_step(type(batch)(batch.inputs, batch.labels % 4, batch.weights, batch.keys), 0.1)
    objective.save_weights(paths["trained"])
    arrays = {key: read_weights(name, path) for key, path in paths.items()}
    return {
        "strict": strict,
        "said": messages.texts,
        "is_taken": are_equal(arrays["source"], arrays["started"]),
        "is_frozen": are_equal(arrays["started"], arrays["trained"]),
        "unknown": refuse(lambda: framework.freeze_network(network, ["nothing*"])),
        "everything": refuse(lambda: framework.freeze_network(network, ["*"])),
    }


def are_equal(before: list[np.ndarray], after: list[np.ndarray]) -> list[bool]:
    """By array, whether the bits are the same."""
    return [one.tobytes() == other.tobytes() for one, other in zip(before, after, strict=True)]


def refuse(action: Any) -> str:
    """The message of the error that the action raises."""
    try:
        action()
    except DbxDlError as error:
        return f"{type(error).__name__}: {error}"
    return "nothing was raised"
