"""Of prepares at once on one table none spoils another: each succeeds, or says that it lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dbx_dl.config import PrepareImagesConfig, PrepareTableConfig
from dbx_dl.contracts import PreparedTable
from dbx_dl.errors import DataError
from dbx_dl.prepare.commits import load_prepared
from dbx_dl.prepare.images.prepare import prepare_images
from dbx_dl.prepare.tabular.prepare import prepare_table
from dbx_dl.runtime.tables import read_pinned
from tests.image_bytes import encode_pixels, gradient
from tests.spark.prepare.sources import write_files

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def configure(place: Path, folder: str) -> PrepareImagesConfig:
    values = {"source": str(place / folder), "table": str(place / "out"), "height": 8, "width": 8, "channels": 1}
    return PrepareImagesConfig.model_validate(values)


def configure_table(place: Path, name: str, table: str) -> PrepareTableConfig:
    values = {"source": str(place / f"{name}.csv"), "table": table, "key": "id", "label": "label"}
    return PrepareTableConfig.model_validate(values)


def write_images(folder: Path, first: int, last: int) -> None:
    write_files(folder, {f"{'ab'[i % 2]}/{i:02d}.png": encode_pixels(gradient(8, 8) + i) for i in range(first, last)})


def write_rows(place: Path, name: str, first: int, last: int) -> None:
    lines = [f"k{i},{i * 0.5},{'yn'[i % 2]}" for i in range(first, last)]
    (place / f"{name}.csv").write_text("\n".join(["id,size,label", *lines]) + "\n")


def run_at_once(*works: Callable[[], PreparedTable]) -> list[PreparedTable]:
    """What those gave that won; the others must have said that they lost."""
    start = threading.Barrier(len(works))
    won: list[PreparedTable] = []
    lost: list[Exception] = []

    def run(work: Callable[[], PreparedTable]) -> None:
        start.wait()
        try:
            won.append(work())
        except Exception as error:
            lost.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won, lost
    for error in lost:
        assert isinstance(error, DataError) and "run prepare again" in str(error), error
    assert len(won) + len(lost) == len(works)
    return won


def require_one_state(spark: SparkSession, table: str, won: list[PreparedTable]) -> PreparedTable:
    """The table is as the last of the winners told; rows, rejects and description belong together."""
    present = load_prepared(spark, table)
    assert present == max(won, key=lambda prepared: prepared.table.version)
    assert read_pinned(spark, present.table).count() == present.num_rows
    assert present.rejects is not None
    assert read_pinned(spark, present.rejects).where(f"prepare_id = '{present.prepare_id}'").count() == (
        present.num_rejects
    )
    return present


def test_image_tables(spark: SparkSession, tmp_path: Path) -> None:
    write_images(tmp_path / "left", 0, 20)
    write_images(tmp_path / "right", 20, 30)
    write_files(tmp_path / "right", {"a/broken.png": b""})
    # One session for two threads, whose settings must not mix, makes the table.
    won = run_at_once(*(lambda it=it: prepare_images(spark, configure(tmp_path, it)) for it in ("left", "right")))
    first = require_one_state(spark, str(tmp_path / "out"), won)
    assert (first.num_rows, first.num_rejects) in ((20, 0), (10, 1), (30, 0), (30, 1))
    # Two sessions merge into it.
    write_images(tmp_path / "left", 30, 34)
    write_images(tmp_path / "right", 40, 46)
    merged = run_at_once(
        *(lambda it=it: prepare_images(spark.newSession(), configure(tmp_path, it)) for it in ("left", "right"))
    )
    second = require_one_state(spark, str(tmp_path / "out"), merged)
    assert second.num_rows > first.num_rows


# Images and rows are committed by the same code.
@pytest.mark.matrix
def test_tables(spark: SparkSession, tmp_path: Path) -> None:
    spark.sql("CREATE DATABASE IF NOT EXISTS prepares_at_once")
    name = "prepares_at_once.cases"
    write_rows(tmp_path, "left", 0, 40)
    write_rows(tmp_path, "right", 0, 60)

    def prepare_both() -> list[PreparedTable]:
        configs = [configure_table(tmp_path, source, name) for source in ("left", "right")]
        return run_at_once(*(lambda it=it: prepare_table(spark.newSession(), it) for it in configs))

    try:
        first = require_one_state(spark, name, prepare_both())
        write_rows(tmp_path, "left", 5, 50)
        write_rows(tmp_path, "right", 0, 70)
        second = require_one_state(spark, name, prepare_both())
        assert second.table.version > first.table.version
        assert second.num_rows in (45, 70)
    finally:
        spark.sql("DROP DATABASE prepares_at_once CASCADE")
