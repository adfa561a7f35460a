"""Which items a page shows: those that still need a label, in order, with what is suggested; found by Spark."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dbx_dl.errors import DataError
from dbx_dl.label.page.items import PageItem, read_suggestion
from dbx_dl.label.scores import pick_scores
from dbx_dl.label.table import read_latest
from dbx_dl.runtime.tables import has_table, quote_table, require_columns

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from dbx_dl.config.label import LabelConfig
    from dbx_dl.config.label_page import LabelPageConfig
    from dbx_dl.contracts import LabelSource

logger = logging.getLogger(__name__)

KEY = "item_key"
# The column of predictions that holds what a model says.
_SUGGESTION_COLUMNS = {
    "classes": "label",
    "text_classes": "label",
    "label_sets": "labels",
    "boxes": "boxes",
    "polygons": "polygons",
}
_PLACE, _VALUE, _PROBABILITY, _PEOPLE = "_place", "_value", "_probability", "_people"


def read_source(spark: SparkSession, name: str, what: str, columns: Sequence[str]) -> DataFrame:
    """A table or view with these columns; DataError says which setting (`what`) names something else."""
    if not has_table(spark, name):
        raise DataError(f"{what} {name} does not exist")
    rows = spark.sql(f"SELECT * FROM {quote_table(name)}")
    require_columns(rows, columns, f"{what} {name}")
    return rows


def choose_items(spark: SparkSession, keys: DataFrame, label: LabelConfig, page: LabelPageConfig) -> list[PageItem]:
    """The items of `keys` (a column `item_key`) that a page shows, `page.max_items` at most, in order.

    DataError when the queue or the suggestions cannot be read, or when no item is left to label.
    """
    from pyspark.sql import functions as F

    rows = keys.where(F.col(KEY).isNotNull() & (F.length(KEY) > 0)).dropDuplicates([KEY])
    rows = _put_in_order(spark, rows, label, page)
    rows = _add_people(spark, rows, label)
    rows = _add_suggestions(spark, rows, label, page)
    needed = rows.where(F.size(_PEOPLE) < page.annotations_per_item).orderBy(_PLACE, KEY).limit(page.max_items)
    found = needed.select(KEY, _PEOPLE, _VALUE, _PROBABILITY).collect()
    if not found:
        raise DataError(f"nothing is left to label: {_explain_none(rows, label, page)}")
    logger.info("%d items to label, of %s", len(found), find_queue(label, page) or page.items)
    return [_make_item(row, label) for row in found]


def find_queue(label: LabelConfig, page: LabelPageConfig) -> str | None:
    """The table of the queue that the page shows; None where it shows all items."""
    return None if label.queue is None or page.order == "mixed" else label.queue.table


def _put_in_order(spark: SparkSession, rows: DataFrame, label: LabelConfig, page: LabelPageConfig) -> DataFrame:
    from pyspark.sql import functions as F

    name = find_queue(label, page)
    if name is None:
        # As `mix_order` does.
        return rows.withColumn(_PLACE, F.sha2(KEY, 256))
    if not has_table(spark, name):
        raise DataError(f"the queue {name} does not exist: run `dbx-dl label queue`, or set label.page.order to mixed")
    queue = read_source(spark, name, "label.queue.table", (KEY, "position"))
    return rows.join(queue.groupBy(KEY).agg(F.min("position").alias(_PLACE)), KEY)


def _add_people(spark: SparkSession, rows: DataFrame, label: LabelConfig) -> DataFrame:
    """Who labelled each item: people, not models. A label of a class that is no more does not make an item done."""
    from pyspark.sql import functions as F

    nobody = F.array().cast("array<string>")
    if not has_table(spark, label.table):
        return rows.withColumn(_PEOPLE, nobody)
    by_people: tuple[LabelSource, ...] = ("human",)
    labels = read_latest(spark, label.table, by="annotator", task=label.task, sources=by_people)
    people = labels.where(_has_known_classes(label.classes)).groupBy(KEY).agg(F.collect_set("annotator").alias(_PEOPLE))
    return rows.join(people, KEY, "left").withColumn(_PEOPLE, F.coalesce(_PEOPLE, nobody))


def _has_known_classes(classes: Sequence[str]) -> Column:
    """Whether a label, of whichever task, names these classes alone."""
    from pyspark.sql import functions as F

    shapes = (F.transform(name, lambda shape: shape["label"]) for name in ("boxes", "polygons"))
    named = F.flatten(F.array(*(F.coalesce(names, F.array()) for names in (F.col("labels"), *shapes))))
    return F.forall(named, lambda name: name.isin(*classes))


def _add_suggestions(spark: SparkSession, rows: DataFrame, label: LabelConfig, page: LabelPageConfig) -> DataFrame:
    from pyspark.sql import functions as F

    if page.suggestions is None:
        nothing = F.lit(None).cast("string")
        return rows.withColumn(_VALUE, nothing).withColumn(_PROBABILITY, nothing.cast("double"))
    what, column = f"label.page.suggestions {page.suggestions}", _SUGGESTION_COLUMNS[label.task]
    found = read_source(spark, page.suggestions, "label.page.suggestions", (page.suggestions_key, column))
    said = pick_scores(found, page.suggestions_key, what)
    probability = F.col("probability").cast("double") if "probability" in said.columns else F.lit(None).cast("double")
    said = said.select(KEY, F.col(column).alias(_VALUE), probability.alias(_PROBABILITY))
    return rows.join(said, KEY, "left")


def _make_item(row: Any, label: LabelConfig) -> PageItem:
    value = row.asDict(recursive=True)[_VALUE]
    suggestion = read_suggestion(label.task, value, row[_PROBABILITY], label.classes)
    return PageItem(row[KEY], suggestion, frozenset(row[_PEOPLE]))


def _explain_none(rows: DataFrame, label: LabelConfig, page: LabelPageConfig) -> str:
    if rows.isEmpty():
        queue = find_queue(label, page)
        return f"{page.items} holds no item" + (f" of the queue {queue}" if queue else " with a key")
    return f"every item has labels of {page.annotations_per_item} people (label.page.annotations_per_item)"
