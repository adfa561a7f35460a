"""What there is to score: a source's rows, of a Delta table at a pinned version."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from dbx_dl.errors import ConfigError, DataError
from dbx_dl.runtime.row_sources import read_rows
from dbx_dl.runtime.source_columns import MALFORMED_COLUMN
from dbx_dl.runtime.sources import read_image_files
from dbx_dl.runtime.tables import (
    first_line,
    locate_version,
    pin_table,
    read_history,
    read_pinned,
    require_columns,
)
from dbx_dl.transforms.raw_histories import PROBLEM, cut_last_histories, observe
from dbx_dl.transforms.raw_series import cut_last_windows

if TYPE_CHECKING:
    from datetime import datetime

    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.config import InteractionsConfig, ScoreConfig
    from dbx_dl.contracts import TableVersion

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """Everything that a config's source holds: `found` has its own columns, of every row whatever `where` says.

    `origin` says where they are from, with the version for a Delta table, which then is `table`.
    """

    found: DataFrame
    origin: str
    table: TableVersion | None = None


def open_source(spark: SparkSession, config: ScoreConfig) -> Source:
    """The source, a Delta table pinned at the version asked for (its latest without one).

    DataError when the source or that version does not exist or too many interactions are unusable, ConfigError for a
    version of another source.
    """
    if config.series is not None:
        return _open_series(spark, config)
    if config.interactions is not None:
        return _open_histories(spark, config, config.interactions)
    if config.source_format == "delta":
        table = _pin_source(spark, config)
        return Source(read_pinned(spark, table), f"{config.source}@v{table.version}", table)
    if config.source_version is not None or config.source_timestamp is not None:
        raise ConfigError(f"source format {config.source_format} has no versions: leave out source_version/_timestamp")
    if config.has_files:
        return Source(read_image_files(spark, config.source), config.source)
    return Source(read_rows(spark, config.source, config.source_format, config.csv), config.source)


def _open_series(spark: SparkSession, config: ScoreConfig) -> Source:
    """The windows of each series' last origin; they are of no table that could be read without Spark."""
    plain = config.model_copy(update={"series": None})
    source = open_source(spark, plain)
    if config.series is None or not isinstance(config.key, str):
        raise ConfigError("windows need `series` and one `key`")
    names = [*config.series.by, config.series.time, config.series.value, *config.series.known]
    require_columns(source.found, names, f"source {config.source}")
    return Source(cut_last_windows(source.found, config.series, config.key, config.null_tokens), source.origin)


def _open_histories(spark: SparkSession, config: ScoreConfig, interactions: InteractionsConfig) -> Source:
    """The users with their histories; they are of no table that could be read without Spark."""
    source = open_source(spark, config.model_copy(update={"interactions": None}))
    names = [interactions.user, interactions.item, interactions.time, *interactions.user_columns]
    require_columns(source.found, names, f"source {config.source}")
    # What is known of items is in the model.
    plain = interactions.model_copy(update={"item_columns": ()})
    observed = observe(source.found, plain, config.null_tokens, MALFORMED_COLUMN)
    _require_usable(observed, config)
    return Source(cut_last_histories(observed.where(f"{PROBLEM} IS NULL"), plain), source.origin)


def _require_usable(observed: DataFrame, config: ScoreConfig) -> None:
    """Warn of unusable interactions; DataError where they are too many, or all."""
    reasons = Counter({row["reason"]: row["count"] for row in observed.groupBy(f"{PROBLEM}.reason").count().collect()})
    num_usable = reasons.pop(None, 0)
    listed = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    num_rows = num_usable + reasons.total()
    what = f"{num_rows - num_usable} of {num_rows} interactions of {config.source} are unusable"
    if not num_usable:
        raise DataError(f"nobody is left to score: {what}{': ' + listed if listed else ''}")
    if num_rows - num_usable > config.max_reject_fraction * num_rows:
        raise DataError(
            f"{what}, more than score.max_reject_fraction = {config.max_reject_fraction:g} allows: {listed}"
        )
    if listed:
        logger.warning("%s and left out of histories: %s", what, listed)


def select_rows(found: DataFrame, config: ScoreConfig) -> DataFrame:
    """The rows within `where`; ConfigError, before any job, when that is no condition on the source's columns."""
    from pyspark.errors import PySparkException

    if config.where is None:
        return found
    try:
        rows = found.where(config.where)
        _ = rows.schema  # Spark Connect finds errors only when it is asked
    except PySparkException as error:
        raise ConfigError(f"where {config.where!r} is no condition on {config.source}: {first_line(error)}") from None
    return rows


def _pin_source(spark: SparkSession, config: ScoreConfig) -> TableVersion:
    if config.source_timestamp is not None:
        return _pin_moment(spark, config.source, config.source_timestamp)
    latest = pin_table(spark, config.source)
    if config.source_version is None:
        return latest
    if config.source_version > latest.version:
        raise DataError(f"table {config.source} has no version {config.source_version}: its latest is {latest.version}")
    return locate_version(spark, config.source, config.source_version)


def _pin_moment(spark: SparkSession, name: str, moment: datetime) -> TableVersion:
    """The version that was the latest one at that moment."""
    instant = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    commits = read_history(spark, name)
    # Spark gives timestamps in this machine's own time zone.
    versions = [int(row["version"]) for row in commits if row["timestamp"].astimezone(UTC) <= instant]
    if not versions:
        first = commits[-1]["timestamp"].astimezone(UTC)
        raise DataError(
            f"table {name} has no version of {instant.isoformat()}: its first one is of {first.isoformat()}"
        )
    return locate_version(spark, name, max(versions))
