"""Training runs that differ from plain momentum SGD in one thing each: optimizer, gradients, precision, task, norms."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from dbx_dl.config import OptimizerConfig
from dbx_dl.contracts import Batch, Target
from dbx_dl.frameworks.interface import Framework, NetworkRequest, Objective, ObjectiveRequest, Ranks
from dbx_dl.frameworks.single_rank import SingleRank
from dbx_dl.tasks import task_of
from tests.numerics.digits import label_for, make_global_batches, request_normalized, request_smooth, take_share
from tests.numerics.training import NUM_STEPS, SEED, load_same_weights

SGD = {"name": "sgd", "momentum": 0.9}


@dataclass(frozen=True)
class Variant:
    """One run: its optimizer, what it learns, and into how many batches each global batch is cut."""

    optimizer: dict[str, Any] = field(default_factory=lambda: SGD)
    request: ObjectiveRequest = field(default_factory=ObjectiveRequest)
    num_parts: int = 1
    rate: float = 0.05
    is_normalized: bool = False
    is_synchronized_each_step: bool = False


PLAIN = {"plain": Variant()}
OPTIMIZERS = {
    "nesterov": Variant({**SGD, "nesterov": True, "weight_decay": 0.1}),
    "adam": Variant({"name": "adam"}, rate=0.003),
    "adamw": Variant({"name": "adamw", "weight_decay": 0.1}, rate=0.003),
    "rmsprop": Variant({"name": "rmsprop", "momentum": 0.5}, rate=0.002),
    "adagrad": Variant({"name": "adagrad", "weight_decay": 0.1}, rate=0.02),
    "clip_value": Variant({**SGD, "clip_value": 0.003}),
}
TASKS = {
    "smoothed": Variant(request=ObjectiveRequest(label_smoothing=0.1)),
    "multilabel": Variant(request=ObjectiveRequest("multilabel")),
    "regression": Variant(request=ObjectiveRequest("regression", label_center=4.5, label_scale=3.0)),
    "count": Variant(request=ObjectiveRequest("count"), rate=0.01),
    "quantiles": Variant(request=ObjectiveRequest("quantiles", label_center=4.5, label_scale=3.0)),
    "gaussian": Variant(request=ObjectiveRequest("gaussian", label_center=4.5, label_scale=3.0), rate=0.01),
    "negative_binomial": Variant(request=ObjectiveRequest("negative_binomial"), rate=0.01),
}
PRECISIONS = {
    precision: Variant(request=ObjectiveRequest(precision=precision))
    for precision in ("mixed_bfloat16", "mixed_float16")
}
CLIPPED = {"clip_norm": Variant({**SGD, "clip_norm": 0.5})}
FLUSHED = {"flushed": Variant({**SGD, "accumulate_batches": 9}, num_parts=2, is_synchronized_each_step=True)}
NORMALIZED = {"apart": Variant(is_normalized=True)}
ALONE = PLAIN | OPTIMIZERS | TASKS | PRECISIONS | CLIPPED | FLUSHED | NORMALIZED
RANKS = {
    **CLIPPED,
    **NORMALIZED,
    "synchronized": Variant(request=ObjectiveRequest(sync_batch_norm=True), is_normalized=True),
    "accumulated": Variant({**SGD, "accumulate_batches": 2}, num_parts=2),
    "fp16": Variant({**SGD, "gradient_compression": "fp16"}),
    "bf16": Variant({**SGD, "gradient_compression": "bf16"}),
}
MARGIN_LOSSES = ("hinge", "squared_hinge", "perceptron", "squared_error")


def run_variants(
    name: str, framework: Framework, ranks: Ranks, folder: Path, variants: dict[str, Variant]
) -> dict[str, Any]:
    """Each variant's sums by step; weights and outputs for the first batch are written to `<folder>/<variant>`."""
    # A process with this many objectives is told that it traces too often.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    return {key: run_variant(name, framework, ranks, folder / key, variant) for key, variant in variants.items()}


def run_variant(name: str, framework: Framework, ranks: Ranks, folder: Path, variant: Variant) -> dict[str, Any]:
    """20 steps from weights that are the same everywhere."""
    folder.mkdir(parents=True)
    objective = create_variant(name, framework, ranks, variant)
    if not variant.is_normalized:
        load_same_weights(name, framework, objective, folder)
    objective.broadcast_state()
    batches = [label_for(variant.request.task, batch) for batch in make_global_batches(NUM_STEPS)]
    sums = []
    for batch in batches:
        for part in range(variant.num_parts):
            share = take_share(take_share(batch, part, variant.num_parts), ranks.rank, ranks.size)
            sums.append(objective.train_step(share, variant.rate))
        if variant.is_synchronized_each_step:
            objective.synchronize_statistics()
    before = objective.predict(batches[0].inputs)
    objective.synchronize_statistics()
    objective.save_weights(folder / f"trained{framework.weights_suffix}")
    np.savez(folder / "outputs.npz", before=before, after=objective.predict(batches[0].inputs))
    return {"sums": sums, "metrics": measure(objective, batches[0])}


