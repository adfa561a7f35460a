"""How ranks are started: LAUNCHERS by name, and what is checked before anything is submitted."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.errors import ConfigError, SetupError
from dbx_dl.runtime.connect import is_connect
from dbx_dl.runtime.databricks import Compute, find_compute
from dbx_dl.runtime.gpus import find_gpu
from dbx_dl.runtime.installations import recognize_fault
from dbx_dl.runtime.ranks import TORCH_DDP
from dbx_dl.runtime.slots import cores_of_local_master, count_slots
from dbx_dl.train.barrier import launch_on_spark
from dbx_dl.train.failures import explain_failure, forget_failures, read_failures
from dbx_dl.train.output import follow_output
from dbx_dl.train.rank_process import run_alone
from dbx_dl.train.ranks import RankProgram
from dbx_dl.train.run_directory import RunDirectory

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dbx_dl.config import TrainConfig

logger = logging.getLogger(__name__)


def launch_in_process(spark: SparkSession, program: RankProgram) -> None:
    """One rank in a child process on this machine; no Spark task and no Horovod."""
    del spark
    run_alone(program, find_gpu((), 0))


def launch_with_horovod_spark(spark: SparkSession, program: RankProgram) -> None:
    """Upstream's own launcher, `horovod.spark.run`; classic Spark only, and what ranks print stays in Spark's logs."""
    del spark
    import horovod.spark

    variables = {name: value for name, value in os.environ.items() if not name.startswith("HOROVOD_")}
    variables["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(str(Path(entry).absolute()) for entry in sys.path))
    horovod.spark.run(
        _call_main,
        args=(program.module, program.arguments, program.stdin),
        num_proc=program.num_ranks,
        use_gloo=True,
        use_mpi=False,
        start_timeout=120,
        env={**variables, **program.variables},
        verbose=0,
    )


def launch_with_torch_ddp(spark: SparkSession, program: RankProgram) -> None:
    """The `spark` launcher with ranks that meet over torch.distributed; Horovod is not needed."""
    launch_on_spark(spark, replace(program, backend=TORCH_DDP))


LAUNCHERS: dict[str, Callable[[SparkSession, RankProgram], None]] = {
    "in_process": launch_in_process,
    "spark": launch_on_spark,
    "horovod_spark": launch_with_horovod_spark,
    "torch_ddp": launch_with_torch_ddp,
}


def launch(spark: SparkSession, program: RankProgram, launcher: str) -> None:
    """Run the program on all its ranks and return when they have ended.

    ConfigError, DataError, SetupError: what a rank itself refused. RankFailedError: everything else that ended a rank,
    with that rank's own traceback. What ranks print is logged while they run, prefixed by `[rank 1]`.
    """
    directory = RunDirectory(Path(program.directory))
    forget_failures(directory)
    try:
        with follow_output(directory, program.num_ranks):
            LAUNCHERS[launcher](spark, program)
    except Exception as error:
        explained = recognize_fault(str(error)) or explain_failure(directory, program.num_ranks, error)
        # Spark's own account only helps where no rank left one.
        raise explained from (None if read_failures(directory, program.num_ranks) else error)


def check_launch(spark: SparkSession, config: TrainConfig) -> None:
    """Refuse within seconds what could not start: ConfigError or SetupError naming the numbers and the fix."""
    check_ranks(spark, config.launcher, config.num_ranks)


def check_framework(launcher: str, framework: str) -> None:
    """ConfigError for a launcher that cannot join the framework's ranks."""
    if launcher == "torch_ddp" and framework != "torch":
        raise ConfigError(
            f"launcher torch_ddp joins PyTorch ranks only, not {framework}'s: set train.launcher to spark"
        )


def check_ranks(spark: SparkSession, launcher: str, num_ranks: int) -> None:
    """The same for any ranks.

    A barrier stage with more ranks than slots is never submitted: Spark retries it for ten minutes, or loses its
    context.
    """
    if launcher == "in_process":
        if num_ranks > 1:
            raise ConfigError(
                f"launcher in_process runs one rank, num_ranks is {num_ranks}: set train.launcher to spark"
            )
        return
    require_compute(find_compute(spark))
    if launcher == "horovod_spark" and is_connect(spark):
        raise ConfigError(
            "launcher horovod_spark needs classic Spark, this session is Spark Connect: use launcher spark"
        )
    if launcher == "horovod_spark" or (num_ranks > 1 and launcher != "torch_ddp"):
        require_horovod()
    _require_slots(spark, num_ranks)
    require_whole_gpus(str(spark.conf.get("spark.task.resource.gpu.amount", "0")), num_ranks)


def require_compute(compute: Compute) -> None:
    """SetupError on compute of Databricks whose tasks cannot be ranks: their Python is shut in, without GPUs."""
    if compute in (Compute.STANDARD, Compute.SERVERLESS):
        raise SetupError(
            f"ranks cannot run on {compute} compute of Databricks: use dedicated compute (access mode `dedicated`, or "
            "SINGLE_USER) with Databricks Runtime ML and as many GPUs or cores as ranks"
        )


def require_whole_gpus(task_gpus: str, num_ranks: int) -> None:
    """SetupError where Spark would give one GPU to several ranks, which NCCL refuses."""
    if 0 < float(task_gpus) < 1 and num_ranks > 1:
        raise SetupError(
            f"spark.task.resource.gpu.amount is {task_gpus}, so that ranks would share a GPU: set it to 1, or to 0"
        )


def require_horovod() -> None:
    """SetupError when Horovod is not installed; nothing is imported."""
    if find_spec("horovod") is None:
        raise SetupError(
            "training on more than one rank needs Horovod, which is not installed: run `make wheel`, or "
            "conf/horovod/build_wheel.sh and pip install the wheel that it prints; one rank runs without, and PyTorch "
            "with launcher torch_ddp"
        )


def runs_in_driver(spark: SparkSession) -> bool:
    """Whether tasks run in this driver's own JVM, and so on its machine and with its files."""
    return not is_connect(spark) and cores_of_local_master(str(spark.conf.get("spark.master", ""))) is not None


def _require_slots(spark: SparkSession, num_ranks: int) -> None:
    if str(spark.conf.get("spark.dynamicAllocation.enabled", "false")).lower() == "true":
        raise SetupError("Spark cannot run ranks together with spark.dynamicAllocation.enabled: switch it off")
    num_slots = count_slots(spark)
    if num_ranks > num_slots:
        plural = "task" if num_slots == 1 else "tasks"
        raise SetupError(
            f"num_ranks is {num_ranks}, but Spark runs {num_slots} {plural} at once: set train.num_ranks to "
            f"{num_slots} or start Spark with more slots (spark.master local[{num_ranks}], or more executor cores)"
        )


def _call_main(module: str, arguments: tuple[str, ...], stdin: bytes) -> None:
    import_module(module).main(*arguments, *([stdin] if stdin else []))
