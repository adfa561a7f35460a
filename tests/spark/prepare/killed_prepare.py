"""Runs in a process of its own: a prepare that ends as on a machine that dies, by SIGKILL for it and for its JVM.

`python -m tests.spark.prepare.killed_prepare FOLDER MOMENT`
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dbx_dl.config import PrepareImagesConfig, SparkConfig
from dbx_dl.prepare import commits
from dbx_dl.prepare.images.prepare import prepare_images
from dbx_dl.prepare.images.tables import ImageTable
from dbx_dl.runtime.spark import open_session


def configure(place: Path, **changes: Any) -> PrepareImagesConfig:
    values = {"source": str(place / "in"), "table": str(place / "out"), "height": 8, "width": 8, "channels": 1}
    return PrepareImagesConfig.model_validate({**values, **changes})


def list_data_files(place: Path) -> set[Path]:
    """Data files of the main table, committed or not."""
    return set((place / "out").glob("split=*/*.parquet"))


def end(*_: Any, **__: Any) -> None:
    """The end of this process and of all that it started."""
    os.killpg(os.getpgrp(), signal.SIGKILL)


def end_before(owner: Any, step: str) -> None:
    setattr(owner, step, end)


def end_after(owner: Any, step: str) -> None:
    run: Callable[..., Any] = getattr(owner, step)

    def run_and_end(*args: Any, **options: Any) -> None:
        run(*args, **options)
        end()

    setattr(owner, step, run_and_end)


def end_within(owner: Any, step: str, place: Path) -> None:
    """As soon as a new data file is there, which is before the commit that would name it."""
    run: Callable[..., Any] = getattr(owner, step)

    def wait_for_file(before: set[Path]) -> None:
        while not list_data_files(place) - before:
            pass
        end()

    def run_watched(*args: Any, **options: Any) -> None:
        threading.Thread(target=wait_for_file, args=(list_data_files(place),), daemon=True).start()
        run(*args, **options)

    setattr(owner, step, run_watched)


MOMENTS: dict[str, Callable[[Path], None]] = {
    "before the rejects": lambda place: end_before(commits, "_write_rejects"),
    "after the rejects": lambda place: end_before(commits, "_append_meta"),
    "after the description": lambda place: end_before(ImageTable, "merge"),
    "amid the data files": lambda place: end_within(ImageTable, "merge", place),
    "after the commit": lambda place: end_after(ImageTable, "merge"),
    "amid the first data files": lambda place: end_within(ImageTable, "replace", place),
    "after the first commit": lambda place: end_after(ImageTable, "replace"),
}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    MOMENTS[sys.argv[2]](folder)
    prepare_images(open_session(SparkConfig(driver_memory="1g"), "killed"), configure(folder))
