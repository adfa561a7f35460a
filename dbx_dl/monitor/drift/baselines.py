"""What windows are compared with: the inputs of the train split, and the model's outputs on the test split."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dbx_dl.contracts import Distributions
from dbx_dl.distributions.fitting import fit_distributions
from dbx_dl.distributions.measures import Measure, list_input_measures
from dbx_dl.errors import DataError, VersionGoneError
from dbx_dl.monitor.drift.label_sets import has_label_sets, spread_labels
from dbx_dl.runtime.tables import quote_column, read_pinned
from dbx_dl.score.model.model_file import fetch_model
from dbx_dl.score.udf import scorer_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

    from dbx_dl.config import ScoreOptions
    from dbx_dl.contracts import InputSpec, PreparedTable, Split

logger = logging.getLogger(__name__)

_PREDICTION, _KEY, _ERROR = "_prediction", "_key", "error"


def find_input_baseline(spark: SparkSession, prepared: PreparedTable) -> Distributions:
    """How the inputs of the train split are distributed, as prepare stored it with the table.

    A table of an earlier version of dbx_dl has no such statistics: they are measured now, of its pinned version.
    DataError where that version is gone too, or the inputs are of a kind that is not measured.
    """
    stored = prepared.statistics.distributions
    if stored is not None:
        return stored
    name, version = prepared.table.name, prepared.table.version
    logger.info("table %s, version %d, has no statistics to compare with: they are measured", name, version)
    return measure_inputs(_read_split(spark, prepared, "train"), prepared.inputs)


def measure_inputs(rows: DataFrame, inputs: InputSpec) -> Distributions:
    """How a model's inputs are distributed over rows that have the raw columns, typed as prepared tables have them.

    None of a kind that is not measured, recordings say: then there are no columns.
    """
    measures = list_input_measures(inputs)
    if not measures:
        return Distributions(num_rows=0)
    return fit_distributions(rows, measures, inputs=inputs, has_samples=True)


def measure_output_baseline(
    spark: SparkSession,
    prepared: PreparedTable,
    model: str,
    *,
    tracking_uri: str | None = None,
    options: ScoreOptions | None = None,
) -> Distributions:
    """How what `model` (a path or URI) predicts is distributed over the test split of its table.

    On the test split, since on rows that it was trained on a model is surer than on others; of a table without, on its
    validation split. Not stored by register: it is one pass over the split at each look, works for every version that
    there is, and goes through the same scorer as what is watched. DataError where the table has neither, or its
    version is gone.
    """
    from pyspark.sql import functions as F

    split = choose_held_out(prepared)
    rows = _read_split(spark, prepared, split)
    scorer = scorer_of(spark, fetch_model(model, tracking_uri), options=options)
    scorer.check(rows)
    key = F.col(quote_column(prepared.key_column)).alias(_KEY)
    scored = rows.select(key, scorer().alias(_PREDICTION)).select(_KEY, f"{_PREDICTION}.*")
    return measure_outputs(scored.where(F.col(_ERROR).isNull()), _KEY, prepared.target.label_names)


def measure_outputs(predictions: DataFrame, key: str, label_names: Sequence[str] = ()) -> Distributions:
    """How the columns of predictions are distributed: labels, numbers, and vectors named `embedding`.

    Of sets of labels it is how many there are, and of each of `label_names` whether it is among them. The column `key`
    tells rows that are predicted alike apart, of which some vectors are drawn; it is not measured.
    """
    if has_label_sets(predictions):
        predictions = spread_labels(predictions, label_names)
    measured = predictions.drop(key)
    measures = list_output_measures(measured.schema, _find_size(measured))
    return fit_distributions(predictions, measures, has_samples=True)


def list_output_measures(schema: StructType, embedding_size: int = 0) -> tuple[Measure, ...]:
    """What is measured of predictions: texts as categories, numbers, and an embedding; other arrays are not."""
    from pyspark.sql import types as T

    measures = []
    for field in schema.fields:
        if field.name == _ERROR:
            continue
        if isinstance(field.dataType, T.StringType):
            measures.append(Measure(field.name, "category", is_input=False))
        elif isinstance(field.dataType, T.NumericType | T.BooleanType):
            measures.append(Measure(field.name, "number", is_input=False))
        elif field.name == "embedding" and embedding_size:
            measures.append(Measure(field.name, "vector", is_input=False, size=embedding_size))
    return tuple(measures)


def choose_held_out(prepared: PreparedTable) -> Split:
    """The split that a model was not trained on; DataError where there is none."""
    held_out: tuple[Split, ...] = ("test", "validation")
    for split in held_out:
        if prepared.split_rows.get(split, 0):
            return split
    raise DataError(
        f"table {prepared.table.name}, version {prepared.table.version}, has neither test nor validation rows, on "
        "which predictions could be compared: prepare it with such a split"
    )


def _find_size(predictions: DataFrame) -> int:
    if "embedding" not in predictions.columns:
        return 0
    found = predictions.where("embedding IS NOT NULL").selectExpr("size(embedding) AS size").first()
    return 0 if found is None else int(found["size"])


def _read_split(spark: SparkSession, prepared: PreparedTable, split: Split) -> DataFrame:
    try:
        return read_pinned(spark, prepared.table).where(f"split = '{split}'")
    except VersionGoneError as error:
        raise DataError(
            f"{error}; the statistics to compare with cannot be measured: prepare the table again and train anew"
        ) from None
