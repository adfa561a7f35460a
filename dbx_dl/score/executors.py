"""What executors must have for scoring, asked once per Spark session before the first job."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from dbx_dl.errors import SetupError
from dbx_dl.runtime.installations import (
    INSTALL_ALIKE,
    Installation,
    describe_difference,
    describe_installation,
    explain_spark_failure,
)
from dbx_dl.runtime.slots import cores_of_local_master
from dbx_dl.score.model.providers import SessionSettings, require_provider

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

PACKAGES = ("onnxruntime",)
# Spark cuts a small range into one partition per core, so that every executor answers.
_ROWS = 8192

_CHECKED: WeakKeyDictionary[SparkSession, set[str]] = WeakKeyDictionary()


def check_scoring(spark: SparkSession, settings: SessionSettings) -> None:
    """SetupError where an executor lacks dbx_dl, has it in another version, or lacks the first provider.

    A local master's workers are the driver's own machine and Python: there no job is run. Elsewhere one small job
    asks, once per session and provider.
    """
    provider = settings.providers[0]
    if provider in _CHECKED.setdefault(spark, set()):
        return
    if cores_of_local_master(str(spark.conf.get("spark.master", "") or "")) is not None:
        if settings.needs_gpu:
            require_provider(settings, list_present(), "this machine's ONNX Runtime has")
    else:
        compare_executors(_ask(spark), settings)
    _CHECKED[spark].add(provider)


def compare_executors(found: list[tuple[Installation, list[str]]], settings: SessionSettings) -> None:
    """SetupError for the first executor that differs from the driver, or lacks the first provider."""
    here = describe_installation(PACKAGES)
    for executor, present in found:
        difference = describe_difference(here, executor)
        if difference:
            raise SetupError(difference, INSTALL_ALIKE)
        require_provider(settings, present, f"executor {executor.host} has")


def list_present() -> list[str]:
    """The providers that this machine's ONNX Runtime was built with."""
    import onnxruntime

    return list(onnxruntime.get_available_providers())


def _ask(spark: SparkSession) -> list[tuple[Installation, list[str]]]:
    try:
        rows = spark.range(_ROWS).mapInArrow(_make_probe(), "found string").collect()
    except Exception as error:
        raise explain_spark_failure(error) from None
    answers = [json.loads(text) for text in sorted({row[0] for row in rows})]
    return [(Installation(**answer["installation"]), answer["present"]) for answer in answers]


def _make_probe() -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def probe(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow

        for _ in batches:
            pass
        found = describe_installation(PACKAGES)
        present = list_present() if found.versions["onnxruntime"] else []
        answer = {"installation": asdict(found), "present": present}
        yield pyarrow.RecordBatch.from_pydict({"found": [json.dumps(answer, sort_keys=True)]})

    return probe
