"""How wrong a scored row is, as one number that is computed in Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.monitor.late_labels import TRUTH
from dbx_dl.monitor.scored_rows import LABEL, LABELS
from dbx_dl.runtime.tables import quote_column
from dbx_dl.score.outputs.kinds import kind_of
from dbx_dl.tasks import task_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import Column, DataFrame

    from dbx_dl.contracts import Target

WRONG, WRONG_LABELS, DISTANCE, MISSED = "wrong", "wrong labels", "absolute error", "not among the items"


def find_error(joined: DataFrame, target: Target) -> tuple[str, Column] | None:
    """What a row's error is called, and the error; None where the predictions' fields are absent.

    Of classes 1 for a wrong one, as it was decided; of sets of labels how many are wrong; of numbers, quantiles and
    distributions the distance to the point that the task compares with the label; of items 1 where the label is not
    among them.
    """
    from pyspark.sql import functions as F

    kind, columns, truth = task_of(target).label_kind, set(joined.columns), F.col(TRUTH)
    if kind == "class" and LABEL in columns:
        return WRONG, (F.col(LABEL) != truth).cast("double")
    if kind == "label_set" and LABELS in columns:
        wrong = F.size(F.array_except(LABELS, truth)) + F.size(F.array_except(truth, F.col(LABELS)))
        return WRONG_LABELS, wrong.cast("double")
    if kind == "item" and "items" in columns:
        return MISSED, (~F.array_contains("items", truth)).cast("double")
    point = choose_point(target)
    if kind == "number" and point in columns:
        return DISTANCE, F.abs(F.col(quote_column(point)).cast("double") - truth)
    return None


def choose_point(target: Target) -> str:
    """The field that holds the number which is compared with a label: of quantiles the one nearest to the median."""
    names: Sequence[str] = kind_of(target).list_columns(target)
    if target.task != "quantiles":
        return names[0]
    place = min(range(len(target.quantiles)), key=lambda k: abs(target.quantiles[k] - 0.5))
    return names[place]
