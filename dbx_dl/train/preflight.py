"""What executors must share with the driver, checked by one small Spark job before ranks, or by their tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from dbx_dl.errors import ConfigError, SetupError
from dbx_dl.runtime.installations import Installation, ask_executors, describe_installation, require_alike
from dbx_dl.runtime.processes import call_in_process
from dbx_dl.runtime.ranks import TORCH_DDP

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FEED_PACKAGES = ("numpy", "pyarrow", "deltalake")
FRAMEWORK_PACKAGES = {"keras": ("tensorflow", "keras"), "torch": ("torch",)}
_ASK_SECONDS = 60


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

        def describe() -> dict[str, Any]:
            return asdict(describe_installation(packages, describe_directory(mark)))

        found = [Installation(**answer) for answer in ask_executors(spark, describe)]
    for executor in found:
        require_alike(here, executor)
    return found


def require_installation(here: Installation) -> None:
    """SetupError where this executor has otherwise than the driver's installation `here` what matters."""
    require_alike(here, describe_installation(tuple(here.versions)))


def require_own_gpus(host: str, num_ranks: int, num_gpus: int, is_nccl_used: Callable[[], bool]) -> None:
    """SetupError where the ranks of a machine would share its GPUs and NCCL joins them, which refuses that."""
    if 0 < num_gpus < num_ranks and is_nccl_used():
        gpus = "1 GPU" if num_gpus == 1 else f"{num_gpus} GPUs"
        raise SetupError(
            f"{num_ranks} ranks would run on {host}, which has {gpus}: NCCL needs one for each",
            f"train with {num_gpus} ranks on each such machine, or set CUDA_VISIBLE_DEVICES to nothing there for CPUs",
        )


def uses_nccl(backend: str) -> bool:
    """Whether ranks with GPUs that meet over this backend reduce through NCCL here; asked of a process of its own."""
    target = "torch.cuda:is_available" if backend == TORCH_DDP else "horovod.common.util:nccl_built"
    try:
        return bool(call_in_process(target, {}, timeout_seconds=_ASK_SECONDS))
    except (RuntimeError, TimeoutError):
        return False


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
