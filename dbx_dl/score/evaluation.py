"""Metrics of a model on a split of a prepared table, measured on Spark through the scorer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.errors import DataError
from dbx_dl.metrics import classification_metrics
from dbx_dl.runtime.tables import read_pinned
from dbx_dl.score.model_file import fetch_model
from dbx_dl.score.udf import scorer_of

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.contracts import PreparedTable, Split
    from dbx_dl.score.udf import ColumnScorer


def evaluate_model(
    spark: SparkSession,
    model_path: str,
    prepared: PreparedTable,
    split: Split = "test",
    *,
    tracking_uri: str | None = None,
) -> dict[str, float]:
    """`classification_metrics` of a model (a file or an MLflow URI) on the pinned rows of a split; {} without rows.

    All rows count alike, whatever sample weights a model was trained with, so that any two models can be compared.
    DataError when the model does not take this table's columns, has other labels, or fails on a row.
    """
    scorer = scorer_of(spark, fetch_model(model_path, tracking_uri))
    if scorer.metadata.target.label_names != prepared.target.label_names:
        raise DataError(
            f"model {scorer.model.name} knows the labels {', '.join(scorer.metadata.target.label_names)}; "
            f"table {prepared.table.name} has {', '.join(prepared.target.label_names)}"
        )
    rows = read_pinned(spark, prepared.table).where(f"split = '{split}'")
    scorer.check(rows)
    return _measure(_score(rows, scorer), prepared)


def _score(rows: DataFrame, scorer: ColumnScorer) -> pa.Table:
    prediction = scorer().alias("prediction")
    columns = "label_index", "prediction.probabilities", "prediction.error"
    return rows.select("label_index", prediction).select(*columns).toArrow()


def _measure(scored: pa.Table, prepared: PreparedTable) -> dict[str, float]:
    import numpy as np
    import pyarrow.compute as pc

    failed = scored.filter(pc.is_valid(scored.column("error")))
    if failed.num_rows:
        example = failed.column("error")[0].as_py()
        raise DataError(f"the model fails on {failed.num_rows} of {scored.num_rows} rows: {example}")
    flat = scored.column("probabilities").combine_chunks().flatten().to_numpy(zero_copy_only=False)
    probabilities_nc = flat.reshape(-1, len(prepared.target.label_names))
    labels_n = scored.column("label_index").to_numpy().astype(np.int64)
    return classification_metrics(labels_n, probabilities_nc)
