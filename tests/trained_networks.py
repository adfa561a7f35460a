"""Small networks trained within seconds on rows in which something is planted, for tests of explanations.

`train_planted` runs in a process of its own (`runtime.processes.call_in_process`), which loads one framework.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dbx_dl.contracts import (
    Batch,
    CategoricalFeature,
    FeatureSpec,
    FileDigest,
    ImageSpec,
    NumericFeature,
    StepsFeature,
    StepsSpec,
    StoredNetwork,
    Target,
    TextFeature,
    TextSpec,
)
from dbx_dl.runtime.processes import call_in_process
from dbx_dl.score.model.session import digest_file

TARGET = Target(task="multiclass", column="label", label_names=("down", "up"))
WORDS = tuple(f"w{number}" for number in range(12))
PLANTED_WORD, SIDE = "w7", 12
# Where a bright patch says that an image is of class 1.
PATCH = (slice(2, 6), slice(7, 11))


@dataclass(frozen=True)
class Planted:
    """A network by name, what it takes, and rows with their labels as it learns them."""

    network: str
    inputs: Any
    rows: np.ndarray
    labels: np.ndarray
    num_steps: int = 80
    options: dict[str, Any] | None = None


def plant(kind: str, num_rows: int = 256) -> Planted:
    """Rows of which the label is decided by one patch, column, word or signal."""
    random = np.random.default_rng(3)
    labels = random.integers(0, 2, num_rows)
    spec: Any
    if kind == "images":
        rows = random.integers(0, 100, (num_rows, SIDE, SIDE, 1)).astype(np.uint8)
        rows[labels == 1, PATCH[0], PATCH[1]] += 130
        return Planted(
            "convnet", ImageSpec(height=SIDE, width=SIDE, channels=1), rows, labels, options={"dropout": 0.0}
        )
    if kind == "table":
        values = random.normal(size=(num_rows, 2)).astype(np.float32)
        values[:, 1] = (2 * labels - 1) * (0.5 + np.abs(values[:, 1]))
        colours = np.eye(3, dtype=np.float32)[random.integers(0, 3, num_rows)]
        spec = FeatureSpec(
            features=(
                NumericFeature(column="noise", fill=0.0, center=0.0, scale=1.0),
                CategoricalFeature(column="colour", categories=("blue", "red")),
                NumericFeature(column="signal", fill=0.0, center=0.0, scale=1.0),
            )
        )
        return Planted("mlp", spec, np.concatenate([values[:, :1], colours, values[:, 1:]], axis=1), labels)
    if kind == "text":
        others = np.array([number for number in range(len(WORDS)) if WORDS[number] != PLANTED_WORD])
        rows = 2 + others[random.integers(0, len(others), (num_rows, 8))]
        rows[labels == 1, random.integers(0, 8, num_rows)[labels == 1]] = 2 + WORDS.index(PLANTED_WORD)
        spec = TextSpec(text=TextFeature(column="text", pattern=r"\w+", max_length=8, vocabulary=WORDS))
        return Planted("text_cnn", spec, rows.astype(np.int32), labels, 120, {"dropout": 0.0})
    values = random.normal(size=(num_rows, 6, 3)).astype(np.float32)
    values[..., 2] = 1
    values[:, 3, 0] = 4 * (2 * labels - 1)
    spec = StepsSpec(features=(StepsFeature(column="x", fill=0.0), StepsFeature(column="y", fill=0.0)), max_steps=6)
    return Planted("lstm", spec, values, labels, 120)


def describe(kind: str, framework: str, weights: Path) -> StoredNetwork:
    """The planted network as a registered version keeps it."""
    planted = plant(kind)
    return StoredNetwork(
        framework=framework,  # type: ignore[arg-type]
        network=planted.network,
        network_options=planted.options or {},
        inputs=planted.inputs,
        target=TARGET,
        seed=1,
        weights=FileDigest(path=weights.name, sha256=digest_file(weights) if weights.is_file() else ""),
        model_sha256="",
    )


def train(kind: str, framework: str, folder: Path) -> StoredNetwork:
    """Train a planted network in a process of its own; leaves its weights and `network.onnx` in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    suffix = call_in_process(
        "tests.trained_networks:train_planted", {"kinds": [kind], "framework": framework, "folder": str(folder)}
    )
    return describe(kind, framework, folder / f"{kind}{suffix}")


def train_planted(kinds: list[str], framework: str, folder: str) -> str:
    """Train networks one after the other; gives the suffix of weights."""
    from dbx_dl.config import OptimizerConfig
    from dbx_dl.frameworks import load_framework
    from dbx_dl.frameworks.requests import network_request
    from dbx_dl.frameworks.single_rank import SingleRank

    loaded = load_framework(framework)
    loaded.seed_process(0, num_threads=1)
    for kind in kinds:
        planted = plant(kind)
        request = network_request(describe(kind, framework, Path()), planted.network, planted.options or {}, 1)
        network = loaded.build_network(request)
        objective = loaded.create_objective(network, OptimizerConfig(learning_rate=0.01), SingleRank())
        for step in range(planted.num_steps):
            some = np.random.default_rng(step).integers(0, len(planted.labels), 32)
            keys = tuple(map(str, some))
            batch = Batch(planted.rows[some], planted.labels[some], np.ones(32, np.float32), keys)
            objective.train_step(batch, 0.01)
        objective.save_weights(Path(folder) / f"{kind}{loaded.weights_suffix}")
        loaded.export_network(network, request, Path(folder) / f"{kind}.onnx", 18)
    return loaded.weights_suffix
