"""One label for every item, of all that was said of it, in a table that prepare reads."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from dbx_dl.contracts import LABEL_SOURCES, ResolvedLabels, TableVersion
from dbx_dl.errors import DataError
from dbx_dl.label.agreed_rows import count_reasons
from dbx_dl.label.consensus import resolve_majority, resolve_trusted
from dbx_dl.label.events import BOXES_TYPE, POLYGONS_TYPE
from dbx_dl.label.inserts import again_after_races
from dbx_dl.label.table import read_latest
from dbx_dl.runtime.table_writes import replace_table, require_free_place
from dbx_dl.runtime.tables import has_table, pin_table, read_pinned

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import Column, DataFrame, SparkSession

    from dbx_dl.config.label import LabelConfig, ResolveConfig
    from dbx_dl.contracts import LabelTask

logger = logging.getLogger(__name__)

LABEL_TYPES: dict[LabelTask, str] = {
    "classes": "string",
    "text_classes": "string",
    "label_sets": "array<string>",
    "boxes": BOXES_TYPE,
    "polygons": POLYGONS_TYPE,
}


def resolve_labels(spark: SparkSession, config: LabelConfig, resolve: ResolveConfig) -> ResolvedLabels:
    """Write the label that holds of each item into `resolve.table`, as `ResolveConfig` says, in one commit.

    Columns: key string; label, of the type of LABEL_TYPES; confidence double (of `latest` the label's own, else the
    share or probability of the class; null where unknown), num_annotators, source, labelled_at (of the latest label),
    labels_table, labels_version. The table then has exactly these items. Consensus is worked out on the driver, which
    holds all labels of the task then. DataError, with the table as it was, when there is no label to resolve, or
    the table holds something else.
    """
    labels = pin_table(spark, config.table)
    _require_own_table(spark, resolve.table)
    strongest = _keep_strongest(spark, config, resolve, labels)
    rows, reasons = RESOLVERS[resolve.method](spark, strongest, config.task, resolve)
    rows = _name_columns(rows, config, labels)
    _tell_unknown(rows, config)
    counts = rows.groupBy("source").count().collect()
    if not counts:
        raise DataError(
            f"labels table {config.table} has no label to resolve for the task {config.task} of the sources "
            f"{', '.join(resolve.sources)}{_tell(reasons)}"
        )
    again_after_races(resolve.table, lambda: replace_table(rows, resolve.table))
    found = ResolvedLabels(
        table=pin_table(spark, resolve.table),
        labels=labels,
        task=config.task,
        method=resolve.method,
        num_items=sum(row["count"] for row in counts),
        source_items={row["source"]: row["count"] for row in counts},
        left_out=dict(reasons),
    )
    logger.info("resolved labels of %d items of %s%s", found.num_items, config.table, _tell(reasons))
    return found


def _tell_unknown(rows: DataFrame, config: LabelConfig) -> None:
    """Say how many items get a class that the project does not have any more."""
    from pyspark.sql import functions as F

    if not config.classes:
        return
    label = F.col("label")
    names = F.transform(label, lambda shape: shape["label"]) if config.task in ("boxes", "polygons") else label
    names = F.array(names) if config.task in ("classes", "text_classes") else names
    found = rows.select(F.explode(F.array_distinct(names)).alias("name"))
    unknown = found.where(~F.col("name").isin(*config.classes)).groupBy("name").count().orderBy("name").collect()
    for row in unknown:
        logger.warning(
            "%d items have the class %r, which label.classes does not have any more: it is kept",
            row["count"],
            row["name"],
        )


def _require_own_table(spark: SparkSession, name: str) -> None:
    """DataError where something else is at the place of the resolved labels, which would be lost."""
    if not has_table(spark, name):
        require_free_place(name, "table of resolved labels", ("_delta_log",))
        return
    columns = read_pinned(spark, pin_table(spark, name)).columns
    if not {"key", "label", "labels_version"} <= set(columns):
        raise DataError(f"table {name} holds no resolved labels, and would be replaced: name another resolve.table")


def _tell(reasons: Counter[str]) -> str:
    return "".join(f"; left out: {num} {reason}" for reason, num in sorted(reasons.items()))


def _keep_strongest(
    spark: SparkSession, config: LabelConfig, resolve: ResolveConfig, labels: TableVersion
) -> DataFrame:
    """The latest label of each item and annotator, of an item only those of its first source."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    latest = read_latest(spark, config.table, labels.version, by="annotator", task=config.task, sources=resolve.sources)
    rank = F.array_position(F.array(*(F.lit(source) for source in LABEL_SOURCES)), F.col("source"))
    ranked = latest.withColumn("_rank", rank)
    first = F.min("_rank").over(Window.partitionBy("item_key"))
    return ranked.withColumn("_first", first).where("_rank = _first").drop("_rank", "_first")


def _resolve_latest(
    _: SparkSession, labels: DataFrame, task: LabelTask, resolve: ResolveConfig
) -> tuple[DataFrame, Counter[str]]:
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    order = Window.partitionBy("item_key").orderBy(F.col("labelled_at").desc(), F.col("label_id").desc())
    placed = labels.withColumn("_place", F.row_number().over(order)).withColumn(
        "num_annotators", F.count("*").over(Window.partitionBy("item_key"))
    )
    rows = placed.where("_place = 1").select(
        F.col("item_key").alias("key"),
        _read_label(task).alias("label"),
        *("confidence", "num_annotators", "source", "labelled_at"),
    )
    has_few = F.col("num_annotators") < resolve.min_annotators
    is_unsure = F.coalesce(F.col("confidence") < resolve.min_confidence, F.lit(False))
    (row,) = rows.agg(F.count_if(has_few).alias("few"), F.count_if(~has_few & is_unsure).alias("unsure")).collect()
    return rows.where(~has_few & ~is_unsure), count_reasons(few=row["few"], unsure=row["unsure"])


def _read_label(task: LabelTask) -> Column:
    from pyspark.sql import functions as F

    if task in ("boxes", "polygons"):
        return F.col(task)
    return F.col("labels") if task == "label_sets" else F.col("labels")[0]


def _name_columns(rows: DataFrame, config: LabelConfig, labels: TableVersion) -> DataFrame:
    from pyspark.sql import functions as F

    return rows.select(
        "key",
        F.col("label").cast(LABEL_TYPES[config.task]).alias("label"),
        F.col("confidence").cast("double").alias("confidence"),
        F.col("num_annotators").cast("bigint").alias("num_annotators"),
        "source",
        "labelled_at",
        F.lit(labels.name).alias("labels_table"),
        F.lit(labels.version).cast("bigint").alias("labels_version"),
    )


RESOLVERS: dict[
    str,
    Callable[[SparkSession, DataFrame, LabelTask, ResolveConfig], tuple[DataFrame, Counter[str]]],
] = {
    "latest": _resolve_latest,
    "majority": resolve_majority,
    "dawid_skene": resolve_trusted,
}
