"""The tables that feeds are measured on: random columns, and images that compress about as photographs do."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import WriterProperties, write_deltalake
from PIL import Image

from dbx_dl.contracts import FeatureSpec, ImageSpec, NumericFeature, PreparedTable
from tests.prepared_tables import describe

COLUMNS = FeatureSpec(features=tuple(NumericFeature(column=f"c{k}", fill=0, center=0, scale=1) for k in range(32)))
PICTURES = ImageSpec(height=28, width=28, channels=1)
PHOTOS = ImageSpec(height=224, width=224, channels=3)
GROUPS = 16


def write_rows(folder: Path, num_rows: int) -> PreparedTable:
    """32 columns of random doubles."""
    rng = np.random.default_rng(0)
    return write_table(folder, COLUMNS, {name: pa.array(rng.normal(size=num_rows)) for name in COLUMNS.columns})


def write_images(folder: Path, spec: ImageSpec, num_rows: int, file_format: str) -> PreparedTable:
    """Smooth random images with some noise, as a column of files."""
    rng = np.random.default_rng(0)
    files = [encode(rng, spec, file_format) for _ in range(min(num_rows, 2000))]
    content = pa.array([files[row % len(files)] for row in range(num_rows)], pa.binary())
    return write_table(folder, spec, {spec.column: content})


def encode(rng: np.random.Generator, spec: ImageSpec, file_format: str) -> bytes:
    """One image's file."""
    size = (spec.height // 7, spec.width // 7, spec.channels)
    coarse = np.kron(rng.integers(0, 224, size), np.ones((7, 7, 1))) + rng.integers(0, 32, (*spec_shape(spec),))
    pixels = coarse.astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if spec.channels == 1 else pixels).save(buffer, format=file_format)
    return buffer.getvalue()


def spec_shape(spec: ImageSpec) -> tuple[int, int, int]:
    """Shape of one image."""
    return spec.height, spec.width, spec.channels


def write_table(folder: Path, spec: ImageSpec | FeatureSpec, inputs: dict[str, pa.Array]) -> PreparedTable:
    """A prepared table of one split."""
    num_rows = len(next(iter(inputs.values())))
    added = {
        "id": np.arange(num_rows),
        "key": pa.array([f"row-{row:09d}" for row in range(num_rows)]),
        "label_index": pa.array((np.arange(num_rows) % 2).astype(np.int32)),
        "split": pa.array(["train"] * num_rows),
    }
    properties = WriterProperties(max_row_group_size=-(-num_rows // GROUPS), compression="SNAPPY")
    write_deltalake(folder, pa.table(inputs | added), partition_by=["split"], writer_properties=properties)
    return describe(folder, 0, {"train": num_rows}, spec, ("no", "yes"))


def write_files(folder: Path, prepared: PreparedTable) -> list[Path]:
    """The images of a table as single files."""
    folder.mkdir()
    path = next(Path(prepared.table.path).glob("split=train/*.parquet"))
    contents = pq.read_table(path, columns=["content"]).column(0).to_pylist()
    paths = [folder / f"{row:06d}" for row in range(len(contents))]
    for place, data in zip(paths, contents, strict=True):
        place.write_bytes(data)
    return paths
