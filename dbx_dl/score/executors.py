"""What executors must have for scoring, asked once per Spark session before the first job."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from dbx_dl.runtime.connect import is_connect
from dbx_dl.runtime.installations import Installation, ask_executors, describe_installation, require_alike
from dbx_dl.runtime.slots import cores_of_local_master
from dbx_dl.score.inputs.audio_binding import RecordingBinding
from dbx_dl.score.model.providers import SessionSettings, require_provider
from dbx_dl.transforms.audio import load_decoder

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dbx_dl.score.model.plan import ScorePlan

PACKAGES = ("onnxruntime",)

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


def check_decoder(spark: SparkSession, plan: ScorePlan) -> None:
    """SetupError where the model takes recordings, which this driver cannot decode.

    Its executors are as it is; those of Spark Connect tell themselves, as its client decodes nothing.
    """
    if not is_connect(spark) and any(isinstance(binding, RecordingBinding) for binding in plan.bindings):
        load_decoder()


def compare_executors(found: list[tuple[Installation, list[str]]], settings: SessionSettings) -> None:
    """SetupError for the first executor that differs from the driver, or lacks the first provider."""
    here = describe_installation(PACKAGES)
    for executor, present in found:
        require_alike(here, executor)
        require_provider(settings, present, f"executor {executor.host} has")


def list_present() -> list[str]:
    """The providers that this machine's ONNX Runtime was built with."""
    import onnxruntime

    return list(onnxruntime.get_available_providers())


def _ask(spark: SparkSession) -> list[tuple[Installation, list[str]]]:
    answers = ask_executors(spark, _describe)
    return [(Installation(**answer["installation"]), answer["present"]) for answer in answers]


def _describe() -> dict[str, Any]:
    found = describe_installation(PACKAGES)
    return {"installation": asdict(found), "present": list_present() if found.versions["onnxruntime"] else []}
