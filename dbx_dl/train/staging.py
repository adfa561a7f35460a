"""Tables that the feed is not known to read right are copied once through Spark, plain, into the run's directory."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.errors import VersionGoneError
from dbx_dl.feed.delta_log import IndirectTableError
from dbx_dl.feed.rows import check_table, list_columns
from dbx_dl.feed.storage import UNITY_TABLE, has_own_secrets, locate_storage
from dbx_dl.runtime.databricks import LeaseRefusedError, find_lease, is_databricks
from dbx_dl.runtime.table_writes import PLAIN_TABLE, replace_table
from dbx_dl.runtime.tables import has_table, is_path, pin_table, quote_column, read_pinned, require_columns

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dbx_dl.config import TrainConfig
    from dbx_dl.contracts import PreparedTable

logger = logging.getLogger(__name__)

_FOLDER = "staged"
_SPLIT_COLUMN = "split"


def make_readable(spark: SparkSession, prepared: PreparedTable, config: TrainConfig, directory: Path) -> PreparedTable:
    """The table as the ranks read it: itself where the feed knows how, else with a copy of what training needs.

    Of a table in cloud storage on Databricks the ranks read the files with Unity Catalog's credentials, where these are
    lent for at least `timeout_seconds`, after which a rank is ended. The copy lies in `directory`/staged and serves
    until another version or other columns are asked for. DataError when the version or a column is gone, ConfigError
    when the feed's config does not fit the table.
    """
    feed = config.feed
    options = {**prepared.storage_options, **feed.storage_options}
    located = prepared.model_copy(update={"storage_options": options, "staged": None})
    try:
        if is_databricks() and not locate_storage(prepared.table.path).is_local and not has_own_secrets(options):
            located = _borrow(located, config)
        check_table(located, feed)
    except IndirectTableError as error:
        readable = _stage(spark, located, list_columns(located, feed), directory, error.reason)
        check_table(readable, feed)
        return readable
    return located


def _borrow(prepared: PreparedTable, config: TrainConfig) -> PreparedTable:
    """The table with credentials that ranks read it with; IndirectTableError where there are none that last."""
    name = prepared.table.name
    if is_path(name):
        raise IndirectTableError(f"table {name} lies in cloud storage, and feed.storage_options hold no secret for it")
    try:
        left = find_lease(name).seconds_left
        if left < config.timeout_seconds:
            raise IndirectTableError(
                f"credentials for table {name} last {left:.0f} s, and train.timeout_seconds is {config.timeout_seconds}"
            )
        borrowed = prepared.model_copy(update={"storage_options": {**prepared.storage_options, UNITY_TABLE: name}})
        check_table(borrowed, config.feed)
    except (LeaseRefusedError, VersionGoneError) as error:
        raise IndirectTableError(str(error)) from None
    return borrowed


def _stage(
    spark: SparkSession, prepared: PreparedTable, columns: Sequence[str], directory: Path, reason: str
) -> PreparedTable:
    names = [*dict.fromkeys((*columns, _SPLIT_COLUMN))]
    place = directory / _FOLDER / _name_copy(prepared, names)
    if has_table(spark, str(place)):
        logger.info("%s: its copy in %s is read", reason, place)
    else:
        logger.info("%s: Spark copies %d of its columns to %s once", reason, len(names), place)
        rows = read_pinned(spark, prepared.table)
        require_columns(rows, names, f"table {prepared.table.name}")
        ordered = rows.select(*map(quote_column, names)).sortWithinPartitions(
            _SPLIT_COLUMN, quote_column(prepared.key_column)
        )
        for other in sorted(place.parent.glob("*")):
            shutil.rmtree(other, ignore_errors=True)
        replace_table(ordered, str(place), partitions=(_SPLIT_COLUMN,), properties=PLAIN_TABLE)
    return prepared.model_copy(update={"staged": pin_table(spark, str(place))})


def _name_copy(prepared: PreparedTable, columns: Sequence[str]) -> str:
    table = prepared.table
    digest = hashlib.sha256(json.dumps([table.path, table.version, columns]).encode()).hexdigest()
    return f"version_{table.version}_{digest[:12]}"
