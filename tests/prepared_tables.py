"""Small prepared Delta tables, written without Spark, for tests of feed and training."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from deltalake import DeltaTable, WriterProperties, write_deltalake
from PIL import Image

from dbx_dl.contracts import (
    SPLITS,
    CategoricalFeature,
    FeatureSpec,
    ImageSpec,
    NumericFeature,
    PreparedTable,
    Split,
    TableVersion,
    Target,
)

SPEC = FeatureSpec(
    features=(
        NumericFeature(column="x", fill=0.0, center=0.0, scale=1.0),
        NumericFeature(column="y", fill=0.0, center=0.0, scale=1.0),
        CategoricalFeature(column="colour", categories=("blue", "red")),
    )
)
IMAGES = ImageSpec(height=6, width=5, channels=1)


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
    version = _write(folder, tables, rows_per_file, rows_per_group)
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
    version = _write(folder, tables, 10_000, rows_per_group)
    return describe(folder, version, rows, IMAGES, ("dark", "bright"), key_column="path")


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
    inputs: ImageSpec | FeatureSpec,
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
        class_rows=dict.fromkeys(names, sum(rows.values()) // len(names)),
        num_rejects=0,
        reject_reasons={},
    )


def _write(folder: Path, tables: Sequence[tuple[Split, pa.Table]], rows_per_file: int, rows_per_group: int) -> int:
    properties = WriterProperties(max_row_group_size=rows_per_group)
    for split, table in tables:
        table = table.append_column("split", pa.array([split] * table.num_rows, pa.string()))
        for start in range(0, table.num_rows, rows_per_file):
            part = table.slice(start, rows_per_file)
            write_deltalake(folder, part, mode="append", partition_by=["split"], writer_properties=properties)
    return int(DeltaTable(folder).version())
