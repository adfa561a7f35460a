"""Raw values on Spark: null tokens, numbers in text and what is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.transforms.raw_columns import is_unparsable, read_number, read_text

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TOKENS = ("?", "NA")
# text -> (number, unparsable)
TEXTS: dict[str | None, tuple[float | None, bool]] = {
    "1.5": (1.5, False),
    " -2e3 ": (-2000.0, False),
    "+.5": (0.5, False),
    "007": (7.0, False),
    "1700000001": (1700000001.0, False),
    "nan": (None, False),
    "Infinity": (None, False),
    "-inf": (None, False),
    "1e999": (None, False),
    "": (None, False),
    "?": (None, False),
    "NA": (None, False),
    None: (None, False),
    "1d": (None, True),
    "0x1p3": (None, True),
    "1,5": (None, True),
    "1_000": (None, True),
    "much": (None, True),
    " ": (None, True),
    ".": (None, True),
    "²": (None, True),
}


def test_text(spark: SparkSession) -> None:
    df = spark.createDataFrame([(text,) for text in TEXTS], "`a.b` string")
    found = df.select(
        read_number(df, "a.b", TOKENS).alias("number"),
        is_unparsable(df, "a.b", TOKENS).alias("bad"),
        read_text("a.b", TOKENS).alias("text"),
    ).collect()
    assert [(row["number"], row["bad"]) for row in found] == list(TEXTS.values())
    assert [row["text"] for row in found] == [None if text in ("", "?", "NA") else text for text in TEXTS]


def test_other_types(spark: SparkSession) -> None:
    rows = [(True, 3, 0.5, None), (False, None, float("nan"), None), (None, -1, float("inf"), None)]
    df = spark.createDataFrame(rows, "flag boolean, count long, ratio double, nothing decimal(4, 1)")
    numbers = df.select(*(read_number(df, name, TOKENS).alias(name) for name in df.columns)).collect()
    assert [tuple(row) for row in numbers] == [(1.0, 3.0, 0.5, None), (0.0, None, None, None), (None, -1.0, None, None)]
    assert [row[0] for row in df.select(read_text("flag", TOKENS)).collect()] == ["true", "false", None]
    assert df.where(is_unparsable(df, "count", TOKENS)).count() == 0
