"""Scikit-learn's digits as a prepared table, written without Spark."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from dbx_dl.contracts import ImageSpec, PreparedTable, Split
from tests.numerics.digits import read_digits
from tests.prepared_tables import describe, encode_png

IMAGES = ImageSpec(height=8, width=8, channels=1)
NAMES = tuple(str(digit) for digit in range(10))
STARTS: dict[Split, int] = {"train": 0, "validation": 1200, "test": 1497}


def write_digits_table(folder: Path, num_copies: int) -> PreparedTable:
    """PNG images 8x8 in stored order; the train split holds its 1,200 images so many times, for longer epochs."""
    pixels_nhwc, labels = read_digits()
    contents = [encode_png(image[..., 0]) for image in pixels_nhwc]
    ends = [*list(STARTS.values())[1:], len(labels)]
    num_rows: dict[Split, int] = {}
    for (split, start), end in zip(STARTS.items(), ends, strict=True):
        rows = list(range(start, end)) * (num_copies if split == "train" else 1)
        columns = {
            "path": [f"{split}/{number:06d}.png" for number in range(len(rows))],
            "content": pa.array([contents[row] for row in rows], pa.binary()),
            "label_index": pa.array(labels[rows].astype(np.int32)),
            "split": [split] * len(rows),
        }
        write_deltalake(folder, pa.table(columns), mode="append", partition_by=["split"])
        num_rows[split] = len(rows)
    return describe(folder, DeltaTable(folder).version(), num_rows, IMAGES, NAMES, key_column="path")
