"""Predicted sets of labels as columns that can be counted: whether each label is in the set, and how many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.monitor.scored_rows import LABELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import DataFrame

    from dbx_dl.contracts import Distributions

# So many labels have a column.
MAX_LABELS = 100
NUMBER = "number of labels"
_PREFIX = "label "


def has_label_sets(frame: DataFrame) -> bool:
    """Whether the rows have a column of predicted sets of labels."""
    return LABELS in frame.columns and bool(frame.schema[LABELS].dataType.simpleString() == "array<string>")


def spread_labels(frame: DataFrame, names: Sequence[str]) -> DataFrame:
    """The rows with NUMBER, and a column of true and false for each of the labels `names`; null without a set."""
    from pyspark.sql import functions as F

    # Spark takes a null array for one of size -1 where it is told to.
    number = F.when(F.col(LABELS).isNotNull(), F.size(LABELS))
    columns = {name_column(name): F.array_contains(LABELS, name).cast("string") for name in names[:MAX_LABELS]}
    return frame.withColumns({NUMBER: number, **columns})


def list_spread(baseline: Distributions) -> tuple[str, ...]:
    """The labels that have a column in the baseline; none where it holds no sets."""
    columns = [column.column for column in baseline.columns]
    return tuple(name.removeprefix(_PREFIX) for name in columns if name.startswith(_PREFIX))


def name_column(label: str) -> str:
    """The column of one label."""
    return f"{_PREFIX}{label}"
