"""The scenario of one process and one rank: training, golden losses, outputs, ONNX files, weight files."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from dbx_dl.config import OptimizerConfig
from dbx_dl.errors import DbxDlError
from dbx_dl.frameworks import load_framework
from dbx_dl.frameworks.interface import Framework, NetworkRequest
from dbx_dl.frameworks.single_rank import SingleRank
from tests.numerics import generating, grouping, locating, recommending, reconstructing, writing
from tests.numerics.digits import make_global_batches, request_convnet
from tests.numerics.resuming import go_on_from_checkpoints
from tests.numerics.training import create, load_same_weights, train_both_with_sgd, train_seeded
from tests.numerics.transfer import transfer
from tests.numerics.unfreezing import unfreeze
from tests.numerics.variants import ALONE, compute_losses, learn_large_counts, run_variants, step_with_overflow

NUM_GOLDEN_STEPS = 10
REQUESTS = {
    "convnet": request_convnet(dropout=0.25),
    "convnet_odd": NetworkRequest("convnet", {}, (13, 10, 3), "uint8", 3, 7),
    "mlp": NetworkRequest("mlp", {"hidden_units": 32, "num_layers": 3, "dropout": 0.5}, (30,), "float32", 2, 7),
}


def main(name: str, folder: Path) -> None:
    """Run everything and write `alone.json`."""
    framework = load_framework(name)
    specific = import_module(f"tests.numerics.{name}_alone")
    result = {
        "sgd": train_both_with_sgd(name, framework, SingleRank(), folder),
        "golden": train_seeded(framework, dropout=0.0, num_steps=NUM_GOLDEN_STEPS),
        "seeded": [train_seeded(framework, dropout=0.25, num_steps=5) for _ in range(2)],
        "outputs": {key: write_outputs(name, framework, request, folder / key) for key, request in REQUESTS.items()},
        "weight_files": check_weight_files(framework, folder),
        "refused": collect_refusals(name, framework),
        "variants": run_variants(name, framework, SingleRank(), folder / "variants", ALONE),
        "overflow": step_with_overflow(name, framework),
        "large_counts": learn_large_counts(name, framework),
        "losses": compute_losses(name),
        "resumed": go_on_from_checkpoints(framework, folder),
        "transferred": transfer(name, framework, folder),
        "unfrozen": unfreeze(name, framework, SingleRank()),
        "reconstruction": reconstructing.run_alone(name, framework, folder / "reconstruction"),
        "generation": generating.run_alone(framework),
        "clustering": grouping.run_alone(name, framework, folder / "clustering"),
        "places": locating.run_alone(name, framework),
        "writing": writing.run_alone(name, framework),
        "recommendation": recommending.run_alone(name, framework),
        "weighted": step_with_weights(framework),
        "refused_state": refuse_state(framework),
        "versions": framework.describe_versions(),
        "networks": sorted(import_module(f"dbx_dl.frameworks.{name}").NETWORKS),
        **specific.run(folder),
    }
    (folder / "alone.json").write_text(json.dumps(result, indent=1))


def make_inputs(request: NetworkRequest, num_rows: int) -> np.ndarray:
    """Random rows of the kind that the request asks for."""
    random = np.random.default_rng(5)
    shape = (num_rows, *request.input_shape)
    if request.input_dtype == "uint8":
        return random.integers(0, 256, shape, dtype=np.uint8)
    return random.normal(size=shape).astype(np.float32)


def write_outputs(name: str, framework: Framework, request: NetworkRequest, folder: Path) -> dict[str, Any]:
    """Logits of 17 rows from the same weights in `logits.npy`, and the network as ONNX at two opsets."""
    folder.mkdir()
    network = framework.build_network(request)
    objective = framework.create_objective(network, OptimizerConfig(), SingleRank())
    load_same_weights(name, framework, objective, folder)
    np.save(folder / "logits.npy", objective.predict(make_inputs(request, 17)))
    with capture_terminal(folder / "terminal.txt"):
        framework.export_network(network, request, folder / "opset18.onnx", 18)
    framework.export_network(network, request, folder / "opset21.onnx", 21)
    return {
        "terminal": (folder / "terminal.txt").read_text(),
        "files": sorted(file.name for file in folder.glob("*.onnx*")),
        "is_empty_fine": objective.predict(make_inputs(request, 0)).shape == (0, request.num_outputs),
        "is_chunked_fine": is_chunked_fine(objective, request),
    }


def is_chunked_fine(objective: Any, request: NetworkRequest) -> bool:
    """Whether rows that need several chunks get the logits that they get in other company."""
    inputs = make_inputs(request, 2500)
    return np.allclose(objective.predict(inputs)[2040:2060], objective.predict(inputs[2040:2060]), atol=1e-5)


@contextlib.contextmanager
def capture_terminal(path: Path) -> Any:
    """Everything that this process, native code included, would show on the terminal, into `path`."""
    kept = [os.dup(1), os.dup(2)]
    with path.open("w") as file:
        sys.stdout.flush()
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        yield
        sys.stdout.flush()
        sys.stderr.flush()
    for target, original in zip((1, 2), kept, strict=True):
        os.dup2(original, target)


def check_weight_files(framework: Framework, folder: Path) -> dict[str, Any]:
    """Save and load, and what is said about files that do not fit; nothing of those may be loaded."""
    objective = create(framework, request_convnet(), OptimizerConfig(), SingleRank())
    other = create(framework, REQUESTS["mlp"], OptimizerConfig(), SingleRank())
    path, suffix = folder / f"round_trip{framework.weights_suffix}", framework.weights_suffix
    inputs = make_inputs(request_convnet(), 8)
    saved = objective.predict(inputs)
    objective.save_weights(path)
    objective.train_step(make_global_batches(2)[0], 0.1)
    changed = objective.predict(inputs)
    other.save_weights(folder / f"other{suffix}")
    (folder / f"broken{suffix}").write_bytes(path.read_bytes()[:-200])
    (folder / f"empty{suffix}").write_bytes(b"")
    names = ("other", "broken", "empty", "absent")
    problems = [explain(lambda n=n: objective.load_weights(folder / f"{n}{suffix}")) for n in names]
    is_untouched = np.array_equal(objective.predict(inputs), changed)
    objective.load_weights(path)
    return {
        "problems": problems,
        "is_changed": not np.array_equal(saved, changed),
        "is_untouched": is_untouched,
        "is_restored": np.array_equal(objective.predict(inputs), saved),
        "num_partial": len(list(folder.glob("*.partial*"))),
    }


def step_with_weights(framework: Framework) -> dict[str, Any]:
    """A step whose rows have other weights in the loss than in metrics; which rows are hits before it."""
    objective = create(framework, request_convnet(), OptimizerConfig(), SingleRank())
    plain = make_global_batches(3)[0]
    batch = replace(plain, weights=plain.weights * 3, sample_weights=np.arange(32, dtype=np.float32))
    is_hit = objective.predict(batch.inputs).argmax(axis=1) == batch.labels
    return {"sums": objective.train_step(batch, 0.1), "hits": np.flatnonzero(is_hit).tolist()}


def refuse_state(framework: Framework) -> str:
    """What is said about a checkpoint's arrays of another network."""
    other = create(framework, REQUESTS["mlp"], OptimizerConfig(), SingleRank())
    objective = create(framework, request_convnet(), OptimizerConfig(), SingleRank())
    return explain(lambda: objective.write_state(other.read_state()))


def collect_refusals(name: str, framework: Framework) -> dict[str, str]:
    """What `build_network` says about requests that it must refuse."""
    images, rows = ((8, 8, 1), "uint8"), ((30,), "float32")
    requests = {
        "unknown name": ("convnett", {}, *images),
        "unknown option": ("convnet", {"droput": 0.1}, *images),
        "bad value": ("mlp", {"num_layers": -1}, *rows),
        "rows into convnet": ("convnet", {}, *rows),
        "images into go_policy": ("go_policy", {}, *images),
        "tiny images": ("convnet", {}, (3, 8, 1), "uint8"),
        "not a network": ("tests.numerics.user_networks:build_nothing", {}, *rows),
        "wrong width": (f"tests.numerics.{name}_networks:build_narrow", {}, *rows),
    }
    return {
        problem: explain(lambda values=values: framework.build_network(NetworkRequest(*values, 10, 0)))
        for problem, values in requests.items()
    }


def explain(action: Callable[[], Any]) -> str:
    """`<error class>: <message>` of what the action raises, one of ours."""
    try:
        action()
    except DbxDlError as error:
        return f"{type(error).__name__}: {error}"
    return "nothing was raised"


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
