"""How long rows waited from when they came to be until they were scored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.contracts import Finding
from dbx_dl.errors import DataError
from dbx_dl.metrics import share_interval
from dbx_dl.monitor.scored_rows import SCORED_AT, WINDOW, require_scored
from dbx_dl.transforms.raw_columns import is_readable, read_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyspark.sql import DataFrame, Row

    from dbx_dl.config import OperationsConfig
    from dbx_dl.contracts import FindingStatus, Window

LATENCY, LATE_SHARE, WITHOUT = "latency_seconds", "late_share", "rows_without_latency"
_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
# Of so many rows one may be late.
_ALLOWED_SHARE = 0.05
# Quantiles are off by at most a ten-thousandth of the rows.
_ACCURACY = 10_000


def measure_latency(scored: DataFrame, config: OperationsConfig, windows: Sequence[Window]) -> tuple[Finding, ...]:
    """Quantiles of seconds by window, and the share of rows that are late, which is judged; nothing without a time.

    Rows without one of the moments, and those that were scored before they came to be, are told and left out.
    """
    if config.source_time is None:
        return ()
    require_scored(scored, (SCORED_AT, config.source_time), "latency")
    counted = {row[WINDOW]: row for row in _count(scored, config.source_time, config.max_latency_seconds)}
    return tuple(
        finding for window in windows if window.name in counted for finding in _tell(counted[window.name], config)
    )


def _count(scored: DataFrame, source_time: str, max_seconds: float | None) -> list[Row]:
    from pyspark.sql import functions as F

    given = scored.schema[source_time].dataType
    if not is_readable(given, "datetime"):
        raise DataError(
            f"`source_time` {source_time!r} is {given.simpleString()}, which is no time: name another column"
        )
    micros = F.unix_micros(SCORED_AT) - F.unix_micros(read_timestamp(scored, source_time, ()))
    rows = scored.select(WINDOW, (micros / 1_000_000).alias("seconds"))
    is_sound = F.coalesce(F.col("seconds") >= 0, F.lit(False))
    seconds = F.when(is_sound, F.col("seconds"))
    is_late = F.lit(False) if max_seconds is None else seconds > max_seconds
    return list(
        rows.groupBy(WINDOW)
        .agg(
            F.count(seconds).alias("num_rows"),
            F.count(F.when(~is_sound, 1)).alias("num_without"),
            F.count(F.when(is_late, 1)).alias("num_late"),
            F.percentile_approx(seconds, list(_QUANTILES.values()), _ACCURACY).alias("quantiles"),
            F.max(seconds).alias("longest"),
        )
        .collect()
    )


def _tell(row: Row, config: OperationsConfig) -> Iterator[Finding]:
    window, num_rows = row[WINDOW], row["num_rows"]
    if row["num_without"]:
        yield Finding(
            window=window, area="operations", metric=WITHOUT, value=float(row["num_without"]),
            num_rows=num_rows + row["num_without"], column=config.source_time or "",
            detail=f"{row['num_without']:,} rows have no {config.source_time!r}, or one after they were scored",
        )  # fmt: skip
    if not num_rows:
        return
    for part, value in (*zip(_QUANTILES, row["quantiles"], strict=True), ("max", row["longest"])):
        yield Finding(
            window=window, area="operations", metric=LATENCY, part=part, value=value, num_rows=num_rows,
            limit=config.max_latency_seconds if part == "p95" else None,
        )  # fmt: skip
    if config.max_latency_seconds is not None:
        yield _judge(window, row["num_late"], num_rows, config.max_latency_seconds, config.confidence)


def _judge(window: str, num_late: int, num_rows: int, max_seconds: float, confidence: float) -> Finding:
    """The 95th percentile is above the limit beyond doubt where the share of later rows is above 1 in 20 so."""
    low, high = share_interval(num_late, num_rows, confidence)
    is_passed = num_late > _ALLOWED_SHARE * num_rows
    status: FindingStatus = "alert" if low > _ALLOWED_SHARE else "warning" if is_passed else "ok"
    return Finding(
        window=window, area="operations", metric=LATE_SHARE, value=num_late / num_rows, low=low, high=high,
        num_rows=num_rows, limit=_ALLOWED_SHARE, status=status,
        detail=f"{num_late:,} of {num_rows:,} rows waited longer than {max_seconds:g} seconds",
    )  # fmt: skip