def create_variant(name: str, framework: Framework, ranks: Ranks, variant: Variant) -> Objective:
    """The variant's objective, on a small smooth network."""
    framework.seed_process(SEED, 1)
    network = framework.build_network(request_network(name, variant))
    return framework.create_objective(network, OptimizerConfig(**variant.optimizer), ranks, variant.request)


def request_network(name: str, variant: Variant) -> NetworkRequest:
    """As many outputs as the task needs."""
    task = task_of(variant.request)
    is_number, target = task.label_kind == "number", Target(task=variant.request.task, column="y")
    num_outputs = task.count_outputs(target) if is_number else {"multilabel": 4}.get(variant.request.task, 10)
    return request_normalized(name) if variant.is_normalized else request_smooth(name, num_outputs)


def measure(objective: Objective, batch: Batch) -> dict[str, float]:
    """The metrics of one batch."""
    return objective.measures.measure(objective.measures.observe(batch, objective.predict(batch.inputs)))


def step_with_overflow(name: str, framework: Framework) -> dict[str, Any]:
    """A float16 step whose scaled loss is infinite: whether weights stay, and what becomes of the scale."""
    objective: Any = create_variant(name, framework, SingleRank(), PRECISIONS["mixed_float16"])
    batch = make_global_batches(3)[0]
    before = objective.predict(batch.inputs)
    objective._descent.loss_scale.value = 2.0**127
    objective.train_step(batch, 0.05)
    is_kept = np.array_equal(objective.predict(batch.inputs), before)
    halved = objective._descent.loss_scale.value
    objective._descent.loss_scale.value = 2.0**10
    objective.train_step(batch, 0.05)
    return {"is_kept": is_kept, "scale": halved, "moves": not np.array_equal(objective.predict(batch.inputs), before)}


def learn_large_counts(name: str, framework: Framework) -> dict[str, Any]:
    """float16 steps whose summed gradients overflow unless they are scaled by less than 1."""
    request = Variant(request=ObjectiveRequest("count", precision="mixed_float16"))
    objective: Any = create_variant(name, framework, SingleRank(), request)
    batch = make_global_batches(3)[0]
    batch = replace(batch, labels=np.full(len(batch.labels), 60_000, np.float32))
    before = objective.predict(batch.inputs)
    objective._descent.loss_scale.value = 1.0
    for _ in range(8):
        objective.train_step(batch, 1e-9)
    return {
        "scale": objective._descent.loss_scale.value,
        "moves": not np.array_equal(objective.predict(batch.inputs), before),
    }


def compute_losses(name: str) -> dict[str, list[float]]:
    """Every loss of the same outputs and labels, row by row."""
    random = np.random.default_rng(3)
    losses = import_module(f"dbx_dl.frameworks.{name}.losses")
    to_tensor = import_module(name).ops.convert_to_tensor if name == "keras" else import_module(name).from_numpy
    requests = {
        "binary": (2, ObjectiveRequest("binary")),
        "multiclass": (5, ObjectiveRequest()),
        "smoothed": (5, ObjectiveRequest(label_smoothing=0.2)),
        "multilabel": (5, ObjectiveRequest("multilabel")),
        "smoothed multilabel": (5, ObjectiveRequest("multilabel", label_smoothing=0.2)),
        "regression": (1, ObjectiveRequest("regression", label_center=2.0, label_scale=3.0)),
        "huber": (1, ObjectiveRequest("regression", loss="huber")),
        "mae": (1, ObjectiveRequest("regression", loss="mae")),
        "count": (1, ObjectiveRequest("count")),
        "quantiles": (3, ObjectiveRequest("quantiles", label_center=2.0, label_scale=3.0)),
        "gaussian": (2, ObjectiveRequest("gaussian", label_center=2.0, label_scale=3.0)),
        "negative_binomial": (2, ObjectiveRequest("negative_binomial")),
        **{loss: (5, ObjectiveRequest(loss=loss)) for loss in MARGIN_LOSSES},
    }
    found = {}
    for key, (num_outputs, request) in requests.items():
        random = np.random.default_rng(4) if key in MARGIN_LOSSES else random
        outputs = random.normal(size=(17, num_outputs)).astype(np.float32) * 2
        labels: np.ndarray = random.integers(0, max(2, num_outputs), 17)
        if request.task == "multilabel":
            labels = random.integers(0, 2, (17, num_outputs)).astype(np.float32)
        elif task_of(request).label_kind == "number":
            labels = random.integers(0, 6, 17).astype(np.float32)
        values = losses.create_loss(request)(to_tensor(outputs), to_tensor(labels))
        found[key] = [float(value) for value in values]
    return found
