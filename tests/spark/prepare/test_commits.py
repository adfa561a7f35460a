"""One commit decides: a prepare that dies leaves the earlier state, and of two at once none spoils the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dbx_dl.config import PrepareImagesConfig
from dbx_dl.errors import DataError
from dbx_dl.prepare import commits
from dbx_dl.prepare.commits import load_prepared
from dbx_dl.prepare.images.prepare import prepare_images
from dbx_dl.prepare.images.tables import ImageTable
from dbx_dl.runtime.tables import read_pinned
from tests.image_bytes import encode_pixels, gradient
from tests.spark.prepare.sources import write_files

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class Killed(BaseException):
    """What stands for the end of the process."""


def configure(place: Path, folder: str = "in", **changes: Any) -> PrepareImagesConfig:
    values = {"source": str(place / folder), "table": str(place / "out"), "height": 8, "width": 8, "channels": 1}
    return PrepareImagesConfig.model_validate({**values, **changes})


def write_images(folder: Path, first: int, last: int) -> None:
    write_files(folder, {f"{'ab'[i % 2]}/{i:02d}.png": encode_pixels(gradient(8, 8) + i) for i in range(first, last)})


def _die(*_: Any, **__: Any) -> None:
    raise Killed


def die_at(monkeypatch: pytest.MonkeyPatch, spark: SparkSession, place: Path, owner: Any, step: str) -> None:
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(owner, step, _die)
        prepare_images(spark, configure(place))


def test_a_killed_prepare_leaves_the_state_before(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_images(tmp_path / "in", 0, 20)
    die_at(monkeypatch, spark, tmp_path, ImageTable, "replace")
    with pytest.raises(DataError, match="does not exist"):
        load_prepared(spark, str(tmp_path / "out"))
    earlier = prepare_images(spark, configure(tmp_path))
    write_images(tmp_path / "in", 20, 24)
    write_files(tmp_path / "in", {"a/broken.png": b""})
    for owner, step in ((commits, "append_rows"), (ImageTable, "merge")):
        die_at(monkeypatch, spark, tmp_path, owner, step)
        assert load_prepared(spark, str(tmp_path / "out")) == earlier
        assert earlier.rejects is not None
        assert read_pinned(spark, earlier.rejects).count() == 0
    done = prepare_images(spark, configure(tmp_path))
    assert (done.num_rows, done.num_rejects) == (24, 1)
    assert load_prepared(spark, str(tmp_path / "out")) == done


def test_two_at_once(spark: SparkSession, tmp_path: Path) -> None:
    write_images(tmp_path / "in", 0, 20)
    prepare_images(spark, configure(tmp_path))
    write_images(tmp_path / "left", 20, 30)
    write_images(tmp_path / "right", 30, 40)
    outcomes: dict[str, Any] = {}

    def prepare(folder: str) -> Callable[[], None]:
        def work() -> None:
            try:
                outcomes[folder] = prepare_images(spark.newSession(), configure(tmp_path, folder))
            except DataError as error:
                outcomes[folder] = error

        return work

    threads = [threading.Thread(target=prepare(folder)) for folder in ("left", "right")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lost = [outcome for outcome in outcomes.values() if isinstance(outcome, DataError)]
    assert len(outcomes) == 2 and len(lost) < 2
    assert all("run prepare again" in str(error) for error in lost)
    present = load_prepared(spark, str(tmp_path / "out"))
    assert read_pinned(spark, present.table).count() == present.num_rows == 20 + 10 * (2 - len(lost))
