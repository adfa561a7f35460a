"""Rows per second of the scorer against bare processes and Spark's other ways, on the same tables in one run.

`python -m tests.benchmarks.bench_score [--quick] [--only columns,digits] [--seconds S] [--rows N …]`. Variants run in
turn, round after round, until each has run `--seconds` seconds; the best round counts, the first one warms up. Only
ratios mean something. "bare" and "columnar" score the whole table, what goes through the JVM a part of it, since it
takes as long for fewer rows. "bare" writes Parquet files, "columnar" and "udf_table" write Delta tables through
`score_table`; the others compute probabilities, "udf_all_fields" labels too, and drop them. Session start is only in
the start-up figures.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, FloatType

from dbx_dl import score_table, score_udf
from dbx_dl.config import ScoreConfig, SparkConfig, TrackingConfig
from dbx_dl.runtime.spark import open_session
from tests.benchmarks.score_bare import list_files, make_predict_function, map_by_hand, pass_through, score_file
from tests.benchmarks.score_work import Work, make_work

NUM_ROWS = {"columns": 20_000_000, "mixed": 8_000_000, "digits": 240_000, "photos": 2_000}
QUICK_ROWS = {"columns": 400_000, "mixed": 200_000, "digits": 8_000, "photos": 64}
WHOLE_TABLE = ("bare", "columnar")
NOWHERE = TrackingConfig(uri="sqlite:////nowhere/m.db")
Variants = dict[str, Callable[[], object]]
# Work -> (variant, what it is held against, aim).
AIMS = {
    "columns": (("udf", "pass_through", 0.95), ("udf", "predict_batch_udf", 2.0), ("columnar", "bare", 0.9)),
    "mixed": (("columnar", "bare", 0.9),),
    "digits": (("udf", "bare", 1.1), ("udf", "predict_batch_udf", 1.5), ("columnar", "bare", 1.1)),
    "photos": (("udf", "bare", 1.1), ("udf", "predict_batch_udf", 1.5), ("columnar", "bare", 1.1)),
}


def list_variants(spark: SparkSession, work: Work, pool: ProcessPoolExecutor, folder: Path) -> Variants:
    """Every way of scoring the rows of a work, by name."""
    names = ["id", *work.columns]

    def read() -> DataFrame:
        return spark.read.format("delta").option("versionAsOf", work.jvm_version).load(work.table).select(*names)

    probabilities = score_udf(spark, work.model, fields=["probabilities"])

    def score_bare() -> None:
        targets = [str(folder / f"bare-{place}.parquet") for place in range(len(list_files(work)))]
        list(pool.map(score_file, [work] * len(targets), list_files(work), targets))

    def score_peer() -> None:
        udf = make_peer(work)
        drop(read().select("id", udf(*work.columns).alias("probabilities")))

    return {
        "bare": score_bare,
        "udf": lambda: drop(read().select("id", probabilities(*work.columns).alias("p"))),
        "udf_all_fields": lambda: drop(read().select("id", score_udf(spark, work.model)(*work.columns).alias("p"))),
        "udf_table": lambda: write_table(spark, work, folder / "udf", columnar=False),
        "columnar": lambda: write_table(spark, work, folder / "columnar", columnar=True),
        "predict_batch_udf": score_peer,
        "mlflow_spark_udf": make_mlflow_variant(spark, work, folder, read),
        "map_in_arrow": lambda: drop(read().mapInArrow(map_by_hand(work), "id long, probabilities array<float>")),
        "pass_through": lambda: drop(read().select(*work.columns).mapInArrow(pass_through, "value float")),
    }


def make_peer(work: Work) -> Callable[..., object]:
    """Spark's own way of batch inference."""
    from pyspark.ml.functions import predict_batch_udf

    function: Callable[..., object] = predict_batch_udf(
        make_predict_function(work), return_type=ArrayType(FloatType()), batch_size=work.batch_rows
    )
    return function


def make_mlflow_variant(
    spark: SparkSession, work: Work, folder: Path, read: Callable[[], DataFrame]
) -> Callable[[], object]:
    """MLflow's own flavour of ONNX files as a UDF."""
    import mlflow
    import onnx

    place = folder / f"mlflow-{work.name}"
    if not place.exists():
        mlflow.onnx.save_model(onnx.load(work.model), str(place))

    def score() -> None:
        udf = mlflow.pyfunc.spark_udf(spark, str(place), result_type=ArrayType(FloatType()), env_manager="local")
        drop(read().select("id", udf(F.struct(*work.columns)).alias("probabilities")))

    return score


def drop(df: DataFrame) -> None:
    """Compute all rows and keep none."""
    df.write.format("noop").mode("overwrite").save()


