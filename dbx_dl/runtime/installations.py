"""Executors are asked by one small Spark job what they are; what differs from the driver, in a line."""

from __future__ import annotations

import json
import platform
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import dbx_dl
from dbx_dl.errors import SetupError
from dbx_dl.runtime.slots import PROBE_ROWS

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

_OTHER_NAMES = {"tensorflow": ("tensorflow-cpu",), "onnxruntime": ("onnxruntime-gpu",)}
_INSTALL_ALIKE = "install the same wheels on the driver and on every executor"


@dataclass(frozen=True)
class Installation:
    """A machine's Python and packages; `problem` is what else is wrong there."""

    host: str
    python: str
    versions: dict[str, str | None]
    problem: str = ""


def describe_installation(packages: Sequence[str], problem: str = "") -> Installation:
    """This machine's; nothing is imported to find a version."""
    versions = {name: _read_version(name) for name in packages}
    host = socket.gethostname()
    return Installation(host, platform.python_version(), {**versions, "dbx_dl": dbx_dl.__version__}, problem)


def ask_executors(spark: SparkSession, describe: Callable[[], Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What `describe` gives, as JSON, on every executor, each answer once; SetupError where they cannot be asked."""

    def probe(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow

        for _ in batches:
            pass
        yield pyarrow.RecordBatch.from_pydict({"answer": [json.dumps(describe(), sort_keys=True)]})

    try:
        # Spark cuts a small range into one partition per core, so that every executor answers.
        rows = spark.range(PROBE_ROWS).mapInArrow(probe, "answer string").collect()
    except Exception as error:
        raise explain_spark_failure(error) from None
    return [json.loads(text) for text in sorted({row[0] for row in rows})]


def require_alike(here: Installation, executor: Installation) -> None:
    """SetupError where an executor has otherwise than the driver what matters."""
    difference = describe_difference(here, executor)
    if difference:
        raise SetupError(difference, _INSTALL_ALIKE)


def describe_difference(here: Installation, executor: Installation) -> str:
    """What an executor has otherwise than the driver, in a line; empty where nothing matters.

    Python's patch level and a build's suffix (2.9.0+cpu) do not.
    """
    names: dict[str, tuple[str | None, str | None]] = {"Python": (_minor(here.python), _minor(executor.python))}
    names |= {name: (here.versions[name], executor.versions.get(name)) for name in here.versions}
    differing = {name: pair for name, pair in names.items() if _public(pair[0]) != _public(pair[1])}
    if not differing:
        return ""
    there = ", ".join(f"{name} {theirs or 'not installed'}" for name, (_, theirs) in differing.items())
    ours = ", ".join(f"{name} {mine or 'not installed'}" for name, (mine, _) in differing.items())
    return f"executor {executor.host} has {there}; the driver has {ours}"


def explain_spark_failure(error: Exception) -> SetupError:
    """Why a small Python task failed on the executors: dbx_dl is absent, another Python, or Spark's own reason."""
    text = str(error)
    first = next((line for line in text.splitlines() if line.strip()), type(error).__name__)
    return recognize_fault(text) or SetupError(
        f"Spark cannot run a small Python task on its executors ({first.strip()})"
    )


def recognize_fault(text: str) -> SetupError | None:
    """What keeps every Python task of ours from running on the executors, where Spark's error `text` tells of it."""
    if "No module named 'dbx_dl'" in text:
        return SetupError("dbx_dl is not installed on the executors", f"install dbx_dl {dbx_dl.__version__} there too")
    if "PYTHON_VERSION_MISMATCH" in text:
        mine = platform.python_version()
        return SetupError(f"the executors run another Python than the driver's {mine}", "set PYSPARK_PYTHON for both")
    return None


def _read_version(name: str) -> str | None:
    for candidate in (name, *_OTHER_NAMES.get(name, ())):
        with suppress(PackageNotFoundError):
            return version(candidate)
    return None


def _minor(python: str) -> str:
    return ".".join(python.split(".")[:2])


def _public(found: str | None) -> str | None:
    return found and found.partition("+")[0]
