"""Interactions of users with items as histories: what each user chose, in order, before every choice and after all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbx_dl.config.interactions import AT, HISTORY, LAST_OUT
from dbx_dl.contracts.histories import SEPARATOR
from dbx_dl.transforms.raw_columns import is_text, quote_name, read_text, read_timestamp

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from dbx_dl.config.interactions import InteractionsConfig

USER, ITEM, TIME, NUMBER = "_user", "_item", "_time", "_number"
# Why an interaction cannot be used; null where it can.
PROBLEM = "_problem"
# The interaction as it came.
SOURCE = "_source"
# So many rows of a user are needed for one in each split.
_LEAST_ROWS = 3


def observe(rows: DataFrame, config: InteractionsConfig, null_tokens: Sequence[str]) -> DataFrame:
    """USER, ITEM, TIME, columns of users and items by `name_columns`, PROBLEM and SOURCE of interactions.

    Problems are structs of reason and detail: no_user, no_item, bad_item, no_time, not_a_datetime.
    """
    from pyspark.sql import functions as F

    time = read_timestamp(rows, config.time, null_tokens)
    user, item = (read_text(name, null_tokens) for name in (config.user, config.item))
    is_given = F.col(quote_name(config.time)).isNotNull()
    if is_text(rows.schema[config.time].dataType):
        is_given = read_text(config.time, null_tokens).isNotNull()
    holds = F.concat(
        F.lit(f"column '{config.time}' holds '"), F.col(quote_name(config.time)).cast("string"), F.lit("'")
    )
    problems = (
        ("no_user", user.isNull(), F.lit(f"column '{config.user}' is null")),
        ("no_item", item.isNull(), F.lit(f"column '{config.item}' is null")),
        ("bad_item", F.contains(item, F.lit(SEPARATOR)), F.lit(f"column '{config.item}' holds the character U+001F")),
        ("no_time", ~is_given, F.lit(f"column '{config.time}' is null")),
        ("not_a_datetime", time.isNull(), holds),
    )
    found = (F.when(is_so, F.struct(F.lit(why).alias("reason"), text.alias("detail"))) for why, is_so, text in problems)
    return rows.select(
        user.alias(USER),
        item.alias(ITEM),
        time.alias(TIME),
        *(read_text(name, null_tokens).alias(own) for name, own in name_columns(config).items()),
        F.coalesce(*found).alias(PROBLEM),
        F.struct(*(F.col(quote_name(name)) for name in rows.columns)).alias(SOURCE),
    )


def name_columns(config: InteractionsConfig) -> dict[str, str]:
    """The columns of users and of items under names of our own."""
    named = (("_u", config.user_columns), ("_i", config.item_columns))
    return {name: f"{prefix}{place}" for prefix, names in named for place, name in enumerate(names)}


def look_back(observed: DataFrame, config: InteractionsConfig) -> DataFrame:
    """Usable interactions with HISTORY, NUMBER (the user's first is 1), and LAST_OUT, the split of those to learn from.

    LAST_OUT is null where the item is in the history and seen items are excluded, and for users of few interactions.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    of_user = Window.partitionBy(USER)
    in_order = of_user.orderBy(TIME, ITEM)
    before = in_order.rowsBetween(-config.max_history, -1)
    found = observed.select(
        "*",
        F.row_number().over(in_order).alias(NUMBER),
        F.collect_list(ITEM).over(before).alias(HISTORY),
        (F.count("*").over(of_user) >= config.min_user_count).alias("_is_kept"),
    )
    if config.exclude_seen:
        found = found.withColumn("_is_kept", F.col("_is_kept") & ~F.array_contains(HISTORY, F.col(ITEM)))
    alike = Window.partitionBy(USER, "_is_kept")
    from_end = F.row_number().over(alike.orderBy(F.desc(NUMBER)))
    has_enough = F.count("*").over(alike) >= _LEAST_ROWS
    split = F.when(has_enough & (from_end == 1), "test").when(has_enough & (from_end == 2), "validation")
    return found.withColumn(LAST_OUT, F.when(F.col("_is_kept"), F.coalesce(split, F.lit("train")))).drop("_is_kept")


def rank_among_unseen(looked: DataFrame, config: InteractionsConfig) -> Column:
    """The place of the item among those of the column `_rank`, its own among all, that are not in the history."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    if not config.exclude_seen:
        return looked["_rank"]
    before = Window.partitionBy(USER).orderBy(NUMBER).rowsBetween(-config.max_history, -1)
    # Nulls, of items that have no rank, are not collected.
    seen = F.array_distinct(F.collect_list("_rank").over(before))
    own = F.col("_rank")
    return own - F.aggregate(seen, F.lit(0), lambda total, one: total + (one < own).cast("int"))


def cut_last_histories(rows: DataFrame, config: InteractionsConfig, null_tokens: Sequence[str]) -> DataFrame:
    """A row for every user: the user, its columns as they were last, and the history up to now; bad rows are left out.

    Columns are named as in the interactions, the time of the last one is `at`.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    observed = observe(rows, config, null_tokens).where(f"{PROBLEM} IS NULL")
    of_user = Window.partitionBy(USER)
    in_order = of_user.orderBy(TIME, ITEM)
    upto = in_order.rowsBetween(1 - config.max_history, 0)
    found = observed.select(
        "*",
        F.collect_list(ITEM).over(upto).alias(HISTORY),
        F.row_number().over(in_order).alias(NUMBER),
        F.count("*").over(of_user).alias("_count"),
    )
    named = name_columns(config)
    return found.where(F.col(NUMBER) == F.col("_count")).select(
        F.col(USER).alias(config.user),
        *(F.col(named[name]).alias(name) for name in config.user_columns),
        HISTORY,
        F.col(TIME).alias(AT),
    )
