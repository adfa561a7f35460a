"""Rows per second of `score_udf` against a bare ONNX Runtime loop on the same data, in one run.

`python -m tests.benchmarks.bench_score [--rows N] [--images N] [--repeats N]`. Only the ratio means something: both
variants run in turn on the same machine, after one warm-up each (session start is not measured), and the best of the
repeats counts. The bare loop is one process with one thread that holds the data in memory already; Spark uses
local[2], reads Parquet and moves every row through its own format.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from dbx_dl import score_udf
from dbx_dl.config import SparkConfig
from dbx_dl.contracts import FeatureSpec, ImageSpec, NumericFeature
from dbx_dl.runtime.spark import open_session
from dbx_dl.score.predictions import predict_rows
from dbx_dl.score.session import open_model
from tests.onnx_models import write_linear_model
from tests.prepared_tables import encode_png

COLUMNS = FeatureSpec(features=tuple(NumericFeature(column=f"c{k}", fill=0, center=0, scale=1) for k in range(32)))
PICTURES = ImageSpec(height=28, width=28, channels=1)
BARE_BATCH_ROWS = 4096


def make_rows(num_rows: int) -> pa.Table:
    """32 columns of random doubles."""
    rng = np.random.default_rng(0)
    return pa.table({name: rng.normal(size=num_rows) for name in COLUMNS.columns})


def make_pictures(num_rows: int) -> pa.Table:
    """Random 28x28 PNG files."""
    rng = np.random.default_rng(0)
    contents = [encode_png(rng.integers(0, 256, (28, 28), np.uint8)) for _ in range(num_rows)]
    return pa.table({"content": pa.array(contents, pa.binary())})


def score_bare(model: Path, rows: pa.Table) -> None:
    """Raw rows through the model in this process, outputs dropped."""
    session = open_model(model)
    for batch in rows.to_batches(max_chunksize=BARE_BATCH_ROWS):
        predict_rows(session, batch)


def score_on_spark(spark: SparkSession, model: Path, parquet: Path) -> None:
    """Parquet through `score_udf`, predictions computed and dropped."""
    score = score_udf(spark, str(model))
    df = spark.read.parquet(str(parquet))
    df.select(score().alias("p")).agg(F.count("p.label"), F.sum("p.probability")).collect()


def measure(work: Callable[[], None]) -> float:
    """Wall seconds of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def compare(spark: SparkSession, folder: Path, spec: FeatureSpec | ImageSpec, rows: pa.Table, repeats: int) -> str:
    """One line of the table: rows per second of both variants and their ratio."""
    model, parquet = folder / f"{spec.kind}.onnx", folder / f"{spec.kind}.parquet"
    write_linear_model(model, spec, tuple(f"label{k}" for k in range(10)))
    pq.write_table(rows, parquet, row_group_size=max(1, rows.num_rows // 8))
    variants = [lambda: score_bare(model, rows), lambda: score_on_spark(spark, model, parquet)]
    for work in variants:
        work()
    times = [[measure(work) for work in variants] for _ in range(repeats)]
    bare, ours = (rows.num_rows / min(column) for column in zip(*times, strict=True))
    return f"{spec.kind:<8}{rows.num_rows:>10,}{bare:>16,.0f}{ours:>16,.0f}{ours / bare:>8.2f}"


def main() -> None:
    """Print a small table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--images", type=int, default=40_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    spark = open_session(SparkConfig(), "bench_score")
    print(f"{'input':<8}{'rows':>10}{'bare rows/s':>16}{'udf rows/s':>16}{'ratio':>8}")
    with tempfile.TemporaryDirectory() as name:
        print(compare(spark, Path(name), COLUMNS, make_rows(options.rows), options.repeats))
        print(compare(spark, Path(name), PICTURES, make_pictures(options.images), options.repeats))
    spark.stop()


if __name__ == "__main__":
    main()
