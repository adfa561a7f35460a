"""A prepare that is killed, with its JVM, leaves exactly the old state or the new one, and can be run again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import deltalake
import pytest

from dbx_dl.contracts import PreparedTable
from dbx_dl.errors import DataError
from dbx_dl.prepare.commits import load_prepared
from dbx_dl.prepare.images.prepare import prepare_images
from dbx_dl.runtime.tables import read_pinned
from tests.image_bytes import encode_pixels, gradient
from tests.killing import run_module, run_to_death
from tests.spark.prepare.killed_prepare import configure, list_data_files
from tests.spark.prepare.sources import write_files

if TYPE_CHECKING:
    import subprocess

    from pyspark.sql import SparkSession

FIRST = {f"{'ab'[i % 2]}/{i:02d}.png": encode_pixels(gradient(8, 8) + i) for i in range(20)}
CHANGES = {f"{'ab'[i % 2]}/{i:02d}.png": encode_pixels(gradient(8, 8) + 2 * i) for i in range(18, 24)}
NUM_FIRST, NUM_LATER = 20, 24


def run_prepare(place: Path, moment: str, *table: str) -> subprocess.CompletedProcess[str]:
    return run_module("tests.spark.prepare.killed_prepare", str(place), moment, *table)


def prepare_and_kill(place: Path, moment: str, *table: str) -> None:
    run_to_death("tests.spark.prepare.killed_prepare", str(place), moment, *table)


def require_state(spark: SparkSession, place: Path, num_rows: int, num_rejects: int) -> PreparedTable:
    """A reader finds one whole state: rows, labels, contents, rejects and description belong together."""
    found = load_prepared(spark, str(place / "out"))
    assert (found.num_rows, found.num_rejects) == (num_rows, num_rejects)
    expected = FIRST if num_rows == NUM_FIRST else FIRST | CHANGES
    table = deltalake.DeltaTable(found.table.path, version=found.table.version).to_pyarrow_table()
    assert {row["key"]: row["content"] for row in table.to_pylist()} == expected
    assert found.rejects is not None and read_pinned(spark, found.rejects).count() == num_rejects
    return found


def write_changes(place: Path) -> None:
    write_files(place / "in", CHANGES | {"a/broken.png": b""})


@pytest.mark.matrix
def test_a_merge_is_killed(spark: SparkSession, tmp_path: Path) -> None:
    write_files(tmp_path / "in", FIRST)
    first = prepare_images(spark, configure(tmp_path))
    write_changes(tmp_path)
    before = list_data_files(tmp_path)
    prepare_and_kill(tmp_path, "amid the data files")
    assert list_data_files(tmp_path) - before
    assert require_state(spark, tmp_path, NUM_FIRST, 0) == first
    prepare_and_kill(tmp_path, "after the commit")
    done = require_state(spark, tmp_path, NUM_LATER, 1)
    assert done.table.version == first.table.version + 1
    assert prepare_images(spark, configure(tmp_path)) == done


@pytest.mark.matrix
@pytest.mark.parametrize("moment", ["before the rejects", "after the rejects", "after the description"])
def test_a_later_prepare_is_killed(spark: SparkSession, tmp_path: Path, moment: str) -> None:
    write_files(tmp_path / "in", FIRST)
    first = prepare_images(spark, configure(tmp_path))
    write_changes(tmp_path)
    prepare_and_kill(tmp_path, moment)
    assert require_state(spark, tmp_path, NUM_FIRST, 0) == first
    done = prepare_images(spark, configure(tmp_path))
    assert require_state(spark, tmp_path, NUM_LATER, 1) == done


@pytest.mark.matrix
@pytest.mark.parametrize("moment", ["before the rejects", "after the rejects", "amid the first data files"])
def test_a_first_prepare_is_killed(spark: SparkSession, tmp_path: Path, moment: str) -> None:
    write_files(tmp_path / "in", FIRST)
    prepare_and_kill(tmp_path, moment)
    with pytest.raises(DataError, match=r"does not exist|is not a Delta table"):
        load_prepared(spark, str(tmp_path / "out"))
    prepare_images(spark, configure(tmp_path))
    require_state(spark, tmp_path, NUM_FIRST, 0)


@pytest.mark.matrix
def test_a_first_prepare_is_killed_after_its_commit(spark: SparkSession, tmp_path: Path) -> None:
    write_files(tmp_path / "in", FIRST)
    prepare_and_kill(tmp_path, "after the first commit")
    done = require_state(spark, tmp_path, NUM_FIRST, 0)
    assert prepare_images(spark, configure(tmp_path)) == done


@pytest.mark.matrix
@pytest.mark.parametrize(
    "moment",
    [
        "after the rejects",
        "amid the description",
        "amid the first data files",
        "amid the first commit",
        "after the first commit",
    ],
)
def test_a_first_prepare_of_a_managed_table_is_killed(tmp_path: Path, moment: str) -> None:
    write_files(tmp_path / "in", FIRST)
    prepare_and_kill(tmp_path, moment, "default.out")
    assert not (tmp_path / "out").exists()
    ended = run_prepare(tmp_path, "never", "default.out")
    assert ended.returncode == 0, ended.stderr[-2000:]
    found = json.loads(ended.stdout.splitlines()[-1])
    assert found == {"contents": {key: len(content) for key, content in FIRST.items()}, "num_rejects": 0}
