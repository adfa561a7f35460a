"""Small prepared Delta tables, written without Spark, for tests of feed and training."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from deltalake import DeltaTable, WriterProperties, write_deltalake
from PIL import Image

from dbx_dl.contracts import (
    SPLITS,
    AudioSpec,
    CategoricalFeature,
    ColumnProfile,
    FeatureSpec,
    ImageSpec,
    InputSpec,
    NumericFeature,
    PreparedTable,
    Split,
    StepsFeature,
    StepsSpec,
    TableStatistics,
    TableVersion,
    Target,
    TaskName,
    TextFeature,
    TextSpec,
)
from tests.recordings import encode_sound, make_tone

SPEC = FeatureSpec(
    features=(
        NumericFeature(column="x", fill=0.0, center=0.0, scale=1.0),
        NumericFeature(column="y", fill=0.0, center=0.0, scale=1.0),
        CategoricalFeature(column="colour", categories=("blue", "red")),
    )
)
IMAGES = ImageSpec(height=6, width=5, channels=1)
RECORDINGS = AudioSpec(sample_rate=8000, num_samples=800)
STEPS = StepsSpec(features=(StepsFeature(column="x", fill=0.0), StepsFeature(column="noise", fill=0.0)), max_steps=9)


def write_feature_table(
    folder: Path, rows: dict[Split, int], *, rows_per_file: int = 10_000, rows_per_group: int = 10_000
) -> PreparedTable:
    """Rows `train-00000`…: x, y and a colour, labelled by the sign of x + y (so that it can be learned)."""
    rng = np.random.default_rng(7)
    tables = []
    for split, num_rows in rows.items():
        x, y = rng.normal(size=num_rows), rng.normal(size=num_rows)
        columns = {
            "key": [f"{split}-{row:05d}" for row in range(num_rows)],
            "x": x,
            "y": y,
            "colour": [("blue", "red", None)[row % 3] for row in range(num_rows)],
            "label_index": pa.array((x + y > 0).astype(np.int32)),
        }
        tables.append((split, pa.table(columns)))
    version = write_table(folder, tables, rows_per_file, rows_per_group)
    return describe(folder, version, rows, SPEC, ("down", "up"))


def write_image_table(folder: Path, rows: dict[Split, int], *, rows_per_group: int = 10_000) -> PreparedTable:
    """PNG images 5x6; class 1 is bright in its upper half; the pixel (0, 0) holds the row's number modulo 256."""
    tables = []
    for split, num_rows in rows.items():
        labels = np.arange(num_rows) % 2
        content = [encode_png(draw_image(row, int(label))) for row, label in enumerate(labels)]
        keys = [f"{split}/{row:05d}.png" for row in range(num_rows)]
        columns = {
            "path": keys,
            "content": pa.array(content, pa.binary()),
            "label_index": pa.array(labels.astype(np.int32)),
        }
        tables.append((split, pa.table(columns)))
    version = write_table(folder, tables, 10_000, rows_per_group)
    return describe(folder, version, rows, IMAGES, ("dark", "bright"), key_column="path")


def write_audio_table(folder: Path, rows: dict[Split, int]) -> PreparedTable:
    """WAV and FLAC files of a tenth of a second; class 1 sounds higher than class 0."""
    tables = []
    for split, num_rows in rows.items():
        labels = np.arange(num_rows) % 2
        tones = [make_tone(500 + 10 * row + 1500 * label, seconds=0.1) for row, label in enumerate(labels)]
        content = [encode_sound(tone, container=("WAV", "FLAC")[row % 2]) for row, tone in enumerate(tones)]
        columns = {
            "key": [f"{split}-{row:05d}" for row in range(num_rows)],
            "content": pa.array(content, pa.binary()),
            "label_index": pa.array(labels.astype(np.int32)),
        }
        tables.append((split, pa.table(columns)))
    version = write_table(folder, tables, 10_000, 10_000)
    return describe(folder, version, rows, RECORDINGS, ("low", "high"))


def write_steps_table(folder: Path, rows: dict[Split, int]) -> PreparedTable:
    """Two signals of 3 to 9 steps; a step's label is whether the first of them has risen since the step before."""
    rng = np.random.default_rng(5)
    tables = []
    for split, num_rows in rows.items():
        signals = [rng.normal(size=int(length)) for length in rng.integers(3, 10, num_rows)]
        labels = [(np.diff(signal, prepend=0) > 0).astype(np.int32) for signal in signals]
        columns = {
            "key": [f"{split}-{row:05d}" for row in range(num_rows)],
            "x": pa.array([signal.tolist() for signal in signals], pa.list_(pa.float64())),
            "noise": pa.array([rng.normal(size=len(signal)).tolist() for signal in signals], pa.list_(pa.float64())),
            "label_index": pa.array([label.tolist() for label in labels], pa.list_(pa.int32())),
        }
        tables.append((split, pa.table(columns)))
    version = write_table(folder, tables, 10_000, 10_000)
    prepared = describe(folder, version, rows, STEPS, ("falls", "rises"))
    target = Target(task="frames", column="label", label_names=("falls", "rises"), num_frames=STEPS.max_steps)
    return prepared.model_copy(update={"target": target})


