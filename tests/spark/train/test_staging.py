"""Tables as Spark writes them: the feed reads what it knows, deleted rows left out; Spark stages the rest once."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dbx_dl.config import FeedConfig, TrainConfig
from dbx_dl.contracts import FeatureSpec, NumericFeature, PreparedTable, TableVersion
from dbx_dl.errors import DataError, VersionGoneError
from dbx_dl.feed.delta_log import IndirectTableError
from dbx_dl.feed.reader import open_feed
from dbx_dl.feed.rows import read_keys
from dbx_dl.runtime.tables import pin_table
from dbx_dl.train.staging import make_readable
from tests.prepared_tables import describe

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SPEC = FeatureSpec(features=(NumericFeature(column="x", fill=0, center=0, scale=1),))
CONFIG = TrainConfig(network="mlp", feed=FeedConfig(sample_weight_column="w"))


def write(spark: SparkSession, path: Path, **properties: str) -> TableVersion:
    """100 rows `k000`…, of which 70 are for training, x and weight their number."""
    from pyspark.sql import functions as F

    number = F.col("id").cast("double")
    rows = spark.range(100).select(
        F.format_string("k%03d", "id").alias("key"),
        number.alias("x"),
        number.alias("w"),
        (F.col("id") % 2).cast("int").alias("label_index"),
        F.when(F.col("id") < 70, "train").otherwise("test").alias("split"),
        F.lit("unused").alias("note"),
        F.lit("2024-02-29").cast("timestamp_ntz").alias("noted_at"),
    )
    options = {f"delta.{name}": value for name, value in properties.items()}
    rows.coalesce(1).write.format("delta").options(**options).save(str(path))
    return pin_table(spark, str(path))


def prepared_of(table: TableVersion) -> PreparedTable:
    described = describe(Path(table.path), table.version, {"train": 70, "test": 30}, SPEC, ("even", "odd"))
    return described.model_copy(update={"table": table})


def test_deleted_rows_are_left_out_without_spark(spark: SparkSession, tmp_path: Path) -> None:
    path = tmp_path / "with ü"
    write(spark, path, enableDeletionVectors="true", checkpointPolicy="v2", checkpointInterval="2")
    for keys in ("'k003'", "'k050', 'k069', 'k099'"):
        spark.sql(f"DELETE FROM delta.`{path}` WHERE key IN ({keys})")
    assert list((path / "_delta_log").glob("*2.checkpoint.*"))
    prepared = prepared_of(pin_table(spark, str(path)))
    assert make_readable(spark, prepared, CONFIG, tmp_path / "run") == prepared
    expected = [f"k{row:03d}" for row in range(69) if row not in (3, 50)]
    assert read_keys(prepared, "train") == expected
    batches = list(open_feed(prepared, "train", batch_size=16, num_ranks=1).batches(1))
    read = {key: float(x) for batch in batches for key, (x,) in zip(batch.keys, batch.inputs, strict=True) if key}
    assert read == {key: float(key[1:]) for key in expected}
    for vectors in path.rglob("deletion_vector*.bin"):
        vectors.unlink()
    with pytest.raises(VersionGoneError, match="its deleted rows cannot be read"):
        read_keys(prepared, "train")
    before = prepared_of(prepared.table.model_copy(update={"version": 0}))
    assert len(read_keys(before, "train")) == 70


def test_what_only_spark_reads_right_is_staged_once(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = prepared_of(write(spark, tmp_path / "mapped", **{"columnMapping.mode": "name"}))
    with pytest.raises(IndirectTableError, match=r"columnMapping\.mode = name"):
        read_keys(first, "train")
    with caplog.at_level(logging.INFO, "dbx_dl"):
        staged = make_readable(spark, first, CONFIG, tmp_path / "run")
        assert make_readable(spark, first, CONFIG, tmp_path / "run") == staged
    assert [record.message.partition(": ")[2][:12] for record in caplog.records] == ["Spark copies", "its copy in "]
    assert staged.table == first.table
    assert read_keys(staged, "train") == [f"k{row:03d}" for row in range(70)]
    copy = spark.sql(f"SELECT * FROM delta.`{staged.feed_table.path}`")
    assert sorted(copy.columns) == ["key", "label_index", "split", "w", "x"]
    spark.sql(f"DELETE FROM delta.`{first.table.path}` WHERE key = 'k000'")
    later = make_readable(spark, prepared_of(pin_table(spark, first.table.path)), CONFIG, tmp_path / "run")
    assert len(read_keys(later, "train")) == 69
    assert len(list((tmp_path / "run" / "staged").iterdir())) == 1
    with pytest.raises(DataError, match="no column 'weight'"):
        make_readable(
            spark, first, TrainConfig(network="mlp", feed=FeedConfig(sample_weight_column="weight")), tmp_path / "run"
        )
