"""Rows per second of a rank's feed against a bare pyarrow scan with the same decoding, in one run.

`python -m tests.benchmarks.bench_feed [--pictures N] [--photos N] [--rows N] [--threads N ...] [--repeats N]`. Only the
ratio means something: the variants run in turn on the same machine and the best of the repeats counts. The bare scan
reads the same columns (key and label too) row group by row group and decodes them in as many threads, in stored order;
the feed shuffles, pads and weights rows as in training. Its first epoch includes opening it; in the second, the blocks
that fit its memory are there already: encoded rows of tables, but the files of images. For images there is also a
PyTorch `Dataset` over single files in a `DataLoader` with as many workers, whose start is part of an epoch. Not
compared, since they need other environments: deltatorch and mosaicml-streaming.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import WriterProperties, write_deltalake
from PIL import Image

from dbx_dl.config import FeedConfig
from dbx_dl.contracts import FeatureSpec, ImageSpec, NumericFeature, PreparedTable
from dbx_dl.feed.reader import open_feed
from dbx_dl.transforms.columns import TabularEncoder
from dbx_dl.transforms.images import decode_image
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
        "key": pa.array([f"row-{row:09d}" for row in range(num_rows)]),
        "label_index": pa.array((np.arange(num_rows) % 2).astype(np.int32)),
        "split": pa.array(["train"] * num_rows),
    }
    properties = WriterProperties(max_row_group_size=-(-num_rows // GROUPS), compression="SNAPPY")
    write_deltalake(folder, pa.table(inputs | added), partition_by=["split"], writer_properties=properties)
    return describe(folder, 0, {"train": num_rows}, spec, ("no", "yes"))


def scan_bare(prepared: PreparedTable, threads: int) -> None:
    """Every row group read and decoded in threads, in stored order."""
    inputs = prepared.inputs
    columns = [*([inputs.column] if isinstance(inputs, ImageSpec) else inputs.columns), "key", "label_index"]
    encoder = TabularEncoder(inputs) if isinstance(inputs, FeatureSpec) else None

    def decode(path: Path, group: int) -> None:
        with pq.ParquetFile(path) as file:
            table = file.read_row_group(group, columns=columns, use_threads=False)
        if encoder is not None:
            encoder.encode(table)
        else:
            for data in table.column(0).to_pylist():
                decode_image(data, inputs)  # type: ignore[arg-type]

    paths = sorted(Path(prepared.table.path).glob("split=train/*.parquet"))
    tasks = [(path, group) for path in paths for group in range(pq.read_metadata(path).num_row_groups)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda task: decode(*task), tasks))


def read_feed(prepared: PreparedTable, batch_size: int, threads: int) -> tuple[float, float]:
    """Seconds of the only rank's first epoch and of its second."""
    started = time.perf_counter()
    feed = open_feed(prepared, "train", batch_size=batch_size, config=FeedConfig(num_threads=threads))
    ends = [started]
    for epoch in (1, 2):
        for _ in feed.batches(epoch):
            pass
        ends.append(time.perf_counter())
    return ends[1] - ends[0], ends[2] - ends[1]


class FileDataset:
    """A map-style PyTorch data set over image files."""

    def __init__(self, paths: list[Path], spec: ImageSpec) -> None:
        self.paths, self.spec = paths, spec

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> tuple[Any, int]:
        return decode_image(self.paths[row].read_bytes(), self.spec), row % 2


def read_files(paths: list[Path], spec: ImageSpec, batch_size: int, threads: int) -> None:
    """One shuffled epoch of a DataLoader."""
    from torch.utils.data import DataLoader

    workers = 0 if threads == 1 else threads
    for _ in DataLoader(FileDataset(paths, spec), batch_size, shuffle=True, num_workers=workers):  # type: ignore[arg-type]
        pass


def write_files(folder: Path, prepared: PreparedTable) -> list[Path]:
    """The images of a table as single files."""
    folder.mkdir()
    path = next(Path(prepared.table.path).glob("split=train/*.parquet"))
    contents = pq.read_table(path, columns=["content"]).column(0).to_pylist()
    paths = [folder / f"{row:06d}" for row in range(len(contents))]
    for place, data in zip(paths, contents, strict=True):
        place.write_bytes(data)
    return paths


def measure(work: Callable[[], None]) -> float:
    """Wall seconds of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def compare(name: str, prepared: PreparedTable, batch_size: int, threads: int, repeats: int, files: list[Path]) -> str:
    """One line of the table: rows per second of all variants and the ratio of the feed's first epoch and bare scan."""
    times = []
    for _ in range(repeats):
        bare = measure(lambda: scan_bare(prepared, threads))
        first, second = read_feed(prepared, batch_size, threads)
        peer = measure(lambda: read_files(files, prepared.inputs, batch_size, threads)) if files else float("inf")  # type: ignore[arg-type]
        times.append((bare, first, second, peer))
    speeds = [prepared.num_rows / min(column) for column in zip(*times, strict=True)]
    shown = "".join(f"{speed:>14,.0f}" if speed else f"{'-':>14}" for speed in speeds)
    return f"{name:<16}{threads:>8}{batch_size:>7}{prepared.num_rows:>10,}{shown}{speeds[1] / speeds[0]:>8.2f}"


def main() -> None:
    """Print a small table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=20_000)
    parser.add_argument("--photos", type=int, default=2_000)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        pictures = write_images(root / "pictures", PICTURES, options.pictures, "PNG")
        photos = write_images(root / "photos", PHOTOS, options.photos, "JPEG")
        tables = {"png 28x28": pictures, "jpeg 224x224": photos, "32 columns": write_rows(root / "rows", options.rows)}
        files = {"png 28x28": write_files(root / "a", pictures), "jpeg 224x224": write_files(root / "b", photos)}
        print(f"{'input':<16}{'threads':>8}{'batch':>7}{'rows':>10}{'':>20}rows per second")
        head = "".join(f"{name:>14}" for name in ("bare", "feed, first", "feed, second", "single files"))
        print(f"{'':<41}{head}{'ratio':>8}", flush=True)
        for label, prepared in tables.items():
            for threads in options.threads:
                batch_size = 256 if label == "32 columns" else 32
                line = compare(label, prepared, batch_size, threads, options.repeats, files.get(label, []))
                print(line, flush=True)


if __name__ == "__main__":
    main()