def write_number_table(folder: Path, task: TaskName, rows: dict[Split, int]) -> PreparedTable:
    """Rows with x and y whose label can be learned from them: a number, a count, or the set of positive columns."""
    rng = np.random.default_rng(11)
    tables = []
    for split, num_rows in rows.items():
        x, y = rng.normal(size=num_rows), rng.normal(size=num_rows)
        columns: dict[str, Any] = {"key": [f"{split}-{row:05d}" for row in range(num_rows)], "x": x, "y": y}
        if task == "multilabel":
            sets = [[0] * bool(a > 0) + [1] * bool(b > 0) for a, b in zip(x, y, strict=True)]
            columns["label_index"] = pa.array(sets, pa.list_(pa.int32()))
        else:
            numbers = 300 + 50 * (x - y)
            columns["label"] = rng.poisson(np.exp(x / 2 + 1)).astype(np.float64) if task == "count" else numbers
        tables.append((split, pa.table(columns)))
    version = write_table(folder, tables, 10_000, 10_000)
    names = ("left", "right") if task == "multilabel" else ()
    prepared = describe(folder, version, rows, FeatureSpec(features=SPEC.features[:2]), names)
    profile = ColumnProfile(column="label", kind="numeric", num_rows=rows["train"], num_nulls=0, mean=300, deviation=70)
    profiles = (profile,) if task == "regression" else ()
    changes = {"target": Target(task=task, column="label", label_names=names)}
    return prepared.model_copy(update={**changes, "statistics": TableStatistics(profiles=profiles)})


def write_text_table(
    folder: Path, rows: dict[Split, int], *, rows_per_file: int = 10_000, rows_per_group: int = 10_000
) -> PreparedTable:
    """Texts of 1 to 64 words, most of them short; those that begin with `good` are of class 1."""
    rng = np.random.default_rng(5)
    tables = []
    for split, num_rows in rows.items():
        lengths = np.minimum(64, 1 + rng.geometric(0.08, num_rows))
        labels = rng.integers(0, 2, num_rows)
        texts = [" ".join([("bad", "good")[k], *["so"] * (n - 1)]) for n, k in zip(lengths, labels, strict=True)]
        keys = [f"{split}-{row:05d}" for row in range(num_rows)]
        tables.append((split, pa.table({"key": keys, "text": texts, "label_index": pa.array(labels, pa.int32())})))
    version = write_table(folder, tables, rows_per_file, rows_per_group)
    text = TextFeature(column="text", pattern=r"\w+", max_length=64, vocabulary=("bad", "good", "so"))
    return describe(folder, version, rows, TextSpec(text=text), ("bad", "good"))


def draw_image(row: int, label: int) -> np.ndarray:
    """Pixels uint8 (6, 5) of a row."""
    pixels = np.full((6, 5), 20, dtype=np.uint8)
    pixels[:3] += np.uint8(180 * label)
    pixels[0, 0] = row % 256
    return pixels


def encode_png(pixels: np.ndarray) -> bytes:
    """PNG bytes of grey pixels."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def describe(
    folder: Path,
    version: int,
    rows: dict[Split, int],
    inputs: InputSpec,
    names: tuple[str, ...],
    key_column: str = "key",
) -> PreparedTable:
    """The contract of a table in `folder`."""
    return PreparedTable(
        table=TableVersion(name=str(folder), path=str(folder), version=version),
        rejects=None,
        source="tests",
        key_column=key_column,
        inputs=inputs,
        target=Target(column="label", label_names=names),
        split_rows={split: rows.get(split, 0) for split in SPLITS},
        class_rows=dict.fromkeys(names, sum(rows.values()) // max(1, len(names))),
        num_rejects=0,
        reject_reasons={},
    )


def write_table(
    folder: Path,
    tables: Sequence[tuple[Split, pa.Table]],
    rows_per_file: int = 10_000,
    rows_per_group: int = 10_000,
) -> int:
    """Write the rows of each split; the table's version."""
    properties = WriterProperties(max_row_group_size=rows_per_group)
    for split, table in tables:
        table = table.append_column("split", pa.array([split] * table.num_rows, pa.string()))
        for start in range(0, table.num_rows, rows_per_file):
            part = table.slice(start, rows_per_file)
            write_deltalake(folder, part, mode="append", partition_by=["split"], writer_properties=properties)
    return int(DeltaTable(folder).version())
