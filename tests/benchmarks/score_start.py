"""A process that starts Spark, scores a small table and says how long the first result took; `bench_score` runs it.

With `no_model` it reads the table only: what every way of scoring waits for.
"""

from __future__ import annotations

import inspect
import json
import sys
import time


def main() -> None:
    """Print seconds from the process' first line, and from the session's start, to the first result."""
    name, model, table = sys.argv[1:]
    started = time.perf_counter()
    from dbx_dl.config import SparkConfig
    from dbx_dl.runtime.spark import open_session

    spark = open_session(SparkConfig(), "score_start")
    has_session = time.perf_counter()
    df = spark.read.format("delta").load(table)
    if name == "udf":
        from dbx_dl import score_udf

        column = score_udf(spark, model)().alias("p")
    elif name == "no_model":
        column = df["c0"].alias("p")
    else:
        from pyspark.ml.functions import predict_batch_udf
        from pyspark.sql.types import ArrayType, FloatType

        columns = [f"c{k}" for k in range(32)]
        udf = predict_batch_udf(lambda: _open(model, columns), return_type=ArrayType(FloatType()), batch_size=4096)
        column = udf(*columns).alias("p")
    df.select("id", column).write.format("noop").mode("overwrite").save()
    print(json.dumps([time.perf_counter() - started, time.perf_counter() - has_session]))


def _open(model: str, columns: list[str]) -> object:
    import numpy as np
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])

    def predict(*arrays: object) -> object:
        inputs = {name: np.asarray(array, np.float64) for name, array in zip(columns, arrays, strict=True)}
        return session.run(["probabilities"], inputs)[0]

    kind = inspect.Parameter.POSITIONAL_ONLY
    names = [inspect.Parameter(f"a{place}", kind) for place in range(len(columns))]
    predict.__signature__ = inspect.Signature(names)  # type: ignore[attr-defined]
    return predict


if __name__ == "__main__":
    main()
