"""What looks wrong in the train split of a table, said in sentences, or refused where training would mean nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError
from dbx_dl.prepare.tabular.column_measures import LABEL
from dbx_dl.prepare.tabular.targets import NUMBER_TASKS, TEXT_TASKS
from dbx_dl.runtime.tables import quote_column

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from dbx_dl.config import CategoricalColumn, ColumnConfig
    from dbx_dl.contracts import TaskName
    from dbx_dl.prepare.tabular.column_measures import ColumnMeasures

# A correlation with the label of this much is a copy of it, up to rounding.
_SAME = 1 - 1e-9
# What a reader of UTF-8 puts in place of bytes that are none.
_LOST_LETTER = "\ufffd"
# With fewer rows, columns are like the label by chance.
_MIN_ROWS = 10


def describe_columns(
    columns: Mapping[str, ColumnConfig], measures: Mapping[str, ColumnMeasures], max_categories: int
) -> list[str]:
    """Sentences about columns without values, with one value only, or with more categories than are kept.

    DataError when no column tells rows apart.
    """
    sentences = [
        sentence
        for name, column in columns.items()
        if name in measures and (sentence := _describe_column(name, column, measures[name], max_categories))
    ]
    known = {name: measures[name] for name in columns if name in measures and measures[name].num_values}
    if known and all(known[name].is_constant and not known[name].num_nulls for name in known):
        raise DataError(f"every feature column has one value only in the train split, such as {next(iter(known))!r}")
    return sentences


def require_varied_label(measures: Mapping[str, ColumnMeasures]) -> None:
    """DataError when a label of numbers has one value only in the train split."""
    label = measures[LABEL]
    if label.is_constant:
        raise DataError(f"every row of the train split has the label {label.minimum:g}: there is nothing to learn")


def describe_classes(label_names: Sequence[str], train_rows: Mapping[str, int]) -> list[str]:
    """A sentence when classes have no row in the train split."""
    unseen = [name for name in label_names if not train_rows.get(name)]
    return [f"{len(unseen)} classes have no row in the train split, such as {unseen[0]!r}"] if unseen else []


def describe_lost_letters(label_names: Sequence[str], measures: Mapping[str, ColumnMeasures]) -> list[str]:
    """A sentence for the label, and for every column, with letters that were lost when the source was read."""
    texts = {name: [name, *(str(value) for value, _ in measured.top)] for name, measured in measures.items()}
    texts[LABEL] = list(label_names)
    lost = {name: text for name, found in texts.items() for text in found if _LOST_LETTER in text}
    return [
        f"column {name!r} has letters that are lost, as in {text!r}: its source is not UTF-8; save it as UTF-8, and "
        "prepare it with --refit"
        for name, text in lost.items()
    ]


def find_leaks(
    train: DataFrame,
    columns: Mapping[str, ColumnConfig],
    measures: Mapping[str, ColumnMeasures],
    task: TaskName,
    num_classes: int,
) -> list[str]:
    """A sentence for every feature that is the target in other words: no feature of a new row can be.

    Classes: every value of the column goes with one class, and every class with one value; counted in one pass over
    the columns that have as many values as there are classes. Numbers: a correlation of 1 or -1. Texts that are
    written may well be copies.
    """
    if task in TEXT_TASKS:
        return []
    whole = {n: m for n, m in measures.items() if n in columns and not m.num_nulls and m.num_rows >= _MIN_ROWS}
    if task in NUMBER_TASKS:
        leaks = [name for name, measured in whole.items() if _is_copy(measured, measures[LABEL])]
    else:
        leaks = _find_renamed(train, [name for name, m in whole.items() if _may_be_renamed(m, num_classes)])
    return [
        f"column {name!r} equals the target in the train split: will it be known when the model is used?"
        for name in leaks
    ]


def _is_copy(measures: ColumnMeasures, label: ColumnMeasures) -> bool:
    deviations = (measures.deviation or 0.0) * (label.deviation or 0.0)
    return deviations > 0 and abs(measures.covariance or 0.0) > _SAME * deviations


def _may_be_renamed(measures: ColumnMeasures, num_classes: int) -> bool:
    # Approximate counts are off by a few percent.
    return abs((measures.num_distinct or 0) - num_classes) <= 1 + 0.2 * num_classes


def _find_renamed(train: DataFrame, names: Sequence[str]) -> list[str]:
    from pyspark.sql import functions as F

    if not names:
        return []
    cells = F.array(*(_cell(i, name) for i, name in enumerate(names)))
    label = F.col(LABEL).cast("string")
    pairs = train.select(F.explode(cells).alias("cell"), label.alias(LABEL)).select("cell.*", LABEL).distinct()
    counts = (F.count("*"), F.count_distinct("value"), F.count_distinct(LABEL))
    found = pairs.groupBy("i").agg(*(count.alias(f"n{j}") for j, count in enumerate(counts))).collect()
    return [names[row["i"]] for row in sorted(found) if row["n0"] == row["n1"] == row["n2"]]


def _cell(i: int, name: str) -> Column:
    from pyspark.sql import functions as F

    return F.struct(F.lit(i).alias("i"), F.col(quote_column(name)).cast("string").alias("value"))


def _describe_column(name: str, column: ColumnConfig, measures: ColumnMeasures, max_categories: int) -> str | None:
    if not measures.num_values:
        return f"column {name!r} has no value in the train split: it is left out"
    if measures.is_constant:
        nulls = f" and {measures.num_nulls} nulls" if measures.num_nulls else ""
        return f"column {name!r} has one value only in the train split{nulls}"
    return _describe_categories(name, column, measures, max_categories) if column.kind == "categorical" else None


def _describe_categories(
    name: str, column: CategoricalColumn, measures: ColumnMeasures, max_categories: int
) -> str | None:
    if column.hash_buckets:
        return None
    kept = column.max_categories or max_categories
    if not any(count >= column.min_count for _, count in measures.top):
        return f"column {name!r} has no category that occurs {column.min_count} times: it is left out"
    if len(measures.top) <= kept:
        return None
    about = "" if measures.num_distinct == len(measures.top) else "about "
    return (
        f"column {name!r} has {about}{measures.num_distinct} categories: the {kept} most frequent are kept, the others "
        "count as unknown"
    )
