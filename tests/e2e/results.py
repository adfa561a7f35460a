"""The table of results in docs/: a row for every network and framework, kept from one run of the matrix to the next."""

from __future__ import annotations

import fcntl
import json
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from dbx_dl.contracts import OnnxModel
from dbx_dl.frameworks.architectures import describe_network
from dbx_dl.frameworks.layers import count_parameters
from dbx_dl.frameworks.requests import network_request
from dbx_dl.tasks import task_of
from tests.e2e.whole_way import check_whole_way, list_losses

# The folder that the table is written into; without it nothing is.
VARIABLE = "DBX_DL_RESULTS"
FRAMEWORKS = ("keras", "torch")
COLUMNS = (
    *("network", "framework", "task", "data", "rows", "parameters", "loss", "metric", "baseline", "parity"),
    *("bytes", "ms at 1", "ms at 32"),
)
HEADER = f"""# Results

Networks with both frameworks, the whole way: prepared table, two ranks, ONNX file, gates, registry, scores in Spark.
`make test-matrix` writes a row when a network's test passes, so that one without a row has not been run for the table;
data and epochs are small, which shows what works rather than what is best. "Baseline" is what the test split gives
without a network: the share of its largest class, the metric where all rows get the same answer, or of groups drawn by
lot. "Loss" is that of the first and the last epoch in which the task is learned (of `gan` the energy distance of the
validation split, since one network's loss is the other's gain). "Parity" is the largest difference between the file and
the network; milliseconds are per call on one core.

| {" | ".join(COLUMNS)} |
|{"---|" * len(COLUMNS)}
"""


def keep_result(model: OnnxModel, data: str, baseline: float) -> None:
    """Check what holds of every model, and put its row into the table, where `DBX_DL_RESULTS` names a folder for it."""
    check_whole_way(model, baseline)
    if VARIABLE not in os.environ:
        return
    folder = Path(os.environ[VARIABLE]).absolute()
    folder.mkdir(exist_ok=True)
    with Path(tempfile.gettempdir(), "dbx_dl_results.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        file = folder / "results.json"
        rows = read_rows(file)
        row = describe(model, data, baseline)
        write_rows(folder, rows | {name_row(row): row})


def read_rows(file: Path) -> dict[str, dict[str, Any]]:
    """The rows of a file, by their names; none where there is no file."""
    rows: dict[str, dict[str, Any]] = json.loads(file.read_text()) if file.exists() else {}
    return {name_row(row): row for row in rows.values()}


def write_rows(folder: Path, rows: dict[str, dict[str, Any]]) -> None:
    """`results.json` and `results.md`, in the order of the rows' names."""
    rows = dict(sorted(rows.items()))
    (folder / "results.json").write_text(json.dumps(rows, indent=1) + "\n")
    (folder / "results.md").write_text(render_table(rows))


def name_row(row: dict[str, Any]) -> str:
    """What tells rows apart."""
    return f"{row['network']} {row['framework']} {row['task']} {row['data']}"


def list_missing(rows: dict[str, dict[str, Any]], kind: str, names: Iterable[str]) -> list[str]:
    """Names of a `kind`, network or task, each with a framework, of which no row tells."""
    there = {(row[kind], row["framework"]) for row in rows.values()}
    return [f"{name} with {framework}" for name in names for framework in FRAMEWORKS if (name, framework) not in there]


def describe(model: OnnxModel, data: str, baseline: float) -> dict[str, Any]:
    """What the table says of a model."""
    trained = model.trained
    metric = task_of(trained.prepared.target).default_metric
    losses = list_losses(trained)
    request = network_request(trained.prepared, trained.network, trained.network_options, trained.seed)
    layers = tuple(layer for _, layer in describe_network(request))
    return {
        "network": trained.network,
        "framework": trained.framework,
        "task": trained.prepared.target.task,
        "data": data,
        "rows": trained.prepared.num_rows,
        "parameters": count_parameters(layers, request.input_shape),
        "loss": [round(losses[0], 4), round(losses[-1], 4)],
        "metric": {metric: round(model.metrics[metric], 4)},
        "baseline": round(baseline, 4),
        "parity": float(f"{model.parity.max_abs_difference:.1e}"),
        "bytes": model.size_bytes,
        "ms": [float(f"{model.latency_ms[size]:.2g}") for size in (1, 32)],
    }


def share_of_largest_class(model: OnnxModel) -> float:
    """The accuracy of naming the test split's most frequent class."""
    rows = model.trained.prepared.statistics.class_rows["test"].values()
    return max(rows) / sum(rows)


def score_alike(model: OnnxModel, prediction: np.ndarray) -> float:
    """The deciding metric where every row of the test split gets the same prediction, of one row's shape."""
    task = task_of(model.trained.prepared.target)
    with np.load(Path(model.trained.directory) / "test_predictions.npz", allow_pickle=False) as arrays:
        labels = arrays["labels"]
    return task.measure(labels, np.broadcast_to(prediction, (len(labels), *prediction.shape)))[task.default_metric]


def render_table(rows: dict[str, dict[str, Any]]) -> str:
    """The page."""
    return HEADER + "".join(map(render, rows.values()))


def render(row: dict[str, Any]) -> str:
    """A line of the table."""
    ((metric, value),) = row["metric"].items()
    baseline = "" if row["baseline"] is None else row["baseline"]
    first, last = row["loss"]
    cells = (
        *(row[name] for name in ("network", "framework", "task", "data")),
        f"{row['rows']:,}",
        f"{row['parameters']:,}",
        f"{first:g} → {last:g}",
        f"{metric} {value:g}",
        baseline,
        f"{row['parity']:.0e}",
        f"{row['bytes']:,}",
        *row["ms"],
    )
    return f"| {' | '.join(map(str, cells))} |\n"


if __name__ == "__main__":
    # Writes the page of a results.json that was put together by hand: `python -m tests.e2e.results docs`.
    write_rows(Path(sys.argv[1]), read_rows(Path(sys.argv[1]) / "results.json"))
