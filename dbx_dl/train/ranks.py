"""One rank's process as its launcher sees it: where it stands, its variables, waiting for it, saying why it failed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dbx_dl.errors import RankFailedError
from dbx_dl.runtime.processes import describe_exit, read_tail, start_python, stop_process
from dbx_dl.runtime.ranks import RankPlace
from dbx_dl.train.failures import read_failure, record_failure
from dbx_dl.train.job import RunDirectory

_POLL_SECONDS = 0.1
# Where a rank's own environment names one of these, its value stays.
_DEFAULTS = {
    # At the default of 1 ms the background thread alone costs 8 % of saturated cores.
    "HOROVOD_CYCLE_TIME": "5",
    "HOROVOD_GLOO_TIMEOUT_SECONDS": "120",
}


@dataclass(frozen=True)
class RankProgram:
    """What every rank runs: `python -m module arguments…`, reporting into a directory that the driver reads too."""

    module: str
    arguments: tuple[str, ...]
    directory: str
    num_ranks: int
    timeout_seconds: float
    import_path: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rendezvous:
    """Where ranks meet: rank 0's key-value server, and every rank's machine by name."""

    address: str
    port: int
    hosts: tuple[str, ...]


def place_ranks(hosts: Sequence[str]) -> list[RankPlace]:
    """The place of every rank, given the machine of each; machines count in the order of their first rank."""
    machines = list(dict.fromkeys(hosts))
    members = {machine: [rank for rank, host in enumerate(hosts) if host == machine] for machine in machines}
    places = []
    for rank, host in enumerate(hosts):
        local_rank = members[host].index(rank)
        peers = [machine for machine in machines if len(members[machine]) > local_rank]
        places.append(
            RankPlace(rank, len(hosts), local_rank, len(members[host]), peers.index(host), len(peers)),
        )
    return places


def rank_environment(rank: int, meeting: Rendezvous, present: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables that make a process this rank of a Gloo group."""
    variables = {name: value for name, value in _DEFAULTS.items() if name not in present}
    if len(set(meeting.hosts)) == 1 and sys.platform == "linux":
        variables["HOROVOD_GLOO_IFACE"] = "lo"
    return {
        **variables,
        **place_ranks(meeting.hosts)[rank].environment(),
        "HOROVOD_HOSTNAME": meeting.hosts[rank],
        "HOROVOD_CONTROLLER": "gloo",
        "HOROVOD_CPU_OPERATIONS": "gloo",
        "HOROVOD_GLOO_RENDEZVOUS_ADDR": meeting.address,
        "HOROVOD_GLOO_RENDEZVOUS_PORT": str(meeting.port),
    }


def run_alone(program: RankProgram) -> None:
    """Run the program as the only rank, without Horovod."""
    variables: dict[str, str | None] = {name: None for name in os.environ if name.startswith("HOROVOD_")}
    _run(program, 0, variables)


def run_as_rank(program: RankProgram, rank: int, meeting: Rendezvous) -> None:
    """Run the program as one rank of a group; RankFailedError with its traceback when it fails."""
    _run(program, rank, dict(rank_environment(rank, meeting)))


def _run(program: RankProgram, rank: int, variables: dict[str, str | None]) -> None:
    directory = RunDirectory(Path(program.directory))
    command = ["-m", program.module, *program.arguments]
    log = directory.log(rank)
    process = start_python(command, environment=variables, log_path=log, import_path=program.import_path)
    deadline = time.monotonic() + program.timeout_seconds
    try:
        while process.poll() is None:
            if time.monotonic() > deadline:
                message = f"it did not finish within timeout_seconds = {program.timeout_seconds:g}"
                record_failure(directory, rank, message, text=_describe_log(log))
                break
            time.sleep(_POLL_SECONDS)
    finally:
        stop_process(process)
    if process.returncode != 0:
        record_failure(directory, rank, f"its process {describe_exit(process.returncode)}", text=_describe_log(log))
        failure = read_failure(directory, rank)
        raise RankFailedError(f"rank {rank} of {program.num_ranks} failed: {failure.message}\n{failure.traceback}")


def _describe_log(log: Path) -> str:
    tail = read_tail(log)
    return f"last lines of its output:\n{tail}" if tail else ""
