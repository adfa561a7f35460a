"""Columns that a manifest or table brings: which are kept, and what its labels and splits mean."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dbx_dl.contracts import SPLITS
from dbx_dl.errors import DataError
from dbx_dl.prepare.images.columns import SHARED_COLUMNS
from dbx_dl.prepare.images.sources.found import LISTING_COLUMNS, ImageTask
from dbx_dl.prepare.splits import normalize_split
from dbx_dl.runtime.tables import quote_column, require_columns, suggest_name

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

# Names that no kept column may have.
TABLE_COLUMNS = (*SHARED_COLUMNS, "label_indices")
_SCALARS = ("string", "int", "bigint", "smallint", "tinyint", "boolean", "double", "float", "date", "decimal")


def require_used(rows: DataFrame, columns: Iterable[str | None], label_column: str | None, what: str) -> None:
    """DataError unless the rows have every column that the source's config names."""
    require_columns(rows, [name for name in columns if name is not None and name != label_column], what)
    if label_column is not None and label_column not in rows.columns:
        hint = suggest_name(label_column, rows.columns)
        raise DataError(f"{what} has no column {label_column!r}; {hint} (`label_column: null` if there are no labels)")


def choose_kept(columns: Iterable[str], used: Iterable[str | None], what: str) -> tuple[str, ...]:
    """The columns that are kept as they are: all but those that are `used`; DataError for a name that is taken."""
    kept = tuple(name for name in columns if name not in set(used))
    require_free(kept, (*TABLE_COLUMNS, *LISTING_COLUMNS), what)
    return kept


def require_free(kept: Iterable[str], taken: Iterable[str], what: str) -> None:
    """DataError for a kept column whose name is `taken` by one of the table's own."""
    taken = {name.lower() for name in taken}
    for name in kept:
        if name.lower() in taken or name.startswith("_"):
            why = "names that start with _ are" if name.startswith("_") else "this name is"
            raise DataError(f"{what} has a column {name!r}, but {why} taken in prepared tables: rename it")


def choose_task(rows: DataFrame, label_column: str | None, what: str) -> ImageTask:
    """What the type of the label column says: arrays are several labels; DataError for types that are no labels."""
    if label_column is None:
        return "none"
    kind = rows.schema[label_column].dataType.simpleString()
    inner = kind.removeprefix("array<").removesuffix(">")
    if not inner.startswith(_SCALARS):
        raise DataError(f"{what}: column {label_column!r} is {kind}, labels are text, numbers or arrays of them")
    return "multilabel" if kind.startswith("array<") else "multiclass"


def read_labels(label_column: str | None, task: ImageTask) -> Column:
    """The label as text, or sorted distinct texts for `multilabel`; an empty text is null, or left out."""
    from pyspark.sql import functions as F

    if label_column is None or task == "none":
        return F.lit(None).cast("string")
    column = F.col(quote_column(label_column))
    if task == "multiclass":
        return _as_text(column)
    names = F.transform(column.cast("array<string>"), _as_text)
    return F.array_sort(F.array_distinct(F.filter(names, lambda name: name.isNotNull())))


def read_split(split_column: str | None) -> Column:
    """The split that the source gives; null for null, for an empty text, and for what is no split."""
    from pyspark.sql import functions as F

    if split_column is None:
        return F.lit(None).cast("string")
    return normalize_split(_as_text(F.col(quote_column(split_column))))


def find_bad_values(label_column: str | None, task: ImageTask, split_column: str | None) -> Column:
    """struct<reason, detail> of a row whose split or label cannot be used, else null."""
    from pyspark.sql import functions as F

    found = [problem(F.lit(False), "", "")]
    if split_column is not None:
        text = _as_text(F.col(quote_column(split_column)))
        detail = F.concat(F.lit("split '"), F.substring(text, 1, 60), F.lit(f"' is none of {', '.join(SPLITS)}"))
        found.append(problem(text.isNotNull() & read_split(split_column).isNull(), "bad_split", detail))
    if task != "none":
        found.append(problem(read_labels(label_column, task).isNull(), "no_label", f"{label_column} is empty"))
    return F.coalesce(*found)


def problem(condition: Column, reason: str, detail: Column | str) -> Column:
    """struct<reason string, detail string> where the condition holds, else null."""
    from pyspark.sql import functions as F

    text = F.lit(detail) if isinstance(detail, str) else detail
    return F.when(condition, F.struct(F.lit(reason).alias("reason"), text.alias("detail")))


def _as_text(column: Column) -> Column:
    from pyspark.sql import functions as F

    text = F.trim(column.cast("string"))
    return F.when(text != "", text)
