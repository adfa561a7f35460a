"""One rank's process as its launcher sees it: starting it, waiting for it, keeping its output, saying why it failed."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from dbx_dl.runtime.gpus import VISIBLE_GPUS
from dbx_dl.runtime.processes import describe_exit, start_python, stop_process
from dbx_dl.train.failures import WAIT_FOR_CAUSE_SECONDS, make_error, read_failure, record_failure
from dbx_dl.train.output import OutputKeeper
from dbx_dl.train.ranks import RankProgram, Rendezvous, rank_environment
from dbx_dl.train.run_directory import RunDirectory

_POLL_SECONDS = 0.1


def run_alone(program: RankProgram, gpu: str | None = None) -> None:
    """Run the program as the only rank, without Horovod."""
    _run(program, 0, {name: None for name in os.environ if name.startswith("HOROVOD_")}, gpu)


def run_as_rank(program: RankProgram, rank: int, meeting: Rendezvous, gpu: str | None = None) -> None:
    """Run the program as one rank of a group; RankFailedError with its traceback when it fails.

    `gpu` is the value of CUDA_VISIBLE_DEVICES for the process; None leaves it as it is.
    """
    _run(program, rank, dict(rank_environment(rank, meeting)), gpu)


def _run(program: RankProgram, rank: int, variables: Mapping[str, str | None], gpu: str | None) -> None:
    own = {} if gpu is None else {VISIBLE_GPUS: gpu}
    directory = RunDirectory(Path(program.directory))
    with tempfile.TemporaryFile() as stdin:
        stdin.write(program.stdin)
        stdin.seek(0)
        process = start_python(
            ["-m", program.module, *program.arguments],
            environment={"PYTHONUNBUFFERED": "1", **program.variables, **variables, **own},
            import_path=program.import_path,
            stdin=stdin,
            is_piped=True,
        )
    output = OutputKeeper(process.stdout, directory.output(rank), rank)
    deadline = time.monotonic() + program.timeout_seconds
    is_late = False
    try:
        while process.poll() is None and not is_late:
            output.write_if_due()
            time.sleep(_POLL_SECONDS)
            is_late = time.monotonic() > deadline
    finally:
        stop_process(process)
        output.close()
    if is_late:
        _raise_failure(program, rank, f"it did not finish within timeout_seconds = {program.timeout_seconds:g}", output)
    if process.returncode != 0:
        _raise_failure(program, rank, f"its process {describe_exit(process.returncode)}", output)


def _raise_failure(program: RankProgram, rank: int, message: str, output: OutputKeeper) -> None:
    """Raise what the rank wrote about its end, or `message` with its last lines of output where it wrote nothing."""
    directory = RunDirectory(Path(program.directory))
    tail = f"last lines of its output:\n{output.tail}" if output.tail else ""
    is_silent = not directory.failure(rank).exists()
    record_failure(directory, rank, message, text=tail)
    failure = read_failure(directory, rank)
    # Where the driver cannot read what the rank printed, the error brings the end of it.
    note = "" if is_silent or program.is_shared else tail
    if failure.is_effect and not program.is_shared:
        # Spark reports the first task that fails, which must be the one with the cause.
        time.sleep(WAIT_FOR_CAUSE_SECONDS)
    raise make_error(failure, program.num_ranks, note)
