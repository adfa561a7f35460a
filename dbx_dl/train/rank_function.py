"""A user's own function on Horovod ranks, as its driver sees it."""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl.errors import ConfigError
from dbx_dl.runtime.installations import describe_installation
from dbx_dl.runtime.ranks import TORCH_DDP
from dbx_dl.train.launch import LAUNCHERS, check_ranks, launch, runs_in_driver
from dbx_dl.train.preflight import inspect_executors
from dbx_dl.train.ranks import RankProgram
from dbx_dl.train.returned_values import load_value
from dbx_dl.train.run_directory import RunDirectory

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

logger = logging.getLogger(__name__)

_MODULE = "dbx_dl.train.function_worker"
_OWN_LAUNCHERS = ("spark", "torch_ddp")


def launch_ranks(
    spark: SparkSession,
    function: Callable[..., Any],
    num_ranks: int,
    *,
    launcher: str = "spark",
    directory: str | None = None,
    timeout_seconds: float = 3600,
    **kwargs: Any,
) -> Any:
    """Call `function(**kwargs)` on every rank of a Horovod group, each in a fresh process; returns rank 0's value.

    The function calls `hvd.init()` itself and may be defined in a notebook. With launcher `torch_ddp` it calls
    `torch.distributed.init_process_group()` instead, and best `destroy_process_group()` before it returns. When it has
    returned, its process ends with the exit hooks, without taking the interpreter apart. It returns None, numbers,
    strings, NumPy arrays, or lists and dicts of them. What ranks print is logged line by line, prefixed by `[rank 1]`,
    while they run; where the executors do not see `directory` (a temporary one by default), when they have ended.

    ConfigError and SetupError come before any rank is started. RankFailedError carries the traceback of the rank
    that failed; the others are stopped within seconds.
    """
    if launcher not in LAUNCHERS:
        raise ConfigError(f"unknown launcher {launcher!r}: choose one of {', '.join(LAUNCHERS)}")
    if num_ranks < 1:
        raise ConfigError(f"num_ranks is {num_ranks}: at least one rank is needed")
    check_ranks(spark, launcher, num_ranks)
    packages = ("numpy", "cloudpickle", "torch" if launcher == TORCH_DDP else "horovod")
    # Tasks in the driver's own JVM share its files, and each compares its packages itself: asking all executors before
    # takes a Spark stage more.
    is_here = launcher in _OWN_LAUNCHERS and runs_in_driver(spark)
    with _open_directory(directory) as root:
        program = RankProgram(
            module=_MODULE,
            arguments=(str(root),),
            directory=str(root),
            num_ranks=num_ranks,
            timeout_seconds=timeout_seconds,
            import_path=tuple(str(Path(entry).absolute()) for entry in sys.path),
            stdin=_pack(function, kwargs),
            is_shared=launcher == "in_process" or is_here or _is_shared(spark, launcher, packages, root),
            installation=describe_installation(packages) if is_here else None,
        )
        launch(spark, program, launcher)
        return load_value(RunDirectory(root).value)


def _pack(function: Callable[..., Any], kwargs: dict[str, Any]) -> bytes:
    import cloudpickle

    try:
        return bytes(cloudpickle.dumps((function, kwargs)))
    except Exception as error:
        name = getattr(function, "__name__", repr(function))
        raise ConfigError(f"{name} cannot be sent to ranks, or an argument of it: {error}") from error


@contextmanager
def _open_directory(directory: str | None) -> Iterator[Path]:
    """The user's directory, or a temporary one, which stays where ranks failed and left their output."""
    root = Path(tempfile.mkdtemp(prefix="dbx_dl_ranks_") if directory is None else directory).absolute()
    try:
        root.mkdir(parents=True, exist_ok=True)
        RunDirectory(root).value.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"the directory {root} cannot be written: {error.strerror}") from None
    has_failed = True
    try:
        yield root
        has_failed = False
    finally:
        if directory is None and not (has_failed and RunDirectory(root).output(0).parent.exists()):
            shutil.rmtree(root, ignore_errors=True)


def _is_shared(spark: SparkSession, launcher: str, packages: tuple[str, ...], root: Path) -> bool:
    apart = [found for found in inspect_executors(spark, packages, root) if found.problem]
    if not apart:
        return True
    where = f"{root} {apart[0].problem} on {apart[0].host}"
    if launcher == "horovod_spark":
        raise ConfigError(f"{where}: launcher horovod_spark needs a directory that the executors share")
    logger.info("%s: what ranks print arrives when they have ended", where)
    return False
