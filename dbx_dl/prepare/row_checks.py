"""Every row of a source typed and judged once: its key, label and features, or why it is rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.prepare.outcomes import DETAIL, REASON
from dbx_dl.prepare.splits import assign_split
from dbx_dl.runtime.sources import MALFORMED_COLUMN
from dbx_dl.runtime.tables import quote_column
from dbx_dl.transforms.raw_columns import is_unparsable, read_number, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import Column, DataFrame

    from dbx_dl.config import PrepareTableConfig

ROW = "_row"
_ORDER, _PROBLEM, _SOURCE = "_order", "_problem", "_source"
# Names that no key or feature may have.
INTERNAL_COLUMNS = (REASON, DETAIL, ROW, _ORDER, _PROBLEM, _SOURCE, MALFORMED_COLUMN)


def check_rows(raw: DataFrame, kinds: Mapping[str, str], config: PrepareTableConfig) -> DataFrame:
    """Key string, features double or string, `label` string, `split`, and REASON, DETAIL and ROW of rejects.

    REASON is null for good rows, else the first that holds of malformed_row, no_key, no_label, not_a_number,
    duplicate_key; ROW is the row as the source has it, as JSON. Of several rows with one key the first in Spark's
    reading order stays.
    """
    from pyspark.sql import functions as F

    tokens = config.null_tokens
    key = read_text(config.key, tokens)
    features = [
        (read_number(raw, name, tokens) if kind == "numeric" else read_text(name, tokens)).alias(name)
        for name, kind in kinds.items()
    ]
    source = F.struct(*(quote_column(name) for name in raw.columns))
    typed = raw.select(
        key.alias(config.key),
        *features,
        read_text(config.label, tokens).alias("label"),
        _find_problem(raw, config).alias(_PROBLEM),
        source.alias(_SOURCE),
        F.monotonically_increasing_id().alias(_ORDER),
    )
    judged = typed.withColumn(_PROBLEM, F.coalesce(_PROBLEM, _find_duplicate(config.key)))
    return judged.select(
        quote_column(config.key),
        *(quote_column(name) for name in kinds),
        "label",
        assign_split(F.col(quote_column(config.key)), config.split).alias("split"),
        F.col(f"{_PROBLEM}.reason").alias(REASON),
        F.col(f"{_PROBLEM}.detail").alias(DETAIL),
        F.when(F.col(_PROBLEM).isNotNull(), F.to_json(_SOURCE, {"ignoreNullFields": "false"})).alias(ROW),
    )


def _find_problem(raw: DataFrame, config: PrepareTableConfig) -> Column:
    """What a row shows by itself, as struct<reason, detail>; null when it is good."""
    from pyspark.sql import functions as F

    problems = []
    if MALFORMED_COLUMN in raw.columns:
        detail = F.lit("the number of values differs from the header's")
        problems.append(F.when(F.col(MALFORMED_COLUMN).isNotNull(), _problem("malformed_row", detail)))
    for name, reason in ((config.key, "no_key"), (config.label, "no_label")):
        is_null = read_text(name, config.null_tokens).isNull()
        problems.append(F.when(is_null, _problem(reason, F.lit(f"column '{name}' is null"))))
    for name, column in (config.columns or {}).items():  # an inferred numeric column holds nothing else
        if column.kind == "numeric":
            detail = F.concat(F.lit(f"column '{name}' holds '"), F.col(quote_column(name)).cast("string"), F.lit("'"))
            problems.append(F.when(is_unparsable(raw, name, config.null_tokens), _problem("not_a_number", detail)))
    return F.coalesce(*problems)


def _find_duplicate(key: str) -> Column:
    """A problem for every good row whose key an earlier good row has."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    is_good = F.col(_PROBLEM).isNull()
    same_key = Window.partitionBy(quote_column(key), is_good).orderBy(_ORDER)
    detail = F.lit("an earlier row has the same key")
    return F.when(is_good & (F.row_number().over(same_key) > 1), _problem("duplicate_key", detail))


def _problem(reason: str, detail: Column) -> Column:
    from pyspark.sql import functions as F

    return F.struct(F.lit(reason).alias("reason"), detail.alias("detail"))
