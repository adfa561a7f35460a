"""The table of findings: one row for each window, area, column, part and metric, and what was looked at last."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dbx_dl.contracts import Finding, TableVersion, Window
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.runtime.table_writes import append_rows, is_lost_race, replace_rows, require_free_place
from dbx_dl.runtime.tables import has_table, pin_table, quote_column, read_pinned

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.config.windows import WindowsConfig

logger = logging.getLogger(__name__)

_MAX_ATTEMPTS = 5
_OF_LOOK = {
    "run": "string",
    "source": "string",
    "source_id": "string",
    "source_version": "bigint",
    "baseline_table": "string",
    "baseline_version": "bigint",
    "windows_by": "string",
    "looked_at": "timestamp",
}
_OF_WINDOW = {
    "window": "string",
    "window_start": "timestamp",
    "window_end": "timestamp",
    "first_version": "bigint",
    "last_version": "bigint",
}
_OF_FINDING = {
    "area": "string",
    "column": "string",
    "part": "string",
    "metric": "string",
    "value": "double",
    "low": "double",
    "high": "double",
    "num_rows": "bigint",
    "baseline": "double",
    "limit": "double",
    "p_value": "double",
    "adjusted_p_value": "double",
    "status": "string",
    "detail": "string",
}
COLUMNS = {**_OF_LOOK, **_OF_WINDOW, **_OF_FINDING}
_MOMENTS = tuple(name for name, kind in COLUMNS.items() if kind == "timestamp")
_PLAIN = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.:-]*$")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class LookMark:
    """What all findings of one look have in common: the `run` that watches, what was watched, and when.

    `source_id` is the id of the scored table, which no later one of that name has; `windows_by` is what `name_cut`
    gives.
    """

    run: str
    source: TableVersion
    source_id: str
    windows_by: str
    looked_at: datetime
    baseline: TableVersion | None = None

    def as_values(self) -> dict[str, Any]:
        """The columns of a look."""
        return {
            "run": self.run,
            "source": self.source.name,
            "source_id": self.source_id,
            "source_version": self.source.version,
            "baseline_table": self.baseline.name if self.baseline else None,
            "baseline_version": self.baseline.version if self.baseline else None,
            "windows_by": self.windows_by,
            "looked_at": self.looked_at,
        }


def name_cut(config: WindowsConfig) -> str:
    """How windows are cut, as the table has it: windows by time that start together may be of another width or column.

    Of a day of `scored_at` that is `time`, of others it goes on with the hours and the column, as a digest where its
    name has odd characters.
    """
    if config.by != "time":
        return config.by
    default = type(config)(by="time")
    hours = "" if config.hours == default.hours else f"-{config.hours!r}h"
    column = "" if config.column == default.column else config.column
    if column and not _PLAIN.match(column):
        column = hashlib.sha256(column.encode()).hexdigest()[:12]
    return f"time{hours}{column and '-' + column}"


def require_run_name(name: str) -> None:
    """ConfigError for a name of a run that has other characters than those that `RunConfig.name` may have."""
    if not _PLAIN.match(name):
        raise ConfigError(f"run {name!r}: a name under which findings stand has letters, digits, '_', '-' and '.' only")


def require_findings_table(spark: SparkSession, name: str) -> bool:
    """Whether the table is there already; DataError where something else is, before anything is measured."""
    if not has_table(spark, name):
        require_free_place(name, "findings", ("_delta_log",))
        return False
    missing = [column for column in COLUMNS if column not in read_pinned(spark, pin_table(spark, name)).columns]
    if missing:
        raise DataError(f"table {name} exists and holds no findings (no column {missing[0]!r}): name another table")
    return True


def write_findings(
    spark: SparkSession, name: str, mark: LookMark, windows: Sequence[Window], findings: Sequence[Finding]
) -> TableVersion:
    """Put the findings of these windows in place of earlier ones of the same windows, in one commit.

    Looking again gives the same rows but for `looked_at`; a kill leaves the table as it was or as it becomes. Other
    runs may write their findings meanwhile. DataError where they do each time, or Spark refuses.
    """
    rows = _to_frame(spark, mark, windows, findings)
    condition = _describe_windows(mark, windows)
    for _ in range(_MAX_ATTEMPTS):
        try:
            if not require_findings_table(spark, name):
                append_rows(rows.limit(0), name)
            replace_rows(rows, name, condition)
        except Exception as error:
            if not is_lost_race(error):
                raise
            logger.debug("another run wrote findings meanwhile: once more")
        else:
            return pin_table(spark, name)
    raise DataError(f"other runs changed table {name} each time while findings were written: run monitor again")


def find_position(spark: SparkSession, name: str, run: str, source_id: str) -> int | None:
    """The last version of the scored table that this run's looks by commits have seen; None before the first."""
    from pyspark.sql import functions as F

    rows = _read_own(spark, name, run, source_id, "commits").agg(F.max("last_version")).collect()
    return None if rows[0][0] is None else int(rows[0][0])


