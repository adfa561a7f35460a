"""What executors must share with the driver, checked by one small Spark job before ranks are submitted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from dbx_dl.errors import ConfigError, SetupError
from dbx_dl.runtime.installations import (
    INSTALL_ALIKE,
    Installation,
    describe_difference,
    describe_installation,
    explain_spark_failure,
)

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

# Spark cuts a small range into one partition per core, so that every executor answers.
_ROWS = 8192
FEED_PACKAGES = ("numpy", "pyarrow", "deltalake")
FRAMEWORK_PACKAGES = {"keras": ("tensorflow", "keras"), "torch": ("torch",)}


def check_executors(spark: SparkSession, packages: Sequence[str], directory: Path) -> None:
    """SetupError where an executor's Python or packages differ, ConfigError where it does not share `directory`."""
    for found in inspect_executors(spark, packages, directory):
        if found.problem:
            raise ConfigError(
                f"{directory} {found.problem} on {found.host}: keep the run's directory on storage that the driver and "
                "every executor share"
            )


def inspect_executors(spark: SparkSession, packages: Sequence[str], directory: Path) -> list[Installation]:
    """The installation of every executor, each once; SetupError names the first that differs from the driver's."""
    here = describe_installation(packages)
    with _mark(directory) as mark:
        probe = _make_probe(tuple(packages), str(mark))
        try:
            rows = spark.range(_ROWS).mapInArrow(probe, "installation string").collect()
        except Exception as error:
            raise explain_spark_failure(error) from None
    found = [Installation(**json.loads(text)) for text in sorted({row[0] for row in rows})]
    for executor in found:
        difference = describe_difference(here, executor)
        if difference:
            raise SetupError(difference, INSTALL_ALIKE)
    return found


def _make_probe(packages: tuple[str, ...], mark: str) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def probe(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow

        for _ in batches:
            pass
        found = describe_installation(packages, describe_directory(Path(mark)))
        yield pyarrow.RecordBatch.from_pydict({"installation": [json.dumps(asdict(found), sort_keys=True)]})

    return probe


def describe_directory(mark: Path) -> str:
    """What is wrong with the directory in which the driver left `mark`, as seen from here; empty when all is well."""
    if not mark.exists():
        return "does not exist" if not mark.parent.is_dir() else "is another directory"
    own = mark.with_name(f"{mark.name}-{uuid4().hex}")
    try:
        own.write_bytes(b"")
        own.unlink()
    except OSError as error:
        return f"cannot be written ({error.strerror})"
    return ""


@contextmanager
def _mark(directory: Path) -> Iterator[Path]:
    """A file in the directory while the executors look for it."""
    is_new = not directory.exists()
    mark = directory / f".preflight-{uuid4().hex}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        mark.write_bytes(b"")
    except OSError as error:
        raise ConfigError(f"the run's directory {directory} cannot be written: {error.strerror}") from None
    try:
        yield mark
    finally:
        mark.unlink(missing_ok=True)
        if is_new:
            with suppress(OSError):
                directory.rmdir()
