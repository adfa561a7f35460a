"""Windows of series hold what was known at their origin, as a loop over the rows finds it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from pydantic import ValidationError
from pyspark.sql import functions as F

from dbx_dl.config import PrepareTableConfig, SeriesConfig
from dbx_dl.errors import DataError
from dbx_dl.transforms.raw_series import cut_last_windows, cut_windows
from dbx_dl.transforms.raw_time_steps import name_step, number_steps, start_step

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

START = date(2024, 1, 1)
CONFIG = SeriesConfig(
    by=("sto.re",), time="day", value="sales", horizons=3, num_lags=8, season=7, stride=2, known=("event",)
)
Cells = dict[tuple[str, int], tuple[float | None, str]]


def draw_cells() -> Cells:
    """Two series by day: the second one lacks days 20 and 21, and both have a known event after their end."""
    cells: Cells = {}
    for number, store in enumerate(("north", "south")):
        for day in range(45):
            if store == "south" and day in (20, 21):
                continue
            is_future = day >= 40
            cells[store, day] = (None if is_future else 100.0 * number + day, "sale" if day % 5 == 0 else "none")
    return cells


def to_lines(cells: Cells) -> list[tuple[str, str, str | None, str]]:
    return [
        (store, (START + timedelta(day)).isoformat(), "?" if value is None else str(value), event)
        for (store, day), (value, event) in cells.items()
    ]


def make_rows(spark: SparkSession, lines: list[tuple[Any, ...]]) -> Any:
    return spark.createDataFrame(lines, "`sto.re` string, day string, sales string, event string").repartition(3)


def expect(cells: Cells, origins: dict[str, list[int]], *, is_labelled: bool) -> dict[str, dict[str, Any]]:
    found = {}
    first = (START - date(1970, 1, 1)).days
    for store, days in origins.items():
        for day in days:
            lags = [cells.get((store, day - back), (None, ""))[0] for back in range(7, -1, -1)]
            if None in lags or (is_labelled and (first + day) % 2):
                continue
            for ahead in (1, 2, 3):
                value, event = cells.get((store, day + ahead), (None, None))
                if is_labelled and value is None:
                    continue
                origin = START + timedelta(day)
                found[f"{store}|{origin}|+{ahead}"] = {
                    "sto.re": store,
                    "origin": origin,
                    "at": origin + timedelta(ahead),
                    "horizon": ahead,
                    "lags": lags,
                    "seasonal_naive": cells[store, day + ahead - 7][0],
                    "event": event,
                    **({"sales": value} if is_labelled else {}),
                }
    return found


def collect(windows: Any) -> dict[str, dict[str, Any]]:
    days = {
        name: F.date_from_unix_date((F.unix_micros(name) / 86_400_000_000).cast("int")) for name in ("origin", "at")
    }
    rows = [row.asDict() for row in windows.withColumns(days).collect()]
    return {row.pop("id"): row for row in rows}


def test_windows_are_those_of_a_loop_over_the_rows(spark: SparkSession) -> None:
    cells = draw_cells()
    rows = make_rows(spark, to_lines(cells))
    found = collect(cut_windows(rows, CONFIG, "id", ("?",)))
    everything = {store: list(range(45)) for store in ("north", "south")}
    assert found == expect(cells, everything, is_labelled=True)
    gap = [row for row in found.values() if row["sto.re"] == "south" and 20 <= (row["origin"] - START).days <= 28]
    assert gap == []
    last = collect(cut_last_windows(rows, CONFIG, "id", ("?",)))
    assert last == expect(cells, {"north": [39], "south": [39]}, is_labelled=False) and len(last) == 6


def test_what_is_no_series_is_told(spark: SparkSession) -> None:
    lines = to_lines(draw_cells())
    for line, message in (
        (("north", "2024-01-03", "1", "none"), "1 times a series has several rows in one day: add them up first"),
        (("north", "someday", "1", "none"), "1 rows have no time in 'day', no number in 'sales'"),
        (("north", "2025-01-01", "much", "none"), "1 rows have no time in 'day', no number in 'sales'"),
    ):
        with pytest.raises(DataError, match=message):
            cut_windows(make_rows(spark, [*lines, line]), CONFIG, "id", ("?",))


def test_steps_are_those_of_the_calendar(spark: SparkSession) -> None:
    moments = [datetime(1969, 12, 28, 23, 30, tzinfo=UTC), datetime(2024, 2, 29, 5, 59, 59, tzinfo=UTC)]
    rows = spark.createDataFrame([(int(moment.timestamp()),) for moment in moments], "seconds bigint")
    time = F.timestamp_seconds("seconds")
    for step, starts, names in (
        ("hour", ["1969-12-28 23:00", "2024-02-29 05:00"], ["1969-12-28T23", "2024-02-29T05"]),
        ("day", ["1969-12-28", "2024-02-29"], ["1969-12-28", "2024-02-29"]),
        ("week", ["1969-12-22", "2024-02-26"], ["1969-12-22", "2024-02-26"]),
        ("month", ["1969-12-01", "2024-02-01"], ["1969-12-01", "2024-02-01"]),
    ):
        number = number_steps(time, step)  # type: ignore[arg-type]
        begin = F.unix_seconds(start_step(number, step))  # type: ignore[arg-type]
        found = rows.select(begin, name_step(number, step), number_steps(F.timestamp_seconds(begin), step) == number)  # type: ignore[arg-type]
        expected = [int(pd.Timestamp(start, tz="UTC").timestamp()) for start in starts]
        assert [tuple(row) for row in found.collect()] == [(e, n, True) for e, n in zip(expected, names, strict=True)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"season": 9}, "season 9 is longer than num_lags 8"),
        ({"known": ("day",)}, "'day' is named twice among by, time, value and known"),
        ({"known": ("lags",)}, "'lags' is a column that windows have themselves"),
    ],
)
def test_settings_that_do_not_go_together(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SeriesConfig.model_validate({**CONFIG.model_dump(), **changes})


def test_the_label_is_what_is_forecast() -> None:
    with pytest.raises(ValidationError, match=r"label 'other' must be `series\.value`, 'sales'"):
        PrepareTableConfig(source="s", table="t", key="id", label="other", series=CONFIG)
