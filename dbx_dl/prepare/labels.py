"""Labels of a table of their own, joined by key to the items of a source."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError
from dbx_dl.runtime.row_sources import describe_source
from dbx_dl.runtime.source_columns import TRAIN_COLUMN
from dbx_dl.runtime.tables import pin_table, quote_column, read_pinned, require_columns

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from dbx_dl.config import LabelsSource, PrepareTableConfig
    from dbx_dl.contracts import TableVersion
    from dbx_dl.prepare.images.sources.found import FoundImages, ImageTask

logger = logging.getLogger(__name__)

_KEY, _LABEL, _IS_MACHINE = "_label_key", "_given_label", "_is_machine_label"
# In the column `source` of resolved labels: what nobody looked at.
_MACHINES = ("rule", "model")
_SHAPE_FIELDS = {"boxes": "label, x, y, width, height", "polygons": "label, points"}
_SHAPE_TASKS: dict[str, ImageTask] = {"boxes": "boxes", "polygons": "segmentation"}
_NUM_EXAMPLES = 3


def pin_labels(spark: SparkSession, source: LabelsSource | None) -> TableVersion | None:
    """The latest version of the table of labels, if there is one; DataError when it is absent."""
    return None if source is None else pin_table(spark, source.table)


def label_files(
    spark: SparkSession, found: FoundImages, source: LabelsSource, labels: TableVersion, place: str
) -> FoundImages:
    """The files of a listing that have a label, with it.

    Labels of unknown keys are told, with examples. DataError when no label is of one of the files, a key has two
    labels, or labels are of a type that is none. With `source.shapes` files get the column `label_boxes` or
    `label_polygons`. What a rule or a model labelled is in the train split: no model is graded on its own answers.
    """
    from pyspark.sql import functions as F

    given = _read_labels(spark, source, labels)
    _compare_keys(given, found.listing.select("key"), source, place)
    joined = found.listing.join(given, F.col("key") == F.col(_KEY))
    joined = joined.withColumn("given_split", F.when(F.col(_IS_MACHINE), "train").otherwise(F.col("given_split")))
    columns = [column for column in found.listing.columns if column not in ("label", "reason", "detail")]
    kept = [quote_column(column) for column in columns]
    if source.shapes is None:
        kind = given.schema[_LABEL].dataType.simpleString()
        task: ImageTask = "multilabel" if kind.startswith("array") else "multiclass"
        label = F.array_sort(F.array_distinct(_LABEL)) if task == "multilabel" else F.col(_LABEL)
        listing = joined.select(*kept, label.alias("label"), "reason", "detail")
        listing = listing.select(*(quote_column(column) for column in found.listing.columns))
        return replace(found, listing=listing, task=task, label_names=None)
    column = f"label_{source.shapes}"
    names = F.array_sort(F.array_distinct(F.transform(F.col(_LABEL), lambda shape: shape["label"])))
    has_many = F.lit(source.shapes == "boxes") & (F.size(_LABEL) > source.max_boxes) & F.col("reason").isNull()
    told = F.concat(F.lit("the image has "), F.size(_LABEL), F.lit(f" boxes, more than max_boxes = {source.max_boxes}"))
    listing = joined.select(
        *kept,
        names.alias("label"),
        F.when(has_many, "bad_annotation").otherwise(F.col("reason")).alias("reason"),
        F.when(has_many, told).otherwise(F.col("detail")).alias("detail"),
        F.col(_LABEL).alias(column),
    )
    listing = listing.select(*(quote_column(name) for name in found.listing.columns), column)
    return replace(
        found,
        listing=listing,
        task=_SHAPE_TASKS[source.shapes],
        label_names=None,
        extra_columns=(*found.extra_columns, column),
    )


def label_rows(
    spark: SparkSession, rows: DataFrame, config: PrepareTableConfig, source: LabelsSource, labels: TableVersion
) -> DataFrame:
    """The rows that have a label, with it in the column `config.label`; errors as of `label_files`.

    TRAIN_COLUMN is true where the label is a rule's or a model's.
    """
    from pyspark.sql import functions as F

    what = describe_source(config.source, config.source_format)
    require_columns(rows, [config.key], what)
    given = _read_labels(spark, source, labels)
    key = F.col(quote_column(config.key)).cast("string")
    num_machine = _compare_keys(given, rows.select(key.alias("key")), source, what)
    if num_machine and (config.split.group or config.split.time):
        by = "group" if config.split.group else "time"
        logger.warning(
            "`split.%s` does not hold for rows that a rule or a model labelled: rows of the train split may be of the "
            "groups, or later than those, that models are tested with",
            by,
        )
    kept = [quote_column(name) for name in rows.columns if name not in (config.label, TRAIN_COLUMN)]
    joined = rows.join(given, key == F.col(_KEY))
    return joined.select(*kept, F.col(_LABEL).alias(config.label), F.col(_IS_MACHINE).alias(TRAIN_COLUMN))


def _read_labels(spark: SparkSession, source: LabelsSource, labels: TableVersion) -> DataFrame:
    """_KEY, _LABEL and _IS_MACHINE of the rows that have the first two; DataError where a key has two."""
    from pyspark.sql import functions as F

    what = f"labels table {source.table}"
    rows = read_pinned(spark, labels)
    require_columns(rows, [source.key_column, source.label_column], what)
    key, label = F.col(quote_column(source.key_column)).cast("string"), _read_label(rows, source, what)
    has_origin = "source" in rows.columns and "source" not in (source.key_column, source.label_column)
    origin = F.col("source").cast("string") if has_origin else F.lit(None).cast("string")
    is_machine = F.coalesce(origin.isin(*_MACHINES), F.lit(False)).alias(_IS_MACHINE)
    given = rows.select(key.alias(_KEY), label.alias(_LABEL), is_machine)
    given = given.where(f"length({_KEY}) > 0 AND {_LABEL} IS NOT NULL")
    repeated = given.groupBy(_KEY).count().where("count > 1").orderBy(_KEY).limit(1).collect()
    if repeated:
        key, count = repeated[0][_KEY], repeated[0]["count"]
        raise DataError(
            f"{what} has {count} labels for the key {key!r}: it needs one, as `dbx-dl label resolve` writes"
        )
    return given


def _read_label(rows: DataFrame, source: LabelsSource, what: str) -> Column:
    from pyspark.sql import functions as F

    kind = rows.schema[source.label_column].dataType.simpleString()
    label = F.col(quote_column(source.label_column))
    if source.shapes is not None:
        fields = _SHAPE_FIELDS[source.shapes]
        if not kind.startswith("array<struct<") or any(f"{name}:" not in kind for name in fields.split(", ")):
            raise DataError(f"{what}: column {source.label_column!r} is {kind}, no array of {source.shapes} ({fields})")
        return label
    if "struct" in kind:
        raise DataError(
            f"{what}: column {source.label_column!r} is {kind}: for boxes or polygons set `labels.shapes`, else labels "
            "are texts or arrays of texts"
        )
    if kind.startswith("array<"):
        return label.cast("array<string>")
    text = F.trim(label.cast("string"))
    return F.when(text != "", text)


def _compare_keys(given: DataFrame, keys: DataFrame, source: LabelsSource, place: str) -> int:
    """Tell labels of unknown keys, and how many are a rule's or a model's; DataError where all are unknown."""
    from pyspark.sql import functions as F

    is_known = F.col("key").isNotNull()
    joined = given.join(keys.where(is_known).distinct(), F.col(_KEY) == F.col("key"), "left")
    count, example = F.count_if(is_known), F.min(F.when(~is_known, F.col(_KEY)))
    machine = F.count_if(is_known & F.col(_IS_MACHINE)).alias("machine")
    (row,) = joined.agg(count.alias("known"), F.count("*").alias("all"), example.alias("example"), machine).collect()
    if not row["known"]:
        found = "has no label" if not row["all"] else f"has {row['all']} labels, none of them of {place}"
        raise DataError(
            f"labels table {source.table} {found}" + (f", such as {row['example']!r}" if row["all"] else "")
        )
    if row["known"] < row["all"]:
        unknown = joined.where(~is_known).select(_KEY).orderBy(_KEY).limit(_NUM_EXAMPLES).collect()
        shown = ", ".join(repr(found[_KEY]) for found in unknown)
        num_unknown = row["all"] - row["known"]
        logger.warning("%d labels of %s are of no item of %s: %s", num_unknown, source.table, place, shown)
    logger.info("%d items of %s have a label in %s", row["known"], place, source.table)
    if row["machine"]:
        logger.warning(
            "%d of them are labelled by a rule or a model: they are in the train split, whatever `split` says",
            row["machine"],
        )
    return int(row["machine"])