def read_findings(
    spark: SparkSession, name: str, mark: LookMark, num_windows: int, *, has_same_baseline: bool = False
) -> tuple[tuple[Window, ...], tuple[Finding, ...]]:
    """The latest windows of this run's looks at the table, in order of time, and what was found in them.

    `has_same_baseline`: only in those that were compared with the baseline of `mark`.
    """
    from pyspark.sql import functions as F

    own = _read_own(spark, name, mark.run, mark.source_id, mark.windows_by)
    if has_same_baseline and mark.baseline is not None:
        of_same = (F.col("baseline_table") == mark.baseline.name, F.col("baseline_version") == mark.baseline.version)
        own = own.where(of_same[0] & of_same[1])
    columns = [F.unix_micros(it).alias(it) if it in _MOMENTS else F.col(it) for it in _OF_WINDOW]
    order = [F.col(it).desc_nulls_last() for it in ("window_start", "last_version", "window")]
    latest = own.select(*columns).distinct().orderBy(*order).limit(num_windows).collect()
    windows = [_to_window(row.asDict()) for row in reversed(latest)]
    places = {window.name: place for place, window in enumerate(windows)}
    rows = own.where(F.col("window").isin(list(places))).select("window", *_OF_FINDING).collect()
    findings = [Finding.model_validate(row.asDict()) for row in rows]
    findings.sort(key=lambda it: (places[it.window], it.area, it.column, it.part, it.metric))
    return tuple(windows), tuple(findings)


def _read_own(spark: SparkSession, name: str, run: str, source_id: str, windows_by: str) -> DataFrame:
    """The findings of a run's looks at one table by one kind of windows."""
    from pyspark.sql import functions as F

    rows = read_pinned(spark, pin_table(spark, name))
    return rows.where((F.col("run") == run) & (F.col("source_id") == source_id) & (F.col("windows_by") == windows_by))


def _describe_windows(mark: LookMark, windows: Sequence[Window]) -> str:
    """A condition that the rows of these windows meet, as SQL."""
    values = {"run": mark.run, "source_id": mark.source_id, "windows_by": mark.windows_by}
    same = " AND ".join(f"{quote_column(name)} = {_quote_text(value)}" for name, value in values.items())
    return f"{same} AND `window` IN ({', '.join(_quote_text(window.name) for window in windows)})"


def _quote_text(text: str) -> str:
    """A text literal of a run's name, an id or a window's name, which have no character that dialects differ in."""
    if not _PLAIN.match(text):
        raise DataError(f"{text!r} cannot stand in a condition on the table of findings")
    return f"'{text}'"


def _to_frame(spark: SparkSession, mark: LookMark, windows: Sequence[Window], findings: Sequence[Finding]) -> DataFrame:
    """The rows of the table; moments go in as microseconds, which no time zone of a session changes."""
    from pyspark.sql import functions as F

    own = {window.name: _window_values(window) for window in windows}
    values = [{**mark.as_values(), **own[it.window], **it.model_dump()} for it in findings]
    kinds = {name: "bigint" if name in _MOMENTS else kind for name, kind in COLUMNS.items()}
    schema = ", ".join(f"{quote_column(name)} {kind}" for name, kind in kinds.items())
    rows = spark.createDataFrame([tuple(_plain(row[name]) for name in COLUMNS) for row in values], schema)
    return rows.withColumns({name: F.timestamp_micros(F.col(name)) for name in _MOMENTS})


def _plain(value: Any) -> Any:
    return (value - _EPOCH) // _MICROSECOND if isinstance(value, datetime) else value


def _window_values(window: Window) -> dict[str, Any]:
    return {
        "window": window.name,
        "window_start": window.start,
        "window_end": window.end,
        "first_version": window.first_version,
        "last_version": window.last_version,
    }


def _to_window(values: dict[str, Any]) -> Window:
    return Window(
        name=values["window"],
        start=_to_moment(values["window_start"]),
        end=_to_moment(values["window_end"]),
        first_version=values["first_version"],
        last_version=values["last_version"],
    )


def _to_moment(micros: int | None) -> datetime | None:
    return None if micros is None else _EPOCH + micros * _MICROSECOND
