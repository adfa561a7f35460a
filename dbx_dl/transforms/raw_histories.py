"""Interactions of users with items as histories: what each user chose, in order, before every choice and after all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbx_dl.config.interactions import AT, HISTORY, LAST_OUT, POPULARITY_RANK
from dbx_dl.contracts.histories import SEPARATOR
from dbx_dl.transforms.raw_columns import is_text, quote_name, read_text, read_timestamp

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.window import WindowSpec

    from dbx_dl.config.interactions import InteractionsConfig

USER, ITEM, TIME, NUMBER = "_user", "_item", "_time", "_number"
# Why an interaction cannot be used; null where it can.
PROBLEM = "_problem"
# The interaction as it came.
SOURCE = "_source"
# Whether the user chose something else at the same time.
TIED = "_is_tied"
# A user's rows need so many different times for some in each split.
_LEAST_TIMES = 3


def observe(rows: DataFrame, config: InteractionsConfig, null_tokens: Sequence[str], malformed: str) -> DataFrame:
    """USER, ITEM, TIME, columns of users and items by `name_columns`, PROBLEM and SOURCE of interactions.

    `malformed` is the column, where rows have it, with the text of lines that are none. Problems are structs of reason
    and detail: malformed_row, no_user, no_item, bad_item, no_time, not_a_datetime.
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
    is_malformed = F.col(malformed).isNotNull() if malformed in rows.columns else F.lit(False)
    problems = (
        ("malformed_row", is_malformed, F.lit("the line has not as many values as the header, or is no JSON object")),
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
    """Usable interactions with HISTORY, NUMBER (the user's first is 1), TIED, and LAST_OUT, the split to learn in.

    Histories are of strictly earlier times: what was chosen at once, as in a basket, is in no history of each other and
    goes to one split. LAST_OUT is null where the item is in the history, or a second time among those that were chosen
    at once, and seen items are excluded, and for users of few interactions.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    of_user, in_order = Window.partitionBy(USER), _order_choices()
    found = observed.select(
        "*",
        F.row_number().over(in_order).alias(NUMBER),
        F.collect_list(ITEM).over(in_order.rowsBetween(-config.max_history, -1)).alias("_before"),
        (F.count("*").over(of_user) >= config.min_user_count).alias("_is_kept"),
        (F.count("*").over(Window.partitionBy(USER, TIME)) > 1).alias(TIED),
    )
    found = found.withColumn(HISTORY, _take_earliest("_before")).drop("_before")
    if config.exclude_seen:
        is_first = F.row_number().over(Window.partitionBy(USER, TIME, ITEM).orderBy(NUMBER)) == 1
        found = found.withColumn("_is_kept", F.col("_is_kept") & is_first & ~F.array_contains(HISTORY, F.col(ITEM)))
    alike = Window.partitionBy(USER, "_is_kept")
    from_end = F.dense_rank().over(alike.orderBy(F.desc(TIME)))
    num_times = from_end + F.dense_rank().over(alike.orderBy(TIME)) - 1
    has_enough = num_times >= _LEAST_TIMES
    split = F.when(has_enough & (from_end == 1), "test").when(has_enough & (from_end == 2), "validation")
    return found.withColumn(LAST_OUT, F.when(F.col("_is_kept"), F.coalesce(split, F.lit("train")))).drop("_is_kept")


def _order_choices() -> WindowSpec:
    """A user's interactions by time; those of one time by a hash, so that nothing can be told from their order."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    return Window.partitionBy(USER).orderBy(TIME, F.xxhash64(USER, TIME, ITEM), ITEM)


def _take_earliest(name: str) -> Column:
    """A column's value in the first of the interactions that a user had at one time."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    return F.first(name).over(Window.partitionBy(USER, TIME).orderBy(NUMBER))


def rank_among_unseen(looked: DataFrame, config: InteractionsConfig) -> DataFrame:
    """With POPULARITY_RANK: the item's place among those that are not in the history, null where `_rank` is.

    `_rank` is its place among all.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    if not config.exclude_seen:
        return looked.withColumn(POPULARITY_RANK, F.col("_rank"))
    before = Window.partitionBy(USER).orderBy(NUMBER).rowsBetween(-config.max_history, -1)
    # Nulls, of items that have no rank, are not collected.
    found = looked.withColumn("_before", F.collect_list("_rank").over(before))
    seen, own = F.array_distinct(_take_earliest("_before")), F.col("_rank")
    rank = own - F.aggregate(seen, F.lit(0), lambda total, one: total + (one < own).cast("int"))
    return found.withColumn(POPULARITY_RANK, rank).drop("_before")


def cut_last_histories(observed: DataFrame, config: InteractionsConfig) -> DataFrame:
    """A row for every user of usable interactions: its columns as they were last, and the history up to now.

    Columns are named as in the interactions, the time of the last one is `at`.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    in_order = _order_choices()
    found = observed.select(
        "*",
        F.collect_list(ITEM).over(in_order.rowsBetween(1 - config.max_history, 0)).alias(HISTORY),
        F.row_number().over(in_order).alias(NUMBER),
        F.count("*").over(Window.partitionBy(USER)).alias("_count"),
    )
    named = name_columns(config)
    return found.where(F.col(NUMBER) == F.col("_count")).select(
        F.col(USER).alias(config.user),
        *(F.col(named[name]).alias(name) for name in config.user_columns),
        HISTORY,
        F.col(TIME).alias(AT),
    )
