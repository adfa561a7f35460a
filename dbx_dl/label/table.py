"""The labels table of a project: events are added, never changed, and the latest ones that are not withdrawn hold."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Literal

from dbx_dl.contracts import LABEL_SOURCES, LabelEvent, LabelTask, WrittenLabels
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.label.events import LABELS_SCHEMA, LATER_COLUMNS, to_arrow
from dbx_dl.label.inserts import create_table, insert_new, require_schema
from dbx_dl.runtime.tables import pin_table, read_pinned

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.contracts import LabelSource, TableVersion


def create_labels_table(spark: SparkSession, name: str) -> TableVersion:
    """Make an empty labels table, or find one; DataError where something else is there."""
    return create_table(spark, name, LABELS_SCHEMA, "labels table", later=LATER_COLUMNS)


def append_labels(spark: SparkSession, name: str, events: Sequence[LabelEvent]) -> WrittenLabels:
    """Add events to the table, which is made where there is none, in one commit; known ids are left out.

    So the same call twice, or two at once, write each event once. DataError when two different events have one id.
    """
    _require_one_each(events)
    if not events:
        return WrittenLabels(table=create_labels_table(spark, name), num_new=0)
    written = merge_labels(spark, name, spark.createDataFrame(to_arrow(events)))
    return written.model_copy(update={"num_known": len(events) - written.num_new})


def merge_labels(spark: SparkSession, name: str, rows: DataFrame) -> WrittenLabels:
    """The same for rows of LABELS_SCHEMA, whose ids must be the same each time that Spark works them out.

    Of rows with one id any one is taken. `num_known` is not counted.
    """
    create_labels_table(spark, name)
    num_new = insert_new(spark, name, rows.select(*_list_columns()), "label_id")
    return WrittenLabels(table=pin_table(spark, name), num_new=num_new)


def read_events(spark: SparkSession, name: str, version: int | None = None) -> DataFrame:
    """All events of the table, withdrawn ones too; DataError when it is absent or is no labels table."""
    from pyspark.sql import functions as F

    table = pin_table(spark, name)
    if version is not None:
        table = table.model_copy(update={"version": version})
    rows = read_pinned(spark, table)
    lacking = require_schema(rows, LABELS_SCHEMA, name, "labels table", later=LATER_COLUMNS)
    for column, kind in lacking.items():
        rows = rows.withColumn(column, F.lit(None).cast(kind))
    return rows


def read_standing(
    spark: SparkSession, name: str, version: int | None = None, *, task: LabelTask | None = None
) -> DataFrame:
    """The labels that nobody withdrew, with all their columns; every annotator's whole history."""
    events = read_events(spark, name, version)
    withdrawn = events.where("withdraws IS NOT NULL").selectExpr("withdraws AS label_id").distinct()
    labels = events.where("withdraws IS NULL").join(withdrawn, "label_id", "left_anti").select(*_list_columns())
    return labels if task is None else labels.where(labels["task"] == task)


def read_latest(
    spark: SparkSession,
    name: str,
    version: int | None = None,
    *,
    by: Literal["item", "annotator"] = "item",
    task: LabelTask | None = None,
    sources: Collection[LabelSource] = LABEL_SOURCES,
) -> DataFrame:
    """The label of every item that holds, or of every item and annotator: the latest one that nobody withdrew.

    Of labels of one moment a person's holds before a rule's before a model's, then the one with the greater id.
    Columns of LABELS_SCHEMA, for one `item_key` and `task` a row at most, or one for each annotator of them.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    labels = read_standing(spark, name, version, task=task).where(F.col("source").isin(*sources))
    rank = F.array_position(F.array(*(F.lit(source) for source in LABEL_SOURCES)), F.col("source"))
    keys = ["item_key", "task", *(["annotator"] if by == "annotator" else [])]
    order = [F.col("labelled_at").desc(), rank.asc(), F.col("label_id").desc()]
    placed = labels.withColumn("_place", F.row_number().over(Window.partitionBy(*keys).orderBy(*order)))
    return placed.where("_place = 1").drop("_place")


def withdraw_labels(
    spark: SparkSession,
    name: str,
    *,
    annotator: str,
    label_ids: Sequence[str] = (),
    batch_id: str | None = None,
) -> WrittenLabels:
    """Withdraw labels by id, or all of a batch, in one commit; what is withdrawn already stays so.

    An item's label is then the one before, if there is one. The history keeps both the label and its withdrawal.
    ConfigError unless either ids or a batch are given, DataError when no label has one of the ids, or the batch none.
    """
    from pyspark.sql import functions as F

    if (batch_id is None) != bool(label_ids):
        raise ConfigError("which labels? Give ids, or the batch that they were written with, and not both")
    events = read_events(spark, name)
    labels = events.where("withdraws IS NULL")
    if batch_id is not None:
        chosen = labels.where(F.col("batch_id") == batch_id)
        if chosen.isEmpty():
            raise DataError(f"labels table {name} has no batch {batch_id!r}: {_list_batches(labels)}")
    else:
        chosen = _find_ids(spark, labels, label_ids, name)
    withdrawn = events.where("withdraws IS NOT NULL").selectExpr("withdraws AS label_id").distinct()
    standing = chosen.join(withdrawn, "label_id", "left_anti")
    return merge_labels(spark, name, _withdraw(standing, annotator))


def _withdraw(labels: DataFrame, annotator: str) -> DataFrame:
    """Events that withdraw these labels; a label's has an id that follows from the label's."""
    from pyspark.sql import functions as F

    kinds = {field.name: field.dataType for field in labels.schema}
    columns = {
        "label_id": F.concat(F.lit("withdraws-"), "label_id"),
        "labels": F.array().cast(kinds["labels"]),
        "boxes": F.array().cast(kinds["boxes"]),
        "polygons": F.array().cast(kinds["polygons"]),
        "annotator": F.lit(annotator),
        "source": F.lit("human"),
        "confidence": F.lit(None).cast("double"),
        "was_suggested": F.lit(False),
        "had_suggestion": F.lit(None).cast("boolean"),
        "labelled_at": F.current_timestamp(),
        "withdraws": F.col("label_id"),
    }
    return labels.select(*(columns.get(column, F.col(column)).alias(column) for column in _list_columns()))


def _find_ids(spark: SparkSession, labels: DataFrame, label_ids: Sequence[str], name: str) -> DataFrame:
    wanted = spark.createDataFrame([(label_id,) for label_id in sorted(set(label_ids))], "label_id string")
    unknown = wanted.join(labels, "label_id", "left_anti")
    examples = [row["label_id"] for row in unknown.orderBy("label_id").limit(3).collect()]
    if examples:
        raise DataError(f"labels table {name} has no label {', '.join(examples)} ({unknown.count()} ids are unknown)")
    return labels.join(wanted, "label_id", "left_semi")


def _list_batches(labels: DataFrame) -> str:
    rows = labels.where("batch_id IS NOT NULL").groupBy("batch_id").count().orderBy("batch_id").limit(10).collect()
    return "it has " + (", ".join(repr(row["batch_id"]) for row in rows) or "none")


def _require_one_each(events: Sequence[LabelEvent]) -> None:
    seen: dict[str, LabelEvent] = {}
    for event in events:
        if seen.setdefault(event.label_id, event) != event:
            raise DataError(f"two different label events have the id {event.label_id}: ids name one event each")


def _list_columns() -> list[str]:
    return list(LabelEvent.model_fields)
