"""What a small change costs depends on the change: Delta reads and rewrites the files that it touches, no others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import deltalake
import numpy as np
import pyarrow as pa
import pytest

from dbx_dl.config import PrepareImagesConfig
from dbx_dl.contracts import PreparedTable
from dbx_dl.prepare.commits import load_prepared
from dbx_dl.prepare.images.prepare import prepare_images
from tests.image_bytes import encode_pixels
from tests.spark.prepare.sources import write_files

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NUM_FILES, SIDE, NUM_CHANGED = 30, 240, 2
# As few as the config allows: a file holds about six of these images.
FILE_BYTES = 2**20


def noise(number: int) -> bytes:
    """A PNG of 170 kB, since noise cannot be compressed."""
    return encode_pixels(np.random.default_rng(number).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8))


def configure(place: Path, **changes: Any) -> PrepareImagesConfig:
    values = {"source": str(place / "in"), "table": str(place / "out"), "height": 8, "width": 8}
    return PrepareImagesConfig.model_validate(values | changes)


def measure_change(spark: SparkSession, place: Path, num_files: int) -> tuple[int, dict[str, int]]:
    """Bytes of the table, and what Delta tells of the merge of NUM_CHANGED changed images."""
    write_files(place / "in", {f"{'ab'[i % 2]}/{i:04d}.png": noise(i) for i in range(num_files)})
    config = configure(place, target_file_bytes=FILE_BYTES)
    prepare_images(spark, config)
    write_files(place / "in", {f"a/{2 * i:04d}.png": noise(1000 + i) for i in range(NUM_CHANGED)})
    prepared = prepare_images(spark, config)
    assert prepared.num_rows == num_files
    return sum(list_file_bytes(prepared)), read_metrics(spark, prepared)


def list_file_bytes(prepared: PreparedTable) -> list[int]:
    table = deltalake.DeltaTable(prepared.table.path, version=prepared.table.version)
    return list(pa.table(table.get_add_actions(flatten=True)).column("size_bytes").to_pylist())


def read_metrics(spark: SparkSession, prepared: PreparedTable) -> dict[str, int]:
    found: Any = spark.sql(f"DESCRIBE HISTORY delta.`{prepared.table.path}` LIMIT 1").collect()[0]
    assert found["operation"] == "MERGE"
    return {name: int(value) for name, value in found["operationMetrics"].items() if value.isdigit()}


@pytest.mark.matrix
def test_a_change_costs_the_same_in_a_larger_table(spark: SparkSession, tmp_path: Path) -> None:
    size, metrics = measure_change(spark, tmp_path / "small", NUM_FILES)
    larger, more = measure_change(spark, tmp_path / "large", 4 * NUM_FILES)
    assert larger > 3.5 * size
    for found in (metrics, more):
        assert found["numTargetRowsUpdated"] == NUM_CHANGED
        # Their splits differ at most; each lies in one file.
        assert 1 <= found["numTargetFilesRemoved"] <= NUM_CHANGED
        assert found["numTargetBytesRemoved"] <= 1.5 * NUM_CHANGED * FILE_BYTES
        assert found["numTargetBytesAdded"] <= 1.5 * NUM_CHANGED * FILE_BYTES
    assert more["numTargetBytesAdded"] < 0.2 * larger

    # The same table, when larger files are wanted, has too many.
    write_files(tmp_path / "large" / "in", {"b/0001.png": noise(2000)})
    compacted = prepare_images(spark, configure(tmp_path / "large"))
    assert len(list_file_bytes(compacted)) <= 6
    assert load_prepared(spark, str(tmp_path / "large" / "out")) == compacted
    keys = deltalake.DeltaTable(compacted.table.path).to_pyarrow_table().column("key").to_pylist()
    assert len(keys) == len(set(keys)) == compacted.num_rows == 4 * NUM_FILES
