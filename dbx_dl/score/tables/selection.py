"""Which rows of a source are to be scored, which predictions are to go, and why these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dbx_dl.runtime.tables import quote_column, read_pinned
from dbx_dl.score.tables.change_feed import (
    FeedRange,
    LastStates,
    NoFeedError,
    describe_source,
    find_last_states,
    find_new_keys,
    read_feed,
)
from dbx_dl.score.tables.row_keys import key_columns, key_of
from dbx_dl.score.tables.row_shapes import name_for_model, shape_rows
from dbx_dl.score.tables.score_marks import digest_scope, find_mark
from dbx_dl.score.tables.sources import select_rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.config import ScoreConfig
    from dbx_dl.contracts import TableVersion
    from dbx_dl.score.tables.sources import Source
    from dbx_dl.score.udf import ColumnScorer

Selection = Literal["whole", "change feed", "input hash", "stream"]


@dataclass(frozen=True)
class ChosenRows:
    """`rows` to score as `shape_rows` gives them, and the keys whose predictions are to be `removed` (None: none).

    No key may be null or twice among `keyed`, which has rows that need no scoring too. `selection` is how they were
    chosen and `why` says why so. `source_id` is the id of a Delta source. `feed` counts the changes that were read,
    where a change feed was.
    """

    rows: DataFrame
    removed: DataFrame | None
    keyed: DataFrame
    selection: Selection
    why: str
    source_id: str | None = None
    feed: FeedRange | None = None


def choose_rows(
    spark: SparkSession, config: ScoreConfig, source: Source, scorer: ColumnScorer, target: TableVersion | None
) -> ChosenRows:
    """The rows that `config` asks for; `target` is the predictions table as it is, None where there is none.

    Incremental: from the source's change feed where that covers the versions since the table's last commit, made by
    the same model with the same settings; else by the hash of each row's inputs. ConfigError for a `where` that is no
    condition, DataError when the source does not have what the model takes.
    """
    source_id, has_feed = (None, False) if source.table is None else describe_source(spark, source.table.name)
    everything = shape_for_model(select_rows(source.found, config), config, scorer)
    removed = _find_lost(spark, config, source, target)
    if config.mode == "whole":
        return ChosenRows(everything, removed, everything, "whole", "mode is whole", source_id)
    if target is None:
        return ChosenRows(everything, None, everything, "whole", "there is no predictions table yet", source_id)
    try:
        feed, why = _read_changes(spark, config, source, scorer, has_feed, source_id)
    except NoFeedError as reason:
        rows = _leave_out_scored(spark, everything, target, scorer)
        return ChosenRows(rows, removed, everything, "input hash", str(reason), source_id)
    states = find_last_states(feed.changes, key_of(config))
    rows = shape_for_model(select_rows(states.present, config), config, scorer)
    gone = find_gone(states, config) if feed.num_deletes or feed.num_updates else None
    keyed = _find_keyed(config, source, rows, feed)
    return ChosenRows(rows, gone, keyed, "change feed", why, source_id, feed)


def find_gone(states: LastStates, config: ScoreConfig) -> DataFrame | None:
    """Keys, of those that changed, whose predictions are to leave the table; None where all of them stay."""
    if not _is_removing(config):
        return None
    if not _is_removing_outside(config):
        return states.gone
    key = key_of(config).alias("key")
    outside = states.present.select(key).join(select_rows(states.present, config).select(key), "key", "left_anti")
    return states.gone.unionByName(outside.distinct())


def _is_removing(config: ScoreConfig) -> bool:
    """Whether predictions are taken out one by one."""
    return config.writer == "merge" and config.deleted_rows != "keep"


def _is_removing_outside(config: ScoreConfig) -> bool:
    return config.deleted_rows == "remove_outside_where" and config.where is not None


def _find_keyed(config: ScoreConfig, source: Source, rows: DataFrame, feed: FeedRange) -> DataFrame:
    """The rows, changed or not, that have a key which came in the feed's range, and changed ones without any key.

    Of the source only the key is read, and only from files that may hold one of these where they have an order.
    """
    from pyspark.sql import functions as F

    if not feed.num_inserts and not feed.num_updates:
        return rows
    found = select_rows(source.found, config)
    if feed.ends is not None:
        column = F.col(quote_column(key_columns(config)[0]))
        found = found.where(column.between(*map(F.lit, feed.ends)))
    new = find_new_keys(feed.changes, key_of(config))
    came = found.select(key_of(config).alias("key")).join(new, "key", "left_semi")
    return came.unionByName(rows.where(F.col("key").isNull()).select("key"))


def shape_for_model(found: DataFrame, config: ScoreConfig, scorer: ColumnScorer) -> DataFrame:
    """The rows as `shape_rows` gives them for this model; columns that `options.inputs` maps get the model's names."""
    if not scorer.is_own:
        return shape_rows(found, config, None, scorer.input_columns)
    given = dict(zip(scorer.input_columns, scorer.given_columns, strict=True))
    return shape_rows(name_for_model(found, config, given), config, scorer.metadata.inputs, scorer.input_columns)


