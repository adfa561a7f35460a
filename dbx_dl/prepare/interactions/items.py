"""The items that can be recommended: how often each was chosen, its rank, and what is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.config.interactions import LAST_OUT, POPULARITY_RANK
from dbx_dl.config.train import MAX_TOP_ITEMS
from dbx_dl.contracts import SPLITS, ItemColumn
from dbx_dl.errors import DataError
from dbx_dl.prepare.outcomes import MAX_CLASSES
from dbx_dl.transforms.raw_histories import ITEM, TIME, name_columns

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from dbx_dl.config import InteractionsConfig
    from dbx_dl.contracts import Split


@dataclass(frozen=True)
class ItemCounts:
    """Items that are kept, most often chosen ones of the training rows first, and how many others rows would have."""

    ranked: tuple[str, ...]
    num_rare: int


def count_items(looked: DataFrame, config: InteractionsConfig, known: Sequence[str]) -> ItemCounts:
    """The items of the rows of `look_back` that are frequent in training; only these of `known` where there are some.

    DataError where too few or too many are left.
    """
    from pyspark.sql import functions as F

    learned = looked.where(f"{LAST_OUT} IS NOT NULL")
    # Items of no training row, which have 0 here, are rare ones too.
    counts = learned.groupBy(ITEM).agg(F.count_if(F.col(LAST_OUT) == "train").alias("rows"))
    frequent = _select(counts, known) if known else counts.where(f"rows >= {config.min_item_count}")
    found = {row[ITEM]: row["rows"] for row in frequent.limit(MAX_CLASSES + 1).collect()}
    kept = {name: found.get(name, 0) for name in known or found}
    if len(kept) < 2:
        raise DataError(
            f"{len(kept)} items have {config.min_item_count} training rows: two are needed at least; lower "
            "min_item_count, or give more interactions"
        )
    if len(kept) > MAX_CLASSES:
        raise DataError(
            f"more than {MAX_CLASSES} items have {config.min_item_count} training rows, of which {MAX_CLASSES} can be "
            "recommended: raise min_item_count"
        )
    ranked = sorted(kept, key=lambda name: (-kept[name], name))
    return ItemCounts(tuple(ranked), counts.count() - len(found))


def _select(rows: DataFrame, names: Sequence[str]) -> DataFrame:
    """Rows of these items."""
    from pyspark.sql import functions as F

    table = rows.sparkSession.createDataFrame([(name,) for name in names], f"{ITEM} string")
    return rows.join(F.broadcast(table), ITEM, "left_semi")


def describe_items(looked: DataFrame, config: InteractionsConfig, names: Sequence[str]) -> tuple[ItemColumn, ...]:
    """What the latest interaction that says so tells of each item, in the order of `names`."""
    from pyspark.sql import functions as F

    own = {name: column for name, column in name_columns(config).items() if name in config.item_columns}
    if not own:
        return ()
    latest = (F.max_by(column, F.when(F.col(column).isNotNull(), F.col(TIME))).alias(column) for column in own.values())
    found = {row[ITEM]: row for row in _select(looked, names).groupBy(ITEM).agg(*latest).collect()}
    described = []
    for name, column in own.items():
        values = [found[item][column] if item in found else None for item in names]
        vocabulary = tuple(sorted({value for value in values if value is not None}))
        ids = {value: place for place, value in enumerate(vocabulary, start=1)}
        described.append(ItemColumn(column=name, vocabulary=vocabulary, ids=tuple(ids.get(v, 0) for v in values)))
    return tuple(described)


def count_ranks(good: DataFrame) -> dict[Split, tuple[int, ...]]:
    """By split how many rows have the popularity rank 1, 2, … up to MAX_TOP_ITEMS."""
    counted = good.where(f"{POPULARITY_RANK} <= {MAX_TOP_ITEMS}").groupBy("split", POPULARITY_RANK).count().collect()
    found = {(row["split"], row[POPULARITY_RANK]): row["count"] for row in counted}
    ranks = range(1, MAX_TOP_ITEMS + 1)
    return {split: tuple(found.get((split, rank), 0) for rank in ranks) for split in SPLITS}
