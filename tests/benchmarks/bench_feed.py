"""Rows per second of a rank's feed against a bare pyarrow scan with the same decoding, and against other feeds.

`python -m tests.benchmarks.bench_feed [--pictures N] [--photos N] [--rows N] [--threads N ...] [--repeats N] [--peers]
[--peer-seconds N]`. Only ratios mean something: the variants run in turn on the same machine and the best of the
repeats counts. What one epoch of each does, in which every row is decoded once:

- bare: reads the same columns (key and label too) row group by row group and decodes each at once, images by
  `decode_image`, columns by `TabularEncoder`, in so many threads, in stored order. Nothing is kept and no batch is
  made: the honest limit.
- feed, first: opens the feed, reads, decodes in so many threads, shuffles, and makes batches with keys and weights.
- feed, second: the next epoch of the same feed, from what fits its memory: encoded rows of tables, but files of images.
- single files: a shuffled PyTorch `Dataset` over one file per image, in a `DataLoader` with so many workers (for one
  thread: none), whose start is part of the epoch.
- mosaicml-streaming and deltatorch, only with `--peers`, which installs each into an environment of its own once:
  their own shuffled loaders, opened anew, with so many `DataLoader` workers (for one thread: none). deltatorch reads
  the same table and shuffles inside record batches. mosaicml-streaming reads a copy of its own, uncompressed and
  written before any timing, with all numbers of a row in one array. Images are decoded by the same function; columns by
  the same encoder, but batch by batch, because their rows come one by one. `--peer-seconds` ends their epochs early.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from dbx_dl.config import FeedConfig
from dbx_dl.contracts import FeatureSpec, ImageSpec, PreparedTable
from dbx_dl.feed.reader import open_feed
from dbx_dl.transforms.columns import TabularEncoder
from dbx_dl.transforms.images import decode_image
from tests.benchmarks.feed_tables import PHOTOS, PICTURES, write_files, write_images, write_rows
from tests.benchmarks.peers.environments import PEERS, PeerError, PeerProcess

BARE, FIRST, SECOND, FILES = "bare", "feed, first", "feed, second", "single files"


@dataclass(frozen=True)
class Case:
    """A table and how it is read."""

    name: str
    prepared: PreparedTable
    batch_size: int
    files: list[Path]


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


def read_files(case: Case, threads: int) -> float:
    """Seconds of one shuffled epoch of a DataLoader."""
    from torch.utils.data import DataLoader

    started = time.perf_counter()
    files: Any = FileDataset(case.files, case.prepared.inputs)  # type: ignore[arg-type]
    for _ in DataLoader(files, case.batch_size, shuffle=True, num_workers=0 if threads == 1 else threads):
        pass
    return time.perf_counter() - started


def open_peers(case: Case, root: Path, stack: ExitStack) -> list[PeerProcess]:
    """The peers that can read a table; a line for each that cannot, and for the size of a copy."""
    table_bytes = sum(path.stat().st_size for path in Path(case.prepared.table.path).rglob("*.parquet"))
    opened = []
    for name in PEERS:
        try:
            peer = PeerProcess(name, case.prepared, root / f"{name} {case.name}")
        except PeerError as error:
            print(f"{name} cannot read {case.name}: {error}", flush=True)
            continue
        stack.callback(peer.close)
        opened.append(peer)
        if peer.copied_bytes:
            print(f"{name} copied {case.name}: {peer.copied_bytes:,} bytes, the table has {table_bytes:,}", flush=True)
    return opened


def measure(case: Case, threads: int, peers: list[PeerProcess], peer_seconds: float) -> dict[str, float]:
    """Rows per second of every variant, one after the other."""
    num_rows, times = case.prepared.num_rows, {}
    started = time.perf_counter()
    scan_bare(case.prepared, threads)
    times[BARE] = time.perf_counter() - started
    times[FIRST], times[SECOND] = read_feed(case.prepared, case.batch_size, threads)
    if case.files:
        times[FILES] = read_files(case, threads)
    speeds = {name: num_rows / seconds for name, seconds in times.items()}
    for peer in peers:
        workers = 0 if threads == 1 else threads
        try:
            seconds, rows = peer.ask(batch_size=case.batch_size, workers=workers, seconds=peer_seconds)
            speeds[peer.name] = rows / seconds
        except PeerError as error:
            print(f"{peer.name} cannot read {case.name} in {threads} threads: {error}", flush=True)
    return speeds


def compare(case: Case, threads: int, repeats: int, peers: list[PeerProcess], peer_seconds: float) -> None:
    """Print a line of the best speeds, and one with the feed's first epoch as multiples of the others."""
    best: dict[str, float] = {}
    for _ in range(repeats):
        for name, speed in measure(case, threads, peers, peer_seconds).items():
            best[name] = max(speed, best.get(name, 0))
    shown = "".join(f"{best[name]:>14,.0f}" if name in best else f"{'-':>14}" for name in (BARE, FIRST, SECOND, FILES))
    print(f"{case.name:<16}{threads:>8}{case.batch_size:>7}{case.prepared.num_rows:>10,}{shown}", end="")
    print(f"{best[FIRST] / best[BARE]:>8.2f}", flush=True)
    others = [name for name in best if name not in (BARE, FIRST, SECOND)]
    if others:
        ratios = ", ".join(f"{best[FIRST] / best[name]:.2f} x {name} ({best[name]:,.0f})" for name in others)
        print(f"{'':<16}the feed's first epoch is {ratios}", flush=True)


def list_cases(root: Path, options: argparse.Namespace) -> list[Case]:
    """Write the tables."""
    pictures = write_images(root / "pictures", PICTURES, options.pictures, "PNG")
    photos = write_images(root / "photos", PHOTOS, options.photos, "JPEG")
    return [
        Case("png 28x28", pictures, 32, write_files(root / "a", pictures)),
        Case("jpeg 224x224", photos, 32, write_files(root / "b", photos)),
        Case("32 columns", write_rows(root / "rows", options.rows), 256, []),
    ]


def main() -> None:
    """Print a small table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=20_000)
    parser.add_argument("--photos", type=int, default=2_000)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peers", action="store_true", help="mosaicml-streaming and deltatorch too")
    parser.add_argument("--peer-seconds", type=float, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        cases = list_cases(Path(name), options)
        head = "".join(f"{name:>14}" for name in (BARE, FIRST, SECOND, FILES))
        print(f"{'input':<16}{'threads':>8}{'batch':>7}{'rows':>10}{head}   ratio   (rows per second)", flush=True)
        for case in cases:
            with ExitStack() as stack:
                peers = open_peers(case, Path(name), stack) if options.peers else []
                for threads in options.threads:
                    compare(case, threads, options.repeats, peers, options.peer_seconds)


if __name__ == "__main__":
    main()
