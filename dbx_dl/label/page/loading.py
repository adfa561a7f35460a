"""The items of a page, from a table or a folder: those that need a label, with contents at hand."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.errors import ConfigError, DataError
from dbx_dl.label.page.candidates import KEY, choose_items, find_queue, read_source
from dbx_dl.label.page.folder_items import FolderItems, list_keys
from dbx_dl.label.page.item_store import ItemStore
from dbx_dl.label.page.items import Items, PageItem
from dbx_dl.runtime.databricks import mount_path
from dbx_dl.runtime.tables import absolute_path, quote_column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.config.label import LabelConfig
    from dbx_dl.config.label_page import LabelPageConfig

logger = logging.getLogger(__name__)

_POSITION = "_position"


def load_items(
    spark: SparkSession | None, page: LabelPageConfig, label: LabelConfig, done: Collection[str] = ()
) -> Items:
    """What the page shows. Without Spark only a folder can be shown, in mixed order and without suggestions.

    `done` are keys that need no label any more, as far as an inbox tells; without Spark nothing else does.

    DataError when the source is absent, lacks a column, or nothing in it needs a label; ConfigError when it cannot be
    read as asked.
    """
    is_text = shows_text(page, label)
    if page.items_format == "folder":
        return _load_folder(spark, page, label, is_text, done)
    if spark is None:
        raise ConfigError("label.page.items is a table, which Spark reads: leave out --no-spark, or give a folder")
    return _load_table(spark, page, label, is_text)


def shows_text(page: LabelPageConfig, label: LabelConfig) -> bool:
    """Whether items are texts; ConfigError where shapes should be drawn on them."""
    is_text = page.shows == "text" or (page.shows is None and label.task == "text_classes")
    if is_text and label.task in ("boxes", "polygons"):
        raise ConfigError(f"label.page.shows is text, and {label.task} are drawn on images")
    return is_text


def _load_folder(
    spark: SparkSession | None, page: LabelPageConfig, label: LabelConfig, is_text: bool, done: Collection[str]
) -> Items:
    place = mount_path(absolute_path(page.items))
    if place is None or not place.startswith("/"):
        raise ConfigError(f"label.page.items {page.items} is no folder of this machine: give a table")
    keys = list_keys(Path(place), is_text=is_text)
    if spark is not None:
        rows = spark.createDataFrame([(key,) for key in keys], f"{KEY} string")
        return FolderItems(Path(place), choose_items(spark, rows, label, page))
    if find_queue(label, page) is not None or page.suggestions is not None:
        raise ConfigError("label.page has a queue or suggestions, which Spark reads: leave out --no-spark")
    # What is done stands in the line too, so that the page tells how far it is.
    open_keys = [key for key in keys if key not in done]
    taken = {*open_keys[: page.max_items], *done}
    if len(open_keys) > page.max_items:
        logger.info("%d of %d items to label: start again for the next ones", page.max_items, len(open_keys))
    return FolderItems(Path(place), [PageItem(key) for key in keys if key in taken])


def _load_table(spark: SparkSession, page: LabelPageConfig, label: LabelConfig, is_text: bool) -> Items:
    from pyspark.sql import functions as F

    source = read_source(spark, page.items, "label.page.items", (page.key, page.content))
    kind = dict(source.dtypes)[page.content]
    if kind not in (("string", "binary") if is_text else ("binary",)):
        wanted = "texts (string)" if is_text else "the bytes of encoded images (binary)"
        raise DataError(f"label.page.items {page.items}: column {page.content!r} is {kind}, not {wanted}")
    keys = source.select(F.col(quote_column(page.key)).cast("string").alias(KEY))
    store = ItemStore(choose_items(spark, keys, label, page))
    num_chosen = len(store.list_items())
    try:
        num_found = store.add_contents(_read_contents(spark, source, page, store.list_items()), page.max_bytes)
    except BaseException:
        store.close()
        raise
    if num_found < num_chosen:
        num_out = num_chosen - num_found
        logger.warning("%d of %d items are left out: no content, or beyond max_bytes", num_out, num_chosen)
    return store


def _read_contents(
    spark: SparkSession, source: DataFrame, page: LabelPageConfig, items: Sequence[PageItem]
) -> Iterator[tuple[str, bytes]]:
    """Keys and contents in the items' order, a part at a time."""
    from pyspark.sql import functions as F

    places = [(item.key, position) for position, item in enumerate(items)]
    chosen = spark.createDataFrame(places, f"{KEY} string, {_POSITION} int")
    content = F.col(quote_column(page.content)).cast("binary").alias("_content")
    rows = source.select(F.col(quote_column(page.key)).cast("string").alias(KEY), content)
    placed = rows.where("_content IS NOT NULL").join(F.broadcast(chosen), KEY).orderBy(_POSITION)
    for row in placed.select(KEY, "_content").toLocalIterator():
        yield row[KEY], bytes(row["_content"])
