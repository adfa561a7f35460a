"""Labels that arrive after a row was scored are joined to its prediction, as they are known at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dbx_dl.errors import ConfigError, DataError
from dbx_dl.monitor.scored_rows import KEY
from dbx_dl.runtime.tables import quote_column, require_columns
from dbx_dl.score.tables.row_keys import make_key
from dbx_dl.tasks import task_of
from dbx_dl.transforms.raw_columns import is_readable, read_number, read_text, read_timestamp

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from dbx_dl.config import LateLabelsConfig
    from dbx_dl.contracts import Target

# What a scored row is joined with: its label (string, double, or array of strings), null where none is known, the
# moment at which it was given, and whether different labels were given at that same moment.
TRUTH, LABELLED_AT, IS_DISPUTED = "_truth", "_truth_labelled_at", "_truth_is_disputed"
_LABEL_KEY, _IS_READABLE = "_label_key", "_label_is_readable"
_SIMPLE_KINDS = ("class", "label_set", "number", "item")


@dataclass(frozen=True)
class LabelCounts:
    """What there is among the labels themselves: rows, and those of them that say nothing and why.

    `num_later` were given after the moment of the look. `num_keys` have a label, `num_unknown_keys` of these are of no
    scored row, such as `unknown_key`.
    """

    num_rows: int
    num_without_key: int
    num_unreadable: int
    num_later: int
    num_keys: int = 0
    num_unknown_keys: int = 0
    unknown_key: str | None = None


def read_labels(labels: DataFrame, target: Target, late: LateLabelsConfig) -> DataFrame:
    """The labels' key, moment and truth, and whether it could be read; nothing is left out.

    ConfigError for a task whose labels are no classes, sets of them, numbers or items; DataError when a column is
    absent or of a type that cannot be read.
    """
    from pyspark.sql import functions as F

    require_measurable(target)
    what = f"label table {late.table}"
    time = () if late.time is None else (late.time,)
    require_columns(labels, (*late.key_columns, late.label, *time), what)
    raw, truth = _read_truth(labels, target, late, what)
    moment = F.lit(None).cast("timestamp") if late.time is None else _read_moment(labels, late.time, what)
    key = make_key(late.key_columns).alias(_LABEL_KEY)
    is_readable = (raw.isNull() | truth.isNotNull()).alias(_IS_READABLE)
    return labels.select(key, moment.alias(LABELLED_AT), truth.alias(TRUTH), is_readable)


def resolve_labels(read: DataFrame, as_of: datetime | None) -> DataFrame:
    """One row for each key with a label at the moment `as_of`: key, TRUTH, LABELLED_AT, IS_DISPUTED.

    `read` is what `read_labels` gives. The latest label of a key counts; see `LateLabelsConfig`. Without `as_of` all
    of them are known; a moment without an offset is UTC.
    """
    from pyspark.sql import functions as F

    known = read.where(F.col(_LABEL_KEY).isNotNull() & F.col(_IS_READABLE) & ~_is_later(as_of))
    by_moment = known.groupBy(_LABEL_KEY, LABELLED_AT).agg(
        F.max(TRUTH).alias(TRUTH), (F.min(TRUTH) != F.max(TRUTH)).alias(IS_DISPUTED)
    )
    # Structs compare field by field, null first, so that this is the latest.
    latest = by_moment.groupBy(_LABEL_KEY).agg(F.max(F.struct(LABELLED_AT, TRUTH, IS_DISPUTED)).alias("last"))
    fields = (f"last.{name}" for name in (TRUTH, LABELLED_AT, IS_DISPUTED))
    return latest.select(_LABEL_KEY, *fields).where(F.col(TRUTH).isNotNull())


def join_labels(
    scored: DataFrame, labels: DataFrame, target: Target, late: LateLabelsConfig, as_of: datetime | None = None
) -> DataFrame:
    """Every scored row, with TRUTH, LABELLED_AT and IS_DISPUTED; null and false where no label is known at `as_of`.

    Errors are those of `read_labels`. A key that was scored several times has its label in each of its rows: it stands
    for one outcome.
    """
    from pyspark.sql import functions as F

    found = resolve_labels(read_labels(labels, target, late), as_of)
    joined = scored.join(found, scored[KEY].cast("string") == found[_LABEL_KEY], "left").drop(_LABEL_KEY)
    return joined.withColumn(IS_DISPUTED, F.coalesce(IS_DISPUTED, F.lit(False)))


def count_labels(
    scored: DataFrame, labels: DataFrame, target: Target, late: LateLabelsConfig, as_of: datetime | None = None
) -> LabelCounts:
    """What is said of the labels themselves, in two passes over them; errors as in `read_labels`."""
    from pyspark.sql import functions as F

    read = read_labels(labels, target, late)
    is_sound = F.col(_LABEL_KEY).isNotNull()
    row = read.agg(
        F.count("*").alias("num_rows"),
        F.count(F.when(~is_sound, 1)).alias("num_without_key"),
        F.count(F.when(is_sound & ~F.col(_IS_READABLE), 1)).alias("num_unreadable"),
        F.count(F.when(is_sound & F.col(_IS_READABLE) & _is_later(as_of), 1)).alias("num_later"),
    ).collect()[0]
    known = scored.select(scored[KEY].cast("string").alias("_scored_key")).distinct()
    found = resolve_labels(read, as_of)
    is_unknown = F.col("_scored_key").isNull()
    keys = (
        found.join(known, found[_LABEL_KEY] == known["_scored_key"], "left")
        .agg(
            F.count("*").alias("num_keys"),
            F.count(F.when(is_unknown, 1)).alias("num_unknown_keys"),
            F.min(F.when(is_unknown, F.col(_LABEL_KEY))).alias("unknown_key"),
        )
        .collect()[0]
    )
    return LabelCounts(**row.asDict(), **keys.asDict())


def require_measurable(target: Target) -> None:
    """ConfigError unless labels of the target's task can come late: classes, sets of labels, numbers or items."""
    if target.task == "none" or task_of(target).label_kind not in _SIMPLE_KINDS:
        raise ConfigError(
            f"quality by late labels is for classes, sets of labels, numbers and items; the model's task is "
            f"{target.task}: leave `labels` out"
        )