def write_table(spark: SparkSession, work: Work, target: Path, columnar: bool) -> None:
    """Score into a new Delta table."""
    shutil.rmtree(target, ignore_errors=True)
    config = ScoreConfig(
        source=work.table,
        source_format="delta",
        source_version=None if columnar else work.jvm_version,
        key="id",
        model=work.model,
        table=str(target),
        columnar=columnar,
    )
    score_table(spark, config, tracking=NOWHERE)


def measure(variants: Variants, seconds: float) -> dict[str, float]:
    """The best seconds of every variant; variants that fail say why, once, and are left out."""
    working = {name: work for name, work in variants.items() if _run_first(name, work)}
    times: dict[str, list[float]] = {name: [] for name in working}
    while any(sum(found) < seconds for found in times.values()):
        for name, work in working.items():
            if sum(times[name]) < seconds:
                times[name].append(_time(work))
    return {name: min(found) for name, found in times.items()}


def _run_first(name: str, work: Callable[[], object]) -> bool:
    try:
        work()
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if re.search(r"(Error|Exception)\b.*: ", line)]
        print(f"  {name} does not work here: {(lines or str(error).strip().splitlines() or ['?'])[-1][:160]}")
        return False
    return True


def _time(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def print_table(work: Work, times: dict[str, float]) -> None:
    """Rows per second, the ratio to bare processes, and the aims."""
    rates = {
        name: (work.num_rows if name in WHOLE_TABLE else work.num_jvm_rows) / seconds for name, seconds in times.items()
    }
    print(f"\n{work.name}: {work.num_rows:,} rows, {work.num_jvm_rows:,} of them through the JVM")
    print(f"{'variant':<20}{'rows/s':>12}{'to bare':>9}{'seconds':>9}")
    for name, rate in rates.items():
        print(f"{name:<20}{rate:>12,.0f}{rate / rates['bare']:>9.2f}{times[name]:>9.1f}", flush=True)
    for name, other, aim in AIMS[work.name]:
        if name in rates and other in rates:
            ratio = rates[name] / rates[other]
            print(f"  {name} / {other} = {ratio:.2f}, aim {aim} {'' if ratio >= aim else '<- missed'}")


def measure_starts(work: Work, num_starts: int) -> None:
    """Seconds to the first result of a small table in a process of its own, with and without the session's start."""
    found: dict[str, list[tuple[float, float]]] = {"udf": [], "predict_batch_udf": [], "no_model": []}
    for _ in range(num_starts):
        for name in found:
            command = [sys.executable, "-m", "tests.benchmarks.score_start", name, work.model, work.table]
            last = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
            found[name].append(tuple(json.loads(last)))
    best = {name: tuple(min(column) for column in zip(*times, strict=True)) for name, times in found.items()}
    print(f"\nstart-up, {work.num_rows:,} rows, first result\n{'variant':<20}{'with session':>14}{'after it':>10}")
    for name, (whole, after) in best.items():
        print(f"{name:<20}{whole:>13.2f}s{after:>9.2f}s")
    ratios = [ours / theirs for ours, theirs in zip(best["udf"], best["predict_batch_udf"], strict=True)]
    print(f"  udf / predict_batch_udf = {ratios[0]:.2f} with the session, {ratios[1]:.2f} after it, aim 0.7")


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few rows, one round")
    parser.add_argument("--only", default="columns,mixed,digits,photos,start", help="what to measure")
    parser.add_argument("--variants", default="", help="only these variants")
    parser.add_argument("--folder", help="where tables are made, and stay for the next run; without it, for this one")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long every variant runs")
    for name in NUM_ROWS:
        parser.add_argument(f"--{name}", type=int, help=f"rows of {name}")
    return parser.parse_args()


def main() -> None:
    """Print a table for each work."""
    options = parse_options()
    sizes = QUICK_ROWS if options.quick else NUM_ROWS
    chosen, seconds = options.only.split(","), 0.01 if options.quick else options.seconds
    with nullcontext(options.folder) if options.folder else tempfile.TemporaryDirectory() as name:
        works = {kind: getattr(options, kind) or sizes[kind] for kind in NUM_ROWS if kind in chosen}
        if works:
            measure_works(works, Path(name), seconds, options.variants.split(",") if options.variants else [])
        if "start" in chosen:
            measure_starts(make_work("columns", 1000, Path(name, "start")), 1 if options.quick else 3)


def measure_works(works: dict[str, int], folder: Path, seconds: float, kept: list[str]) -> None:
    """Print the table of each work, in one session; `kept` are the variants beside bare, all without it."""
    spark = open_session(SparkConfig(), "bench_score")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for kind, num_rows in works.items():
            work = make_work(kind, num_rows, folder)
            variants = list_variants(spark, work, pool, folder)
            print_table(work, measure({name: variants[name] for name in ["bare", *(kept or variants)]}, seconds))
    spark.stop()


if __name__ == "__main__":
    main()