def _read_changes(
    spark: SparkSession,
    config: ScoreConfig,
    source: Source,
    scorer: ColumnScorer,
    has_feed: bool,
    source_id: str | None,
) -> tuple[FeedRange, str]:
    """What changed since the last commit of predictions, and the versions in words; NoFeedError says why not."""
    if source.table is None:
        raise NoFeedError(f"source format {config.source_format} has no change feed")
    if not has_feed:
        raise NoFeedError(f"{config.source} records no change feed (delta.enableChangeDataFeed)")
    mark = find_mark(spark, config.table)
    if mark is None or not mark.is_whole or mark.source_version is None:
        raise NoFeedError(f"the last commit to {config.table} does not say which version of the source it has")
    if mark.source_id != source_id:
        raise NoFeedError(f"{config.source} is another table than the one that was scored")
    if mark.scope != digest_scope(config, scorer.model.sha256):
        raise NoFeedError("the model or the settings are others than those of the last commit")
    if mark.source_version > source.table.version:
        raise NoFeedError(f"version {mark.source_version} of the source was scored already, which is a later one")
    if mark.source_version == source.table.version:
        return _no_changes(source), f"version {mark.source_version} was scored already"
    feed = read_feed(spark, source.table, mark.source_version, key_columns(config))
    return feed, f"versions {mark.source_version + 1} to {source.table.version} came since the last commit"


def _no_changes(source: Source) -> FeedRange:
    from pyspark.sql import functions as F

    kinds = F.lit("insert").alias("_change_type"), F.lit(0).cast("bigint").alias("_commit_version")
    return FeedRange(source.found.limit(0).select("*", *kinds), 0, 0, 0)


def _find_lost(
    spark: SparkSession, config: ScoreConfig, source: Source, target: TableVersion | None
) -> DataFrame | None:
    """Keys of predictions that no row of the source has: none at all, or none within `where`, as the config says."""
    if target is None or not _is_removing(config):
        return None
    found = select_rows(source.found, config) if _is_removing_outside(config) else source.found
    present = found.select(key_of(config).alias("key"))
    return read_pinned(spark, target).select("key").distinct().join(present, "key", "left_anti")


def _leave_out_scored(spark: SparkSession, rows: DataFrame, target: TableVersion, scorer: ColumnScorer) -> DataFrame:
    """The rows whose latest prediction by this very model file is of other inputs, or that have none."""
    from pyspark.sql import functions as F

    scored = read_pinned(spark, target)
    if "input_hash" not in scored.columns:
        return rows
    scored = scored.where(F.col("model_sha256") == scorer.model.sha256)
    latest = scored.groupBy("key").agg(F.max_by("input_hash", "scored_at").alias("input_hash"))
    return rows.join(latest, ["key", "input_hash"], "left_anti")
