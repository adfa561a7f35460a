"""What a table teaches: the task that its label stands for, labels as the table stores them, and what is no label."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError
from dbx_dl.runtime.row_sources import describe_source
from dbx_dl.runtime.tables import quote_column
from dbx_dl.transforms.raw_columns import is_text, read_number, read_text

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from dbx_dl.config import PrepareTableConfig
    from dbx_dl.contracts import TaskName
    from dbx_dl.prepare.tabular.source_survey import ColumnSurvey

logger = logging.getLogger(__name__)

# A label of numbers with more different values than this is a quantity.
MAX_NUMBER_CLASSES = 20
CLASS_TASKS: tuple[TaskName, ...] = ("binary", "multiclass")
ARRAY_TASKS: tuple[TaskName, ...] = ("multilabel", "frames")
# What has no index of a class beside it.
TEXT_TASKS: tuple[TaskName, ...] = ("sequence",)
NUMBER_TASKS: tuple[TaskName, ...] = ("regression", "count")
# Labels are trained on in float32.
_MAX_FLOAT32 = 3.4028234663852886e38


def cut_label(raw: DataFrame, config: PrepareTableConfig) -> DataFrame:
    """The rows with `config.label_suffix`, if any, cut off the end of labels; DataError where labels are no text."""
    from pyspark.sql import functions as F

    if config.label_suffix is None or config.label not in raw.columns:
        return raw
    if not is_text(raw.schema[config.label].dataType):
        what = describe_source(config.source, config.source_format)
        raise DataError(f"label {config.label!r} of {what} is no text: leave `label_suffix` out")
    label, suffix = F.col(quote_column(config.label)), F.lit(config.label_suffix)
    cut = F.substring(label, F.lit(1), F.length(label) - F.length(suffix))
    return raw.withColumn(config.label, F.when(F.endswith(label, suffix), cut).otherwise(label))


def find_task(config: PrepareTableConfig, survey: ColumnSurvey) -> TaskName:
    """The declared task, or the one that the label's values suggest (`settle_classes` has the last word on classes).

    Arrays, and text with a `label_separator`, are multilabel. Numbers of more than 20 different values are a
    regression, everything else classes. DataError when the label's type does not go with the task.
    """
    what = f"label {config.label!r} of {describe_source(config.source, config.source_format)}"
    is_array = survey.family in ("texts", "numbers")
    if survey.family in ("datetime", "other"):
        raise DataError(f"{what} is of a type that cannot be learned: give text, numbers, booleans or arrays of text")
    if is_array and config.label_separator is not None:
        raise DataError(f"{what} is an array already: leave `label_separator` out")
    if config.task is None:
        return "multilabel" if is_array or config.label_separator is not None else _infer_task(config.label, survey)
    if is_array and config.task not in ARRAY_TASKS:
        raise DataError(f"{what} is an array, which goes with `task: multilabel`, not {config.task}")
    if config.task in ARRAY_TASKS and not is_array and config.label_separator is None:
        raise DataError(f"{what} is no array: `task: {config.task}` needs the `label_separator` that is between labels")
    if config.task not in ARRAY_TASKS and config.label_separator is not None:
        raise DataError(f"`label_separator` goes with `task: multilabel`, not {config.task}")
    return config.task


def settle_classes(task: TaskName, label_names: Sequence[str], declared: TaskName | None) -> TaskName:
    """`binary` for two classes and `multiclass` for more, where the task was inferred, once the good rows are counted.

    DataError when a declared `binary` has more labels, or no row of a multilabel table has any.
    """
    if task in ARRAY_TASKS and not label_names:
        raise DataError("no row has any label: there is nothing to learn")
    if declared == "binary" and len(label_names) > 2:
        named = ", ".join(repr(name) for name in label_names[:5])
        raise DataError(f"the label has {len(label_names)} values ({named}, …), too many for `task: binary`")
    return _name_classes(len(label_names)) if task in CLASS_TASKS and declared is None else task


def read_label(raw: DataFrame, config: PrepareTableConfig, task: TaskName) -> Column:
    """The column `label`: string for classes, sorted array of distinct strings for multilabel, array for frames.

    Else double.

    Null where there is no label; an array without elements is a row to which no label applies.
    """
    from pyspark.sql import functions as F

    tokens = config.null_tokens
    if task in NUMBER_TASKS:
        return read_number(raw, config.label, tokens).alias("label")
    if task not in ARRAY_TASKS:
        return read_text(config.label, tokens).alias("label")
    if config.label_separator is not None:
        labels = F.split(read_text(config.label, tokens), re.escape(config.label_separator))
    else:
        labels = F.col(quote_column(config.label)).cast("array<string>")
    trimmed = F.transform(labels, lambda label: F.trim(label))
    if task == "frames":
        return F.transform(trimmed, lambda label: F.when(~label.isin("", *tokens), label)).alias("label")
    kept = F.filter(trimmed, lambda label: label.isNotNull() & ~label.isin("", *tokens))
    return F.array_sort(F.array_distinct(kept)).alias("label")


def list_label_problems(raw: DataFrame, config: PrepareTableConfig, task: TaskName) -> list[tuple[str, Column, Column]]:
    """Reason, whether it holds, and detail, for rows whose label cannot be used: no_label, bad_label."""
    from pyspark.sql import functions as F

    column = F.col(quote_column(config.label))
    is_array = task in ARRAY_TASKS and config.label_separator is None
    is_null = column.isNull() if is_array else read_text(config.label, config.null_tokens).isNull()
    problems = [("no_label", is_null, F.lit(f"column '{config.label}' is null"))]
    if task == "frames":
        has_gap = F.exists(read_label(raw, config, task), lambda label: label.isNull())
        problems.append(("bad_label", has_gap, F.lit(f"column '{config.label}' has a step without a label")))
    if task in NUMBER_TASKS:
        number = read_label(raw, config, task)
        found = F.concat(F.lit(f"column '{config.label}' holds '"), column.cast("string"), F.lit("', "))
        problems.append(("bad_label", number.isNull(), F.concat(found, F.lit("which is no finite number"))))
        problems.append(
            ("bad_label", F.abs(number) > _MAX_FLOAT32, F.concat(found, F.lit("which float32 cannot hold")))
        )
        if task == "count":
            is_none = (number < 0) | (number != F.floor(number))
            problems.append(("bad_label", is_none, F.concat(found, F.lit("which is no count"))))
    return problems


def _infer_task(label: str, survey: ColumnSurvey) -> TaskName:
    is_number = survey.family in ("integer", "number") or (survey.family == "text" and not survey.not_number)
    if not is_number or not survey.num_values or survey.num_distinct <= MAX_NUMBER_CLASSES:
        return _name_classes(survey.num_distinct)
    hint = "task: multiclass"
    if not survey.not_integer and not survey.negatives:
        hint = "task: count, or task: multiclass"
    logger.info(
        "label %r has about %d different numbers: it is learned as a regression; set `%s` to change that",
        label,
        survey.num_distinct,
        hint,
    )
    return "regression"


def _name_classes(num_classes: int) -> TaskName:
    return "binary" if num_classes == 2 else "multiclass"
