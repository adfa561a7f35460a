"""Metrics of a model on a split of a prepared table, measured on Spark through the scorer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError
from dbx_dl.feed.targets import open_labels
from dbx_dl.runtime.tables import quote_column, read_pinned
from dbx_dl.score.model.model_file import fetch_model
from dbx_dl.score.outputs.kinds import kind_of
from dbx_dl.score.udf import scorer_of
from dbx_dl.tasks import task_of

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray
    from pyspark.sql import SparkSession

    from dbx_dl.contracts import PreparedTable, Split, Target

PREDICTED_LABEL = "_predicted_label"


def evaluate_model(
    spark: SparkSession,
    model_path: str,
    prepared: PreparedTable,
    split: Split = "test",
    *,
    tracking_uri: str | None = None,
) -> dict[str, float]:
    """`measure_predictions` of what `predict_split` gives; errors as there."""
    return measure_predictions(predict_split(spark, model_path, prepared, split, tracking_uri=tracking_uri), prepared)


def predict_split(
    spark: SparkSession,
    model_path: str,
    prepared: PreparedTable,
    split: Split = "test",
    *,
    columns: Sequence[str] = (),
    tracking_uri: str | None = None,
) -> pa.Table:
    """A model's (a file's or an MLflow URI's) predictions for the pinned rows of a split, sorted by key.

    Columns: the key, the truth (`truth_columns`), further `columns` of the table, what is predicted
    (`prediction_columns`), and of classes PREDICTED_LABEL, which a threshold may have decided. DataError when the model
    does not take this table's columns, is of another task, has other labels, or fails on a row.
    """
    scorer = scorer_of(spark, fetch_model(model_path, tracking_uri))
    _check_target(scorer.metadata.target, prepared, scorer.model.name)
    rows = read_pinned(spark, prepared.table).where(f"split = '{split}'")
    scorer.check(rows)
    kept = [quote_column(name) for name in dict.fromkeys((prepared.key_column, *truth_columns(prepared), *columns))]
    predicted = rows.select(*kept, scorer().alias("_prediction"))
    outputs = [f"_prediction.{quote_column(name)}" for name in prediction_columns(scorer.metadata.target)]
    if prepared.target.is_classification:
        outputs.append(f"_prediction.label AS {PREDICTED_LABEL}")
    scored = predicted.selectExpr(*kept, *outputs, "_prediction.error").toArrow()
    return _without_errors(scored).sort_by(prepared.key_column)


def measure_predictions(predictions: pa.Table, prepared: PreparedTable) -> dict[str, float]:
    """The task's metrics of what `predict_split` gives; none without rows.

    All rows count alike, whatever sample weights a model was trained with, so that any two models can be compared. Of
    lists of items no more count than the table's target says, and than the model gives.
    """
    labels, predicted = read_predictions(predictions, prepared)
    return task_of(prepared.target).measure(labels, predicted)


def read_predictions(
    predictions: pa.Table, prepared: PreparedTable
) -> tuple[NDArray[np.generic], NDArray[np.floating]]:
    """Labels as in `contracts.Batch` and the task's predictions (N, …) of what `predict_split` gives."""
    target = prepared.target
    labels = open_labels(prepared).read(predictions, f"the predictions for table {prepared.table.name}")
    return labels, kind_of(target).read(predictions, target)


def truth_columns(prepared: PreparedTable) -> tuple[str, ...]:
    """The column with what is to be predicted, indices of labels or numbers; none where nothing is."""
    return open_labels(prepared).columns


def prediction_columns(target: Target) -> tuple[str, ...]:
    """The scorer's fields that hold a task's predictions."""
    return kind_of(target).list_columns(target)


def _check_target(known: Target, prepared: PreparedTable, model: str) -> None:
    is_alike = known.is_classification and prepared.target.is_classification
    if known.task != prepared.target.task and not is_alike:
        raise DataError(
            f"model {model} is of the task {known.task}; table {prepared.table.name} of {prepared.target.task}"
        )
    if known.quantiles != prepared.target.quantiles:
        raise DataError(f"model {model} predicts quantiles {known.quantiles}, not {prepared.target.quantiles}")
    if known.text != prepared.target.text:
        raise DataError(
            f"model {model} writes other tokens than those of table {prepared.table.name}: train it on this table"
        )
    sizes = [(target.grid, target.num_entries) for target in (known, prepared.target)]
    if kind_of(known).has_size and sizes[0] != sizes[1]:
        raise DataError(f"model {model} gives images of another size than those of table {prepared.table.name}")
    if known.label_names != prepared.target.label_names:
        raise DataError(
            f"model {model} knows the labels {', '.join(known.label_names)}; "
            f"table {prepared.table.name} has {', '.join(prepared.target.label_names)}"
        )


def _without_errors(scored: pa.Table) -> pa.Table:
    import pyarrow.compute as pc

    failed = scored.filter(pc.is_valid(scored.column("error")))
    if failed.num_rows:
        example = failed.column("error")[0].as_py()
        raise DataError(f"the model fails on {failed.num_rows} of {scored.num_rows} rows: {example}")
    return scored.drop_columns(["error"])
