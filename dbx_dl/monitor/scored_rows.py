"""What the measures ask of a frame of scored rows: its columns by name, and which rows hold a prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.errors import DataError
from dbx_dl.runtime.tables import quote_column, suggest_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pyspark.sql import Column, DataFrame

# The name of a row's window.
WINDOW = "window"
KEY, ERROR, VERSION, MODEL, SCORED_AT = "key", "error", "model_version", "model_name", "scored_at"
# The fields of predicted classes: the one chosen, those chosen of a set, a number for each.
LABEL, LABELS, PROBABILITIES = "label", "labels", "probabilities"
# What a scored frame holds beside predictions and inputs.
LINEAGE = (
    KEY, WINDOW, ERROR, MODEL, VERSION, "model_sha256", "model_run_id", "source", "source_version", "input_hash",
    SCORED_AT,
)  # fmt: skip


def require_scored(frame: DataFrame, names: Iterable[str], what: str) -> None:
    """DataError unless the frame has these columns; `what` says in the message what needs them."""
    present = list(frame.columns)
    for name in names:
        if name not in present:
            raise DataError(f"{what} needs the column {name!r} of the scored rows; {suggest_name(name, present)}")


def pick(frame: DataFrame, name: str, kind: str = "string") -> Column:
    """A column, or nulls of the type `kind` where the frame has none of that name."""
    from pyspark.sql import functions as F

    return F.col(quote_column(name)) if name in frame.columns else F.lit(None).cast(kind)


def explode_values(columns: Sequence[str]) -> Column:
    """A row for each of the columns: `column`, its place among them, and `value`, the row's value in it as text."""
    from pyspark.sql import functions as F

    parts = [
        F.struct(F.lit(place).alias("column"), F.col(quote_column(name)).cast("string").alias("value"))
        for place, name in enumerate(columns)
    ]
    return F.inline(F.array(*parts))


def has_prediction(frame: DataFrame) -> Column:
    """Whether a row was scored without an error."""
    return pick(frame, ERROR).isNull()
