"""Images per second of `prepare_images`, all checks included, against a bare `binaryFile` -> Delta write, in one run.

`python -m tests.benchmarks.bench_prepare [--images N] [--side PIXELS] [--repeats N]`. Only the ratios mean something:
both variants make a new table of the same JPEG files on the same local[2] session in turn, after one warm-up each, and
the best of the repeats counts. Then the same N / 100 files, which are neighbours by key, change in a table of N / 4
files and in one of N, and as many of all classes in the latter; the driver's memory is told for N / 10 and N files,
each in a process of its own.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from dbx_dl import prepare_images
from dbx_dl.config import PrepareImagesConfig, SparkConfig
from dbx_dl.runtime.spark import open_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dbx_dl.contracts import PreparedTable


def write_images(folder: Path, numbers: Iterable[int], side: int, seed: int = 0) -> int:
    """Digits, enlarged, on noise, as JPEG in class folders of at most 1,000 files; returns their bytes."""
    digits, rng, size = load_digits(), np.random.default_rng(seed), 0
    noise = rng.integers(0, 60, (side, side, 3), dtype=np.uint8)
    for number in numbers:
        index = number % len(digits.target)
        small = Image.fromarray((digits.images[index] * 12).astype(np.uint8)).resize((side, side))
        pixels = np.roll(noise, number, axis=0) + np.asarray(small)[:, :, None]
        path = folder / str(digits.target[index]) / f"{number // 1000:04d}" / f"{number:07d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, quality=85)
        size += path.stat().st_size
    return size


def write_bare(spark: SparkSession, source: Path, table: Path) -> None:
    """What people write in a notebook: bytes into Delta, nothing checked."""
    files = spark.read.format("binaryFile").option("recursiveFileLookup", "true").load(str(source))
    files.write.format("delta").mode("overwrite").save(str(table))


def prepare(spark: SparkSession, source: Path, table: Path, side: int) -> PreparedTable:
    """All checks, one table."""
    values = {"source": str(source), "table": str(table), "height": side, "width": side}
    return prepare_images(spark, PrepareImagesConfig.model_validate(values))


def best_seconds(repeats: int, place: Path, *works: Callable[[Path], object]) -> list[float]:
    """Each variant in turn, into a new folder `place`, after one warm-up; the best time of each."""
    times: list[list[float]] = [[] for _ in works]
    for repeat in range(repeats + 1):
        for position, work in enumerate(works):
            for folder in place.parent.glob(f"{place.name}*"):
                shutil.rmtree(folder)
            started = time.perf_counter()
            work(place)
            if repeat:
                times[position].append(time.perf_counter() - started)
    return [min(found) for found in times]


def compare(place: Path, num_images: int, side: int, repeats: int) -> None:
    """Print throughput of both variants and their ratio, and what a small change costs."""
    source = place / "in"
    size = write_images(source, range(num_images), side)
    spark = open_session(SparkConfig(), "bench_prepare")
    bare, checked = best_seconds(
        repeats,
        place / "table",
        lambda table: write_bare(spark, source, table),
        lambda table: prepare(spark, source, table, side),
    )
    print(f"{num_images} JPEG files of {side}x{side} pixels, {size / 1e6:.1f} MB")
    print(f"bare binaryFile -> Delta  {num_images / bare:9.0f} images/s")
    print(f"prepare_images            {num_images / checked:9.0f} images/s   {bare / checked:.2f} of bare")
    quarter = place / "quarter"
    write_images(quarter, range(num_images // 4), side)
    prepare(spark, quarter, place / "quarter_table", side)
    num_changed = max(1, num_images // 100)
    labels = load_digits().target
    zeros = [number for number in range(num_images // 4) if labels[number % len(labels)] == 0]
    for folder, table in ((quarter, place / "quarter_table"), (source, place / "table")):
        tell_change(spark, folder, table, side, zeros[:num_changed], "neighbours")
    tell_change(spark, source, place / "table", side, range(num_changed), "of all classes", seed=2)
    spark.stop()


def tell_change(
    spark: SparkSession, source: Path, table: Path, side: int, numbers: Sequence[int], which: str, seed: int = 1
) -> None:
    """Change files of the source, prepare again, and print what Delta read and wrote of the table."""
    changed = write_images(source, numbers, side, seed=seed)
    size = spark.sql(f"DESCRIBE DETAIL delta.`{table}`").collect()[0]
    started = time.perf_counter()
    prepare(spark, source, table, side)
    seconds = time.perf_counter() - started
    found = spark.sql(f"DESCRIBE HISTORY delta.`{table}` LIMIT 1").collect()[0]["operationMetrics"]
    read, written = (int(found.get(f"numTargetBytes{what}", 0)) / 1e6 for what in ("Removed", "Added"))
    touched = f"{found.get('numTargetFilesRemoved')} of {size['numFiles']} data files touched"
    print(
        f"{len(numbers)} changed files, {which} ({changed / 1e6:.2f} MB), in a table of "
        f"{size['sizeInBytes'] / 1e6:.1f} MB: {seconds:.1f} s, {touched}, {read:.2f} MB of content read, "
        f"{written:.2f} MB written"
    )


def tell_memory(place: Path, num_images: int, side: int) -> None:
    """Peak memory of the driver's Python and of its JVM for one prepare, in a fresh process."""
    write_images(place / "in", range(num_images), side)
    spark = open_session(SparkConfig(driver_memory="1g"), "bench_prepare")
    prepare(spark, place / "in", place / "prepared", side)
    python = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{num_images:8d} files: driver's Python {python:.0f} MiB, JVM {_peak_jvm():.0f} MiB (heap limit 1 GiB)")
    spark.stop()


def _peak_jvm() -> float:
    """VmHWM of this process' java child, in MiB; NaN where /proc does not tell."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        except OSError:
            continue
        if fields["Name"].strip() == "java" and int(fields["PPid"]) == os.getpid():
            return int(fields["VmHWM"].split()[0]) / 1024
    return float("nan")


def main() -> None:
    """Run the comparison, then the two memory runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--memory-of", type=int, help="only tell the memory for so many images")
    options = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="bench_prepare_"))
    try:
        if options.memory_of:
            tell_memory(place, options.memory_of, options.side)
            return
        compare(place, options.images, options.side, options.repeats)
        for num_images in (options.images // 10, options.images):
            arguments = ["--memory-of", str(num_images), "--side", str(options.side)]
            subprocess.run([sys.executable, "-m", "tests.benchmarks.bench_prepare", *arguments], check=True)
    finally:
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main()
