"""Scored rows with late labels, of which everything that is measured is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from deltalake import write_deltalake

from dbx_dl.contracts import Target, Window

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

NAMES = ("no", "yes")
TARGET = Target(task="binary", column="churned", label_names=NAMES)
START = datetime(2026, 3, 1, tzinfo=UTC)
WINDOWS = (Window(name="march"), Window(name="april"), Window(name="may"))
ROWS_PER_WINDOW = 3000


@dataclass(frozen=True)
class Scored:
    """Two windows of rows and one without; `rows` and `labels` are what is in the tables."""

    frame: DataFrame
    labels: DataFrame
    rows: dict[str, np.ndarray]


def write_scored(spark: SparkSession, folder: Path) -> Scored:
    """Predictions that are calibrated and right for their probability, but wrong in a slice of April; Delta tables."""
    rows = draw_rows(np.random.default_rng(3))
    labels = list_labels(rows)
    write_deltalake(folder / "scores", as_scores(rows))
    write_deltalake(folder / "labels", labels)
    frames = [spark.read.format("delta").load(str(folder / name)) for name in ("scores", "labels")]
    return Scored(frames[0], frames[1], rows)


def draw_rows(random: np.random.Generator) -> dict[str, np.ndarray]:
    """Arrays (N,) of both windows, every fifth row without a label."""
    size = 2 * ROWS_PER_WINDOW
    probability = random.beta(0.6, 0.6, size)
    age, colour = random.integers(18, 80, size), random.choice(["red", "green", "blue"], size)
    truth = random.random(size) < probability
    window = np.repeat([0, 1], ROWS_PER_WINDOW)
    is_spoilt = (window == 1) & (colour == "red") & (age > 60)
    # In the slice what is said is turned around for most rows.
    probability = np.where(is_spoilt & (random.random(size) < 0.8), 1 - probability, probability)
    return {
        "window": window, "probability": probability, "age": age, "colour": colour, "truth": truth,
        "spoilt": is_spoilt, "version": np.where(np.arange(size) % 3 == 0, 2, 1),
        "labelled": np.arange(size) % 5 > 0, "failed": np.arange(size) % 100 == 7,
        "city": np.array([f"city {k}" for k in np.minimum(random.geometric(0.05, size), 300)]),
    }  # fmt: skip


def as_scores(rows: dict[str, np.ndarray]) -> pa.Table:
    """The table that scoring would write, with the window and the inputs."""
    size, failed = len(rows["window"]), rows["failed"]
    pairs = np.stack([1 - rows["probability"], rows["probability"]], axis=1).astype(np.float32)
    errors = [
        f"unparsable: column 'age' holds '{k}', which is no number" if k % 200 == 7 else "not_finite"
        for k in range(size)
    ]
    stored = [None if bad else pair for bad, pair in zip(failed, pairs.tolist(), strict=True)]
    columns: dict[str, Any] = {
        "key": [f"row {k}" for k in range(size)],
        "window": [WINDOWS[k].name for k in rows["window"]],
        "label": pa.array([NAMES[int(p >= 0.5)] for p in pairs[:, 1]], mask=failed),
        "probability": pa.array(pairs.max(axis=1).astype(np.float64), mask=failed),
        "probabilities": pa.array(stored, pa.list_(pa.float32())),
        "error": pa.array(errors, mask=~failed),
        "model_name": ["churn"] * size,
        "model_version": pa.array(rows["version"], pa.int32()),
        "age": pa.array([None if k % 50 == 3 else int(a) for k, a in enumerate(rows["age"])], pa.int64()),
        "colour": rows["colour"],
        "city": rows["city"],
        "born_at": pa.array([START - timedelta(seconds=10 + k % 100) for k in range(size)], pa.timestamp("us", "UTC")),
        "scored_at": pa.array([START] * size, pa.timestamp("us", "UTC")),
    }  # fmt: skip
    return pa.table(columns)


def list_labels(rows: dict[str, np.ndarray]) -> pa.Table:
    """The truth in time, and all that can be wrong with labels."""
    known = np.flatnonzero(rows["labelled"])
    given = [(f"row {k}", NAMES[int(rows["truth"][k])], START + timedelta(days=1)) for k in known.tolist()]
    # One was given before the row was scored.
    given[6] = (*given[6][:2], START - timedelta(hours=1))
    other = {k: NAMES[1 - int(rows["truth"][k])] for k in known.tolist()}
    first, second, third, fourth, fifth = (int(k) for k in known[:5])
    odd = [
        # Earlier ones, and ones after the look, do not count.
        *((f"row {first}", other[first], START + timedelta(hours=k)) for k in range(3)),
        (f"row {second}", other[second], START + timedelta(days=90)),
        # Taken back.
        (f"row {third}", None, START + timedelta(days=2)),
        # At the same moment: `yes` comes last.
        (f"row {fourth}", "yes", START + timedelta(days=3)),
        (f"row {fourth}", "no", START + timedelta(days=3)),
        (f"row {fifth}", "maybe", START + timedelta(days=3)),
        (None, "yes", START),
        ("nobody", "yes", START),
        ("nobody", "no", START),
    ]
    keys, labels, times = zip(*given, *odd, strict=True)
    moments = pa.array(times, pa.timestamp("us", "UTC"))
    return pa.table({"row": pa.array(keys), "outcome": pa.array(labels), "known_at": moments})
