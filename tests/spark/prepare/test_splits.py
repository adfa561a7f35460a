"""The split of a key on Spark is the documented hash, met within sampling error."""

from __future__ import annotations

import hashlib
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from dbx_dl.config import SplitConfig
from dbx_dl.errors import DataError
from dbx_dl.prepare.outcomes import MAX_CLASSES
from dbx_dl.prepare.splits import assign_split, fit_split, split_bounds, split_rows_by

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

NUM_KEYS = 20_000


def split_of(key: str, config: SplitConfig) -> str:
    """The definition, as any language could have it."""
    position = int(hashlib.sha256(f"{config.seed}:{key}".encode()).hexdigest()[:13], 16) / 16**13
    return next(split for split, upper in split_bounds(config) if position < upper)


def assign(spark: SparkSession, keys: list[str], config: SplitConfig) -> dict[str, str]:
    from pyspark.sql import functions as F

    rows = spark.createDataFrame([(key,) for key in keys], "key string")
    return {
        row["key"]: row["split"]
        for row in rows.select("key", assign_split(F.col("key"), config).alias("split")).collect()
    }


def test_spark_computes_the_definition(spark: SparkSession) -> None:
    keys = ["", "a", "ä/1 %.png", "日本", *(f"row-{i}" for i in range(500))]
    for config in (SplitConfig(), SplitConfig(seed=7, train=0.5, validation=0.0, test=0.5)):
        assert assign(spark, keys, config) == {key: split_of(key, config) for key in keys}


def test_fractions_are_met_within_sampling_error() -> None:
    config = SplitConfig(train=0.6, validation=0.1, test=0.3, seed=3)
    splits = [split_of(f"{i // 100}/{i}.png", config) for i in range(NUM_KEYS)]
    for split, fraction in {"train": 0.6, "validation": 0.1, "test": 0.3}.items():
        deviation = (fraction * (1 - fraction) / NUM_KEYS) ** 0.5
        assert abs(splits.count(split) / NUM_KEYS - fraction) < 4 * deviation


def test_the_seed_decides() -> None:
    keys = [str(i) for i in range(1000)]
    moved = sum(split_of(key, SplitConfig(seed=0)) != split_of(key, SplitConfig(seed=1)) for key in keys)
    assert 300 < moved < 600


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> DataFrame:
    """3,000 rows: a rare label, groups of ten, a day for every hundred rows, and a split that somebody named."""
    values = [
        (
            f"k{i}",
            "rare" if i % 50 == 0 else "common",
            f"g{i // 10}" if i % 7 else None,
            f"2024-01-{1 + i // 100:02d} 00:00:00" if i % 11 else None,
            (" Train", "VAL", "test", None, "elsewhere")[i % 5],
        )
        for i in range(3000)
    ]
    return spark.createDataFrame(values, "key string, label string, `the group` string, day string, named string")


def collect(rows: DataFrame, config: SplitConfig) -> list[dict[str, str]]:
    from pyspark.sql import functions as F

    bounds = fit_split(rows, config, F.col("key"), F.col("label"))
    split = split_rows_by(config, bounds, F.col("key"), F.col("label"))
    return [row.asDict() for row in rows.withColumn("split", split).collect()]


def test_groups_are_on_one_side(rows: DataFrame) -> None:
    found = collect(rows, SplitConfig(group="the group"))
    sides = {row["the group"]: set() for row in found if row["the group"]}
    for row in found:
        if row["the group"]:
            sides[row["the group"]].add(row["split"])
        else:
            assert row["split"] == split_of(row["key"], SplitConfig())
    assert {len(side) for side in sides.values()} == {1}
    assert 0.6 < Counter(row["split"] for row in found)["train"] / len(found) < 0.8


def test_stratified_fractions_hold_within_each_label(rows: DataFrame) -> None:
    found = collect(rows, SplitConfig(train=0.5, validation=0.2, test=0.3, stratify=True))
    for label, num_rows in (("rare", 60), ("common", 2940)):
        counts = Counter(row["split"] for row in found if row["label"] == label)
        assert sum(counts.values()) == num_rows
        assert abs(counts["train"] - 0.5 * num_rows) <= 1 and abs(counts["validation"] - 0.2 * num_rows) <= 1


def test_by_time_the_oldest_rows_are_for_training(rows: DataFrame) -> None:
    found = [row for row in collect(rows, SplitConfig(time="day")) if row["day"]]
    order = ("train", "validation", "test")
    ends = {split: [row["day"] for row in found if row["split"] == split] for split in order}
    assert all(max(ends[one]) <= min(ends[other]) for one, other in pairwise(order))
    assert abs(len(ends["train"]) / len(found) - 0.7) < 0.04


def test_named_splits_are_taken_and_others_are_none(rows: DataFrame) -> None:
    for row in collect(rows, SplitConfig(column="named")):
        expected = {" Train": "train", "VAL": "validation", "test": "test", "elsewhere": None}
        assert row["split"] == expected.get(row["named"], split_of(row["key"], SplitConfig()))


def test_an_absent_column_is_said(rows: DataFrame) -> None:
    with pytest.raises(DataError, match=r"no column 'dya'; did you mean 'day'\?"):
        collect(rows, SplitConfig(time="dya"))


@pytest.mark.parametrize(
    "config",
    [SplitConfig(), SplitConfig(group="the group"), SplitConfig(time="day"), SplitConfig(stratify=True)],
    ids=str,
)
def test_rows_keep_their_split_when_others_are_added(rows: DataFrame, config: SplitConfig) -> None:
    from pyspark.sql import functions as F

    first = rows.where("xxhash64(key) % 2 = 0")
    bounds = fit_split(first, config, F.col("key"), F.col("label"))
    split = split_rows_by(config, bounds, F.col("key"), F.col("label"))
    before, after = (
        {row["key"]: row["split"] for row in some.select("key", split.alias("split")).collect()}
        for some in (first, rows)
    )
    assert 1000 < len(before) < len(after) == 3000
    assert before.items() <= after.items()


def test_stratifying_by_what_is_no_class_is_refused(spark: SparkSession) -> None:
    from pyspark.sql import functions as F

    rows = spark.range(MAX_CLASSES + 1).select(F.col("id").cast("string").alias("key"))
    with pytest.raises(DataError, match="cannot be stratified by"):
        fit_split(rows, SplitConfig(stratify=True), F.col("key"), F.col("key"))
