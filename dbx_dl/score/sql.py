"""A model as a function of Spark SQL."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from dbx_dl.errors import ConfigError
from dbx_dl.runtime.tables import quote_column
from dbx_dl.score.inputs.variant_columns import define_function
from dbx_dl.score.udf import ColumnScorer, UdfKind, score_udf

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_NAME = re.compile(r"[A-Za-z_]\w*")


def register_sql_function(
    spark: SparkSession,
    name: str,
    model: str | os.PathLike[str] | bytes,
    *,
    tracking_uri: str | None = None,
    kind: UdfKind | None = None,
    **options: Any,
) -> ColumnScorer:
    """Make `model` a function of the session's SQL: `SELECT predict_digit(content) FROM t`; gives its scorer.

    The function takes the columns of `score_udf` by position, or one struct whose fields have the model's names
    (`predict(struct(*))`), and gives the same struct; Spark takes no named arguments for it. Arguments are those of
    `score_udf`, and errors. ConfigError too when `name` is no plain name, or one of Spark's own functions.

    pandas would lose hours of timestamps. A pandas function of a model that takes them is a function of SQL around one
    (`<name>_of_text`): it takes named arguments too, and as one struct `predict(to_variant_object(struct(*)))`. Any
    other pandas function loses digits of whole numbers beyond 2^53 beside nulls: cast such a column to string.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} cannot be the name of a SQL function: use letters, digits and underscores")
    _require_new_name(spark, name)
    scorer = score_udf(spark, model, tracking_uri=tracking_uri, kind=kind, **options)
    if scorer.kind == "pandas" and any(want.element == "timestamp" for want in scorer.plan.wants):
        inner = f"{name}_of_text"
        spark.udf.register(inner, scorer.udf)
        # Spark puts no function of SQL in the place of a Python one.
        spark.sql(f"DROP TEMPORARY FUNCTION IF EXISTS {quote_column(name)}")
        spark.sql(define_function(name, inner, scorer.plan.wants))
    else:
        spark.udf.register(name, scorer.udf)
    return scorer


def _require_new_name(spark: SparkSession, name: str) -> None:
    """ConfigError for a built-in function: the model would take its place in all of the session.

    Delta writes with `count`, for one, fail then for no reason that could be seen.
    """
    found = spark.sql(f"SHOW SYSTEM FUNCTIONS LIKE '{name}'").collect()
    if any(row[0].lower() == name.lower() for row in found):
        raise ConfigError(f"{name!r} is a function of Spark's own: choose another name, such as predict_{name}")
