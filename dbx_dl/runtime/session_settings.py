"""Spark session settings for the length of a block, and those that fit a folder of files."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Opening a file counts as 64 KB instead of 4 MB: 32 small images would already make a task of their own.
_OPEN_COST = {"spark.sql.files.openCostInBytes": str(64 * 1024)}
_BYTES_PER_BATCH = {"spark.sql.execution.arrow.maxBytesPerBatch": str(64 * 1024 * 1024)}
# Of files of 1 MB as many bytes; files may have 30 MB on average until a batch meets Arrow's limit of 2 GB.
_ROWS_PER_BATCH = {"spark.sql.execution.arrow.maxRecordsPerBatch": "64"}


@dataclass
class _Held:
    """A setting that blocks are under, and what it was before them."""

    value: str
    before: str | None
    thread: int
    num_blocks: int = 1


_RELEASED = threading.Condition()
_HELD: WeakKeyDictionary[SparkSession, dict[str, _Held]] = WeakKeyDictionary()


@contextmanager
def session_settings(spark: SparkSession, settings: Mapping[str, str]) -> Iterator[None]:
    """Spark session settings inside the block; the session's own come back after it.

    A session has one value of a setting for all threads: blocks that want the same value share it, one that wants
    another value waits until the other threads are out of theirs. Blocks inside each other must not disagree.
    """
    with _RELEASED:
        held = _HELD.setdefault(spark, {})
        _require_no_deadlock(held, settings)
        _RELEASED.wait_for(lambda: not _differing(held, settings))
        for name, value in settings.items():
            if name in held:
                held[name].num_blocks += 1
                continue
            held[name] = _Held(value, spark.conf.get(name, None), threading.get_ident())
            spark.conf.set(name, value)
    try:
        yield
    finally:
        with _RELEASED:
            for name in settings:
                _release(spark, held, name)
            _RELEASED.notify_all()


def _differing(held: Mapping[str, _Held], settings: Mapping[str, str]) -> list[str]:
    return [name for name, value in settings.items() if name in held and held[name].value != value]


def _require_no_deadlock(held: Mapping[str, _Held], settings: Mapping[str, str]) -> None:
    for name in _differing(held, settings):
        if held[name].thread == threading.get_ident():
            raise RuntimeError(f"{name} is {held[name].value} already where {settings[name]} is wanted")


def _release(spark: SparkSession, held: dict[str, _Held], name: str) -> None:
    held[name].num_blocks -= 1
    if held[name].num_blocks:
        return
    before = held.pop(name).before
    if before is None:
        spark.conf.unset(name)
    else:
        spark.conf.set(name, before)


def file_settings(spark_version: str, *, has_contents: bool) -> dict[str, str]:
    """Settings that suit a folder of files, whose contents, where rows have them, fill Arrow batches of bounded size.

    By bytes from Spark 4.1 on; Spark 4.0 counts rows only, up to 10,000 by default.
    """
    major, minor = (int(part) for part in spark_version.split(".")[:2])
    if (major, minor) >= (4, 1):
        return {**_OPEN_COST, **_BYTES_PER_BATCH}
    return {**_OPEN_COST, **(_ROWS_PER_BATCH if has_contents else {})}
