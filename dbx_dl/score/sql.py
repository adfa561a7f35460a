"""A model as a function of Spark SQL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dbx_dl.errors import ConfigError
from dbx_dl.score.udf import ColumnScorer, UdfKind, score_udf

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_NAME = re.compile(r"[A-Za-z_]\w*")


def register_sql_function(
    spark: SparkSession,
    name: str,
    model: str | bytes,
    *,
    tracking_uri: str | None = None,
    kind: UdfKind | None = None,
    **options: Any,
) -> ColumnScorer:
    """Make `model` a function of the session's SQL: `SELECT predict_digit(content) FROM t`; gives its scorer.

    The function takes the columns of `score_udf` by position, or one struct whose fields have the model's names
    (`predict(struct(*))`), and gives the same struct; Spark takes no named arguments for it. Arguments are those of
    `score_udf`, and errors. ConfigError too when `name` is no plain name, or when a model that takes timestamps would
    get them through pandas, which loses the hours of clock changes.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} cannot be the name of a SQL function: use letters, digits and underscores")
    scorer = score_udf(spark, model, tracking_uri=tracking_uri, kind=kind, **options)
    if scorer.kind == "pandas" and any(want.element == "timestamp" for want in scorer.plan.wants):
        raise ConfigError("a SQL function that takes timestamps needs arrow_udf (Spark 4.1): use score_udf instead")
    spark.udf.register(name, scorer.udf)
    return scorer
