"""Raw values on Spark: null tokens, and text that is or is not a number, a boolean or a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pyspark.sql import functions as F

from dbx_dl.transforms.raw_columns import (
    is_readable,
    is_unparsable,
    read_boolean,
    read_embedding,
    read_number,
    read_text,
    read_timestamp,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TOKENS = ("?", "NA")
NULLS: dict[str | None, tuple[None, bool]] = dict.fromkeys(["", "?", "NA", None], (None, False))
# text -> (number, unparsable)
NUMBERS: dict[str | None, tuple[float | None, bool]] = NULLS | {
    "1.5": (1.5, False),
    " -2e3 ": (-2000.0, False),
    "+.5": (0.5, False),
    "007": (7.0, False),
    "1700000001": (1700000001.0, False),
    "nan": (None, False),
    "Infinity": (None, False),
    "-inf": (None, False),
    "1e999": (None, False),
    "1d": (None, True),
    "0x1p3": (None, True),
    "1,5": (None, True),
    "1_000": (None, True),
    "much": (None, True),
    " ": (None, True),
    ".": (None, True),
    "²": (None, True),
}
BOOLEANS: dict[str | None, tuple[float | None, bool]] = NULLS | {
    "true": (1.0, False),
    "Yes": (1.0, False),
    " 1 ": (1.0, False),
    "FALSE": (0.0, False),
    "no": (0.0, False),
    "0": (0.0, False),
    "2": (None, True),
    "y": (None, True),
    "truee": (None, True),
    " ": (None, True),
}
# text -> (the same time in NumPy's form, unparsable)
TIMES: dict[str | None, tuple[str | None, bool]] = NULLS | {
    "2024-02-29": ("2024-02-29", False),
    " 2024-02-29T14:05Z ": ("2024-02-29T14:05", False),
    "2024-02-29 14:05:59": ("2024-02-29T14:05:59", False),
    "2024-02-29t14:05:59.25z": ("2024-02-29T14:05:59.25", False),
    "2024-02-29T14:05:59,123456789Z": ("2024-02-29T14:05:59.123456", False),
    "2024-02-29T14:05:59+01": ("2024-02-29T13:05:59", False),
    "2024-02-29T14:05:59+0130": ("2024-02-29T12:35:59", False),
    "2024-02-29T14:05:59 -01:30": ("2024-02-29T15:35:59", False),
    "2024-03-10 02:30:00": ("2024-03-10T02:30:00", False),  # New York has no such time
    "2024-11-03 01:30:00": ("2024-11-03T01:30:00", False),  # and this one twice
    "1883-11-18 12:03:58": ("1883-11-18T12:03:58", False),
    "1582-10-10": ("1582-10-10", False),
    "1969-12-31T23:59:59.999999": ("1969-12-31T23:59:59.999999", False),
    "0001-01-01": ("0001-01-01", False),
    "9999-12-31T23:59:59.999999Z": ("9999-12-31T23:59:59.999999", False),
    "2023-02-29": (None, True),
    "0000-01-01": (None, True),
    "2024-3-1": (None, True),
    "20240301": (None, True),
    "2024-02-29T24:00:00": (None, True),
    "2024-02-29T23:59:60": (None, True),
    "2024-02-29T14:05:59.": (None, True),
    "2024-02-29T14:05:59+19:00": (None, True),
    "2024-02-29Z": (None, True),
    "29.02.2024": (None, True),
    "1700000000": (None, True),
    "now": (None, True),
}


def to_micros(text: str | None) -> int | None:
    return None if text is None else int(np.datetime64(text, "us").astype(np.int64))


@pytest.fixture
def new_york(spark: SparkSession) -> Iterator[None]:
    """A session time zone with summer time; readers must not see it."""
    before = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", "America/New_York")
    yield
    spark.conf.set("spark.sql.session.timeZone", before)


def test_text_as_number(spark: SparkSession) -> None:
    df = spark.createDataFrame([(text,) for text in NUMBERS], "`a.b` string")
    found = df.select(
        read_number(df, "a.b", TOKENS).alias("number"),
        is_unparsable(df, "a.b", TOKENS).alias("bad"),
        read_text("a.b", TOKENS).alias("text"),
        is_unparsable(df, "a.b", TOKENS, "categorical").alias("never"),
    ).collect()
    assert [(row["number"], row["bad"]) for row in found] == list(NUMBERS.values())
    assert [row["text"] for row in found] == [None if text in ("", "?", "NA") else text for text in NUMBERS]
    assert {row["never"] for row in found} == {False}


def test_text_as_boolean(spark: SparkSession) -> None:
    df = spark.createDataFrame([(text,) for text in BOOLEANS], "`a.b` string")
    found = df.select(read_boolean(df, "a.b", TOKENS), is_unparsable(df, "a.b", TOKENS, "boolean")).collect()
    assert [tuple(row) for row in found] == list(BOOLEANS.values())


@pytest.mark.usefixtures("new_york")
def test_text_as_time(spark: SparkSession) -> None:
    df = spark.createDataFrame([(text,) for text in TIMES], "`a.b` string")
    time = read_timestamp(df, "a.b", TOKENS)
    found = df.select(F.unix_micros(time), is_unparsable(df, "a.b", TOKENS, "datetime")).collect()
    assert [tuple(row) for row in found] == [(to_micros(text), bad) for text, bad in TIMES.values()]
    assert dict(df.select(time).dtypes) == {"a.b": "timestamp"}


@pytest.mark.usefixtures("new_york")
def test_dates_and_timestamps_are_the_same_instants_in_every_session(spark: SparkSession) -> None:
    """Years after 9999 are beyond Python's datetime: read as microseconds."""
    df = spark.sql(
        "SELECT date'2024-03-10' AS day, date'0001-01-01' AS first, timestamp_ntz'2024-03-10 02:30:00.5' AS local, "
        "timestamp'2024-11-03 01:30:00-05:00' AS winter, timestamp'2024-11-03 01:30:00-04:00' AS summer, "
        "date'+12000-01-01' AS far, void AS nothing FROM (SELECT null AS void) "
        "UNION ALL SELECT null, null, null, null, null, null, null"
    )
    found = df.select(*(F.unix_micros(read_timestamp(df, name, TOKENS)).alias(name) for name in df.columns)).collect()
    texts = ["2024-03-10", "0001-01-01", "2024-03-10T02:30:00.5", "2024-11-03T06:30", "2024-11-03T05:30", "12000-01-01"]
    assert list(found[0]) == [*map(to_micros, texts), None]
    assert list(found[1]) == [None] * 7
    assert df.where(is_unparsable(df, "day", TOKENS, "datetime")).count() == 0


