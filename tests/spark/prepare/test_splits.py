"""The split of a key on Spark is the documented hash, met within sampling error."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from dbx_dl.config import SplitConfig
from dbx_dl.prepare.splits import assign_split, split_bounds

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

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
