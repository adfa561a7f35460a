"""A user's own function on Horovod ranks: `launch_ranks` in the driver, `main` in each rank's process."""

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
from dbx_dl.runtime.logs import show_rank_logs
from dbx_dl.runtime.processes import end_with_parent, without_teardown
from dbx_dl.runtime.ranks import TORCH_DDP, read_rank_place
from dbx_dl.train.failures import end_on_failure
from dbx_dl.train.launch import LAUNCHERS, check_ranks, launch
from dbx_dl.train.preflight import inspect_executors
from dbx_dl.train.ranks import RankProgram
from dbx_dl.train.returned_values import load_value, save_value
from dbx_dl.train.run_directory import RunDirectory

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

logger = logging.getLogger(__name__)

_MODULE = "dbx_dl.train.rank_function"
_VALUE = "value.npz"


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

    ConfigError and SetupError come before anything is submitted. RankFailedError carries the traceback of the rank
    that failed; the others are stopped within seconds.
    """
    if launcher not in LAUNCHERS:
        raise ConfigError(f"unknown launcher {launcher!r}: choose one of {', '.join(LAUNCHERS)}")
    if num_ranks < 1:
        raise ConfigError(f"num_ranks is {num_ranks}: at least one rank is needed")
    check_ranks(spark, launcher, num_ranks)
    with _open_directory(directory) as root:
        program = RankProgram(
            module=_MODULE,
            arguments=(str(root),),
            directory=str(root),
            num_ranks=num_ranks,
            timeout_seconds=timeout_seconds,
            import_path=tuple(str(Path(entry).absolute()) for entry in sys.path),
            stdin=_pack(function, kwargs),
            is_shared=launcher == "in_process" or _is_shared(spark, launcher, root),
        )
        launch(spark, program, launcher)
        return load_value(root / _VALUE)


def main(directory: str, packed: bytes | None = None) -> None:
    """Run the function that arrives on stdin as this rank; rank 0 writes its value into the directory."""
    import cloudpickle

    end_with_parent()
    rank = read_rank_place().rank
    files = RunDirectory(Path(directory))
    with end_on_failure(files, rank):
        show_rank_logs()
        # Code of the user's own session, which came from its driver inside the job: no file, no model, no data.
        function, kwargs = cloudpickle.loads(sys.stdin.buffer.read() if packed is None else packed)
        value = function(**kwargs)
        if rank == 0:
            save_value(value, files.root / _VALUE)


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
        (root / _VALUE).unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"the directory {root} cannot be written: {error.strerror}") from None
    has_failed = True
    try:
        yield root
        has_failed = False
    finally:
        if directory is None and not (has_failed and RunDirectory(root).output(0).parent.exists()):
            shutil.rmtree(root, ignore_errors=True)


def _is_shared(spark: SparkSession, launcher: str, root: Path) -> bool:
    packages = ("numpy", "cloudpickle", "torch" if launcher == TORCH_DDP else "horovod")
    apart = [found for found in inspect_executors(spark, packages, root) if found.problem]
    if not apart:
        return True
    where = f"{root} {apart[0].problem} on {apart[0].host}"
    if launcher == "horovod_spark":
        raise ConfigError(f"{where}: launcher horovod_spark needs a directory that the executors share")
    logger.info("%s: what ranks print arrives when they have ended", where)
    return False


if __name__ == "__main__":
    with without_teardown():
        main(sys.argv[1])
