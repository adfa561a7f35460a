"""One commit decides: rejects and description are written first, and count from the main table's commit on.

Every prepare has an id. `<table>_rejects` is replaced and `<table>_meta` gets a row under that id; the commit of the
main table, which comes last, carries the id in its `userMetadata`. Readers follow only that: a prepare that was killed
before leaves the earlier state, which names its own version of the rejects.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbx_dl.contracts import PreparedTable, TableVersion
from dbx_dl.errors import DataError
from dbx_dl.prepare.tables import table_properties
from dbx_dl.runtime.commit_marks import HARMLESS_OPERATIONS, mark_settings, read_mark, transaction_settings
from dbx_dl.runtime.session_settings import session_settings
from dbx_dl.runtime.table_writes import append_rows, is_lost_race, replace_table, require_free_place
from dbx_dl.runtime.tables import (
    first_line,
    has_table,
    locate_version,
    pin_table,
    quote_table,
    read_history,
    suffix_table,
)

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

    from dbx_dl.config import PrepareSection

logger = logging.getLogger(__name__)

ID = "prepare_id"
_META_SCHEMA = f"{ID} string, prepared_at timestamp, prepared string, settings string"
_LEFTOVERS = ("split=*", "_delta_log")
_FEW_COMMITS, _MANY_COMMITS = 20, 500


@dataclass(frozen=True)
class PresentTable:
    """What an earlier prepare wrote: its contract, pinned, and the settings that it was given."""

    prepared: PreparedTable
    settings: dict[str, Any]


def rejects_name(name: str) -> str:
    """The name of the table that keeps what was rejected on the way into table `name`."""
    return suffix_table(name, "_rejects")


def meta_name(name: str) -> str:
    """The name of the table that describes every prepare of table `name`, one row each."""
    return suffix_table(name, "_meta")


def load_prepared(spark: SparkSession, name: str, version: int | None = None) -> PreparedTable:
    """The contract of a prepared table at a version (its latest one where none is given).

    DataError when there is no such table or version, when prepare did not write it, or when somebody else changed its
    rows after prepare.
    """
    return _read_present(spark, name, version).prepared


def find_present(spark: SparkSession, name: str) -> PresentTable | None:
    """The table that an earlier prepare wrote, if there is one.

    DataError when `name` is no name for a table, or something else than a prepared table is there already.
    """
    if has_table(spark, name):
        return _read_present(spark, name, None)
    # What is described already, but was never committed.
    leftovers = _LEFTOVERS if has_table(spark, meta_name(name)) else ()
    require_free_place(name, "prepared table", leftovers)
    return None


def stay(earlier: PresentTable) -> PreparedTable:
    """Say that nothing changed, and return the contract as it was."""
    table = earlier.prepared.table
    logger.info("nothing changed: table %s stays at version %d", table.name, table.version)
    return earlier.prepared


def publish(
    spark: SparkSession,
    config: PrepareSection,
    rejects: DataFrame,
    describe: Callable[[TableVersion, TableVersion, str], PreparedTable],
    write: Callable[[], None],
    settings: dict[str, Any],
    earlier: PresentTable | None,
    *,
    rejects_changed: bool = True,
) -> PreparedTable:
    """Write the rejects and the description, then let `write` commit to the main table, and return the contract.

    `describe` makes the contract of a main table (its version still open), a rejects table and a prepare id. `earlier`
    is the state that everything was derived from, None where `write` replaces whatever there is; its rejects may be
    kept unless `rejects_changed`. DataError when another prepare of the same table was faster; then the main table is
    as that one left it.
    """
    name, prepare_id, properties = config.table, uuid.uuid4().hex, table_properties(config.keep_versions_days)
    with session_settings(spark, commit_settings(prepare_id)), _told_of_lost_races(name):
        kept = _find_kept_rejects(spark, name, earlier) if earlier is not None and not rejects_changed else None
        rejects_version = kept or _write_rejects(spark, name, rejects, prepare_id, properties)
        open_version = TableVersion(name=name, path="", version=-1)
        draft = describe(open_version, rejects_version, prepare_id)
        _append_meta(spark, name, draft, settings, properties)
        if earlier is not None:
            _require_unmoved(spark, name, earlier)
        with session_settings(spark, _only_after(earlier)):
            write()
        table = _find_commit(spark, name, prepare_id)
        if table is None:
            raise _lost_race(name)
    logger.info("wrote table %s, version %d", name, table.version)
    return draft.model_copy(update={"table": table})


def _find_kept_rejects(spark: SparkSession, name: str, earlier: PresentTable) -> TableVersion | None:
    """The earlier prepare's rejects, unless a later version may let VACUUM remove them."""
    kept = earlier.prepared.rejects
    return kept if kept is not None and pin_table(spark, rejects_name(name)).version == kept.version else None


def _write_rejects(
    spark: SparkSession, name: str, rejects: DataFrame, prepare_id: str, properties: Mapping[str, str]
) -> TableVersion:
    from pyspark.sql import functions as F

    replace_table(rejects.withColumn(ID, F.lit(prepare_id)), rejects_name(name), properties=properties)
    return _pin_commit(spark, rejects_name(name), prepare_id)