def test_other_types_as_numbers(spark: SparkSession) -> None:
    rows = [(True, 3, 0.5, None), (False, None, float("nan"), None), (None, -1, float("inf"), None)]
    df = spark.createDataFrame(rows, "flag boolean, count long, ratio double, nothing decimal(4, 1)")
    numbers = df.select(*(read_number(df, name, TOKENS).alias(name) for name in df.columns)).collect()
    assert [tuple(row) for row in numbers] == [(1.0, 3.0, 0.5, None), (0.0, None, None, None), (None, -1.0, None, None)]
    assert [row[0] for row in df.select(read_text("flag", TOKENS)).collect()] == ["true", "false", None]
    assert df.where(is_unparsable(df, "count", TOKENS)).count() == 0


def test_other_types_as_booleans(spark: SparkSession) -> None:
    rows = [(True, 1, 0.0), (False, 0, 0.5), (None, 2, float("nan")), (None, None, None)]
    df = spark.createDataFrame(rows, "flag boolean, count int, ratio double")
    read = df.select(*(read_boolean(df, name, TOKENS) for name in df.columns)).collect()
    assert [tuple(row) for row in read] == [(1.0, 1.0, 0.0), (0.0, 0.0, None), (None, None, None), (None, None, None)]
    bad = df.select(*(is_unparsable(df, name, TOKENS, "boolean").alias(name) for name in df.columns)).collect()
    assert [tuple(row) for row in bad] == [
        (False, False, False),
        (False, False, True),
        (False, True, False),
        (False,) * 3,
    ]


def test_arrays_of_numbers(spark: SparkSession) -> None:
    rows = [([1, 2], [1.5, None]), ([1], [float("nan"), 1.0]), ([], []), (None, None)]
    df = spark.createDataFrame(rows, "`a.b` array<int>, c array<float>")
    read = df.select(read_embedding(df, "a.b"), read_embedding(df, "c"))
    assert dict(read.dtypes) == {"a.b": "array<double>", "c": "array<double>"}
    assert [row[0] for row in read.collect()] == [[1.0, 2.0], [1.0], [], None]
    bad = df.select(
        is_unparsable(df, "a.b", TOKENS, "embedding", size=2).alias("length"),
        is_unparsable(df, "a.b", TOKENS, "embedding").alias("any"),
        is_unparsable(df, "c", TOKENS, "embedding").alias("null"),
    ).collect()
    assert [row["length"] for row in bad] == [False, True, True, False]
    assert {row["any"] for row in bad} == {False}
    assert [row["null"] for row in bad] == [True, False, False, False]


def test_what_each_reader_takes(spark: SparkSession) -> None:
    df = spark.createDataFrame(
        [("a", 1, 1.0, True, date(2024, 1, 1), datetime(2024, 1, 1), [1.0], ["a"], b"a", None)],
        "text string, whole int, real double, flag boolean, day date, time timestamp, numbers array<float>, "
        "texts array<string>, bytes binary, nothing void",
    )
    takes = {
        kind: {field.name for field in df.schema if is_readable(field.dataType, kind)}
        for kind in ("numeric", "boolean", "categorical", "datetime", "embedding")
    }
    assert takes == {
        "numeric": {"text", "whole", "real", "flag", "nothing"},
        "boolean": {"text", "whole", "real", "flag", "nothing"},
        "categorical": {"text", "whole", "real", "flag", "day", "nothing"},
        "datetime": {"text", "day", "time", "nothing"},
        "embedding": {"numbers", "nothing"},
    }
    nothing = read_number, read_boolean, read_timestamp
    read = df.select(*(one(df, "nothing", ()) for one in nothing), read_embedding(df, "nothing")).first()
    assert read is not None and list(read) == [None] * 4
    assert df.where(is_unparsable(df, "nothing", (), "embedding", size=2)).count() == 0
