"""Every row of a source typed and judged once: its key, label and features, or why it is rejected."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dbx_dl.prepare.outcomes import DETAIL, REASON
from dbx_dl.prepare.tabular.frames import find_misaligned, find_uneven
from dbx_dl.prepare.tabular.targets import list_label_problems, read_label
from dbx_dl.runtime.source_columns import MALFORMED_COLUMN, TRAIN_COLUMN
from dbx_dl.runtime.tables import quote_column
from dbx_dl.transforms.raw_columns import (
    is_unparsable,
    read_boolean,
    read_embedding,
    read_number,
    read_text,
    read_timestamp,
)

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from dbx_dl.config import ColumnConfig, PrepareTableConfig
    from dbx_dl.contracts import TaskName

ROW = "_row"
_ORDER, _PROBLEM, _SOURCE = "_order", "_problem", "_source"
# Names that no key or feature may have.
INTERNAL_COLUMNS = (REASON, DETAIL, ROW, _ORDER, _PROBLEM, _SOURCE, MALFORMED_COLUMN)
REASONS_OF_KINDS = {
    "numeric": "not_a_number",
    "boolean": "not_a_boolean",
    "datetime": "not_a_datetime",
    "embedding": "bad_embedding",
}


def check_rows(
    raw: DataFrame, columns: Mapping[str, ColumnConfig], task: TaskName, config: PrepareTableConfig, split: Column
) -> DataFrame:
    """Key string, typed features, `label` as in `read_label`, `split`, and REASON, DETAIL and ROW of rejects.

    Features are double (numeric, boolean), string, timestamp or array<double>; `split` is computed from the source's
    columns. REASON is null for good rows, else the first that holds of malformed_row, no_key, no_label, bad_label,
    misaligned_labels, bad_split, not_a_number, not_a_boolean, not_a_datetime, bad_embedding, duplicate_key; ROW is the
    row as the source has it, as JSON. Of several rows with one key the first in Spark's reading order stays.
    """
    from pyspark.sql import functions as F

    features = select_read(columns)
    added = (TRAIN_COLUMN,) if config.labels is not None else ()
    source = F.struct(*(quote_column(name) for name in raw.columns if name not in added))
    typed = raw.select(
        read_text(config.key, config.null_tokens).alias(config.key),
        *(read_feature(raw, name, column, config) for name, column in features.items()),
        read_label(raw, config, task),
        split.alias("split"),
        _find_problem(raw, features, task, config, split).alias(_PROBLEM),
        source.alias(_SOURCE),
        F.monotonically_increasing_id().alias(_ORDER),
    )
    judged = typed.withColumn(_PROBLEM, F.coalesce(_PROBLEM, _find_duplicate(config.key)))
    return judged.select(
        quote_column(config.key),
        *(quote_column(name) for name in features),
        "label",
        "split",
        F.col(f"{_PROBLEM}.reason").alias(REASON),
        F.col(f"{_PROBLEM}.detail").alias(DETAIL),
        F.when(F.col(_PROBLEM).isNotNull(), F.to_json(_SOURCE, {"ignoreNullFields": "false"})).alias(ROW),
    )


def select_read(columns: Mapping[str, ColumnConfig]) -> dict[str, ColumnConfig]:
    """The columns that the prepared table has: the features, and ignored ones that are kept, as what they are read."""
    read = {name: column.kept if column.kind == "ignore" else column for name, column in columns.items()}
    return {name: column for name, column in read.items() if column is not None}


def list_kept(columns: Mapping[str, ColumnConfig]) -> list[str]:
    """Names of the columns that are kept without being features."""
    return [name for name, column in columns.items() if column.kind == "ignore" and column.keep_as is not None]


def read_feature(raw: DataFrame, name: str, column: ColumnConfig, config: PrepareTableConfig) -> Column:
    """A source's column as the prepared table has it, under its own name."""
    if column.kind in ("embedding", "steps"):
        return read_embedding(raw, name)
    if column.kind in ("categorical", "text"):
        return read_text(name, config.null_tokens)
    readers = {"numeric": read_number, "boolean": read_boolean, "datetime": read_timestamp}
    return readers[column.kind](raw, name, config.null_tokens)


def _find_problem(
    raw: DataFrame, features: Mapping[str, ColumnConfig], task: TaskName, config: PrepareTableConfig, split: Column
) -> Column:
    """What a row shows by itself, as struct<reason, detail>; null when it is good."""
    from pyspark.sql import functions as F

    problems = []
    if MALFORMED_COLUMN in raw.columns:
        detail = "the line is no JSON object" if config.source_format == "json" else _WRONG_LENGTH
        problems.append(F.when(F.col(MALFORMED_COLUMN).isNotNull(), _problem("malformed_row", F.lit(detail))))
    no_key = read_text(config.key, config.null_tokens).isNull()
    problems.append(F.when(no_key, _problem("no_key", F.lit(f"column '{config.key}' is null"))))
    for reason, holds, found in list_label_problems(raw, config, task):
        problems.append(F.when(holds, _problem(reason, found)))
    if task == "frames":
        reason, holds, found = find_misaligned(read_label(raw, config, task), features, config)
        problems.append(F.when(holds, _problem(reason, found)))
    if config.split.column is not None:
        problems.append(F.when(split.isNull(), _problem("bad_split", _describe_value(config.split.column))))
    steps = [name for name, column in features.items() if column.kind == "steps"]
    if len(steps) > 1:
        reason, holds, found = find_uneven(steps)
        problems.append(F.when(holds, _problem(reason, found)))
    for name, column in features.items():
        if column.kind not in ("categorical", "text", "steps"):
            problems.append(F.when(_is_bad(raw, name, column, config), _feature_problem(name, column)))
    return F.coalesce(*problems)


_WRONG_LENGTH = "the number of values differs from the header's"


def _is_bad(raw: DataFrame, name: str, column: ColumnConfig, config: PrepareTableConfig) -> Column:
    if column.kind == "embedding":
        broken = is_unparsable(raw, name, config.null_tokens, "embedding", size=column.size)
        return broken | _has_infinite_element(raw, name)
    if column.kind in ("numeric", "boolean", "datetime"):
        return is_unparsable(raw, name, config.null_tokens, column.kind)
    raise AssertionError(f"rows cannot be bad for a column of kind {column.kind}")


def _has_infinite_element(raw: DataFrame, name: str) -> Column:
    from pyspark.sql import functions as F

    # To Spark, NaN is greater than every number.
    is_infinite = F.exists(read_embedding(raw, name), lambda element: F.abs(element) > sys.float_info.max)
    return F.coalesce(is_infinite, F.lit(False))


def _feature_problem(name: str, column: ColumnConfig) -> Column:
    from pyspark.sql import functions as F

    if column.kind != "embedding":
        return _problem(REASONS_OF_KINDS[column.kind], _describe_value(name))
    size = F.size(quote_column(name)).cast("string")
    detail = F.concat(F.lit(f"column '{name}' needs {column.size} finite numbers, it has "), size, F.lit(" elements"))
    return _problem("bad_embedding", detail)


def _describe_value(name: str) -> Column:
    from pyspark.sql import functions as F

    return F.concat(F.lit(f"column '{name}' holds '"), F.col(quote_column(name)).cast("string"), F.lit("'"))


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