def _require_unmoved(spark: SparkSession, name: str, earlier: PresentTable) -> None:
    """DataError when somebody changed rows since; what prepares do after this `_only_after` finds."""
    if _last_prepare(name, _read_history(spark, name)) != earlier.prepared.prepare_id:
        raise _lost_race(name)


def _only_after(earlier: PresentTable | None) -> dict[str, str]:
    """Session settings under which Delta commits to a table only when no other prepare has followed the earlier one.

    To Delta it is the transaction of a number that rises with the table's version: one that the table has already is
    left out, and two at once conflict.
    """
    if earlier is None:
        return {}
    number = earlier.prepared.table.version + 1
    return transaction_settings("dbx_dl.prepare", number)


def _lost_race(name: str) -> DataError:
    return DataError(f"another job changed table {name} while it was prepared: run prepare again")


def commit_settings(prepare_id: str) -> dict[str, str]:
    """Session settings under which every commit carries the id."""
    return mark_settings({ID: prepare_id})


def _append_meta(
    spark: SparkSession, name: str, draft: PreparedTable, settings: dict[str, Any], properties: Mapping[str, str]
) -> None:
    from pyspark.sql import functions as F

    values = (draft.prepare_id, None, draft.model_dump_json(), json.dumps(settings))
    row = spark.createDataFrame([values], _META_SCHEMA).withColumn("prepared_at", F.current_timestamp())
    append_rows(row, meta_name(name), properties=properties)


def _pin_commit(spark: SparkSession, name: str, prepare_id: str) -> TableVersion:
    """The version that this prepare made.

    Delta makes none of a write that changes no row, such as no rejects after none; then the id is committed alone.
    """
    found = _find_commit(spark, name, prepare_id)
    if found is None:
        spark.sql(f"ALTER TABLE {quote_table(name)} SET TBLPROPERTIES ('dbx_dl.{ID}' = '{prepare_id}')")
        found = _find_commit(spark, name, prepare_id)
    if found is None:
        raise DataError(f"table {name} lacks the commit that was just made: its history was rewritten meanwhile")
    return found


def _find_commit(spark: SparkSession, name: str, prepare_id: str) -> TableVersion | None:
    """The version that carries this id; others may have followed it already."""
    found = [row for row in _read_history(spark, name) if _prepare_id(row["userMetadata"]) == prepare_id]
    return locate_version(spark, name, int(found[0]["version"])) if found else None


def _read_present(spark: SparkSession, name: str, version: int | None) -> PresentTable:
    history = _read_history(spark, name, version)
    if not history or (version is not None and history[0]["version"] != version):
        latest = pin_table(spark, name).version
        raise DataError(f"table {name} has no version {version} (any more): its latest is {latest}")
    prepare_id = _last_prepare(name, history)
    found = _read_meta(spark, name, prepare_id)
    if not found:
        raise DataError(f"table {meta_name(name)} lacks the description of {name}: prepare it anew under another name")
    pinned = locate_version(spark, name, int(history[0]["version"]))
    prepared = PreparedTable.model_validate_json(found[0]["prepared"])
    return PresentTable(prepared.model_copy(update={"table": pinned}), json.loads(found[0]["settings"]))


def _read_meta(spark: SparkSession, name: str, prepare_id: str) -> list[Row]:
    meta = meta_name(name)
    if not has_table(spark, meta):
        return []
    rows = spark.sql(f"SELECT * FROM {quote_table(meta)}")
    return list(rows.where(rows[ID] == prepare_id).collect())


def _last_prepare(name: str, history: list[Row]) -> str:
    """The id of the prepare whose rows the latest version of a history holds."""
    for row in history:
        prepare_id = _prepare_id(row["userMetadata"])
        if prepare_id is not None:
            return prepare_id
        if row["operation"] not in HARMLESS_OPERATIONS:
            raise DataError(
                f"table {name} was not written by prepare: version {row['version']} is another job's "
                f"{row['operation']}; name another table"
            )
    raise DataError(f"table {name} was not written by prepare: name another table")


def _prepare_id(user_metadata: str | None) -> str | None:
    found = read_mark(user_metadata, ID)
    return found if isinstance(found, str) else None


def _read_history(spark: SparkSession, name: str, version: int | None = None) -> list[Row]:
    """Version, operation and userMetadata of a table's last commits up to a version, latest first.

    As few as show the last prepare, since every commit that is looked at is a file to read.
    """
    if version is None:
        history = read_history(spark, name, _FEW_COMMITS)
        if len(history) < _FEW_COMMITS or any(_prepare_id(row["userMetadata"]) for row in history):
            return history
        return read_history(spark, name, _MANY_COMMITS)
    return [row for row in read_history(spark, name) if row["version"] <= version][:_MANY_COMMITS]


@contextmanager
def _told_of_lost_races(name: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if not is_lost_race(error):
            raise
        logger.debug("lost a race: %s", first_line(error))
        raise _lost_race(name) from None