def _read_truth(labels: DataFrame, target: Target, late: LateLabelsConfig, what: str) -> tuple[Column, Column]:
    """The label as it stands, null where it is a null token, and as the task takes it, null where that cannot be."""
    from pyspark.sql import functions as F

    kind, given = task_of(target).label_kind, labels.schema[late.label].dataType
    tokens = tuple(token for token in late.null_tokens if token not in target.label_names)
    if (kind == "label_set") != (given.typeName() == "array"):
        wanted = "an array of labels" if kind == "label_set" else "one label"
        raise DataError(
            f"{what}: column {late.label!r} is {given.simpleString()}; the task {target.task} has {wanted} a row"
        )
    if kind == "label_set":
        names = F.col(quote_column(late.label)).cast("array<string>")
        kept = F.filter(F.transform(names, F.trim), lambda name: name.isNotNull() & ~name.isin("", *tokens))
        return names, F.array_sort(F.array_distinct(kept))
    text = read_text(late.label, tokens)
    if kind != "number":
        return text, text
    if not is_readable(given, "numeric"):
        raise DataError(f"{what}: column {late.label!r} is {given.simpleString()}, the model predicts numbers")
    return text, read_number(labels, late.label, tokens)


def _read_moment(labels: DataFrame, name: str, what: str) -> Column:
    given = labels.schema[name].dataType
    if not is_readable(given, "datetime"):
        raise DataError(f"{what}: column {name!r} is {given.simpleString()}, which is no time: name another `time`")
    return read_timestamp(labels, name, ())


def _is_later(as_of: datetime | None) -> Column:
    """Whether a label is of a moment after the look; never null."""
    from pyspark.sql import functions as F

    if as_of is None:
        return F.lit(False)
    moment = as_of if as_of.tzinfo else as_of.replace(tzinfo=UTC)
    # Since 1970, which no session's time zone changes.
    micros = round((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))
    return F.coalesce(F.col(LABELLED_AT) > F.timestamp_micros(F.lit(micros)), F.lit(False))
