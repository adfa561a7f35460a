"""Start a scenario in fresh processes, alone or as Horovod ranks over Gloo, and wait for all of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from dbx_dl.runtime.ranks import RankPlace

ROOT = Path(__file__).parents[2]
TIMEOUT_SECONDS = 240


def run_alone(scenario: str, framework: str, folder: Path) -> str:
    """Run `python -m tests.numerics.<scenario> <framework> <folder>` as the only rank; returns its terminal output."""
    return _finish([_start(_command(scenario, framework, folder), {})])[0]


def run_as_ranks(scenario: str, framework: str, folder: Path, num_ranks: int) -> None:
    """The same on `num_ranks` real ranks of one Horovod group on this machine."""
    run_ranks(_command(scenario, framework, folder), num_ranks, {})


def run_ranks(command: list[str], num_ranks: int, variables: dict[str, str]) -> list[str]:
    """Run a command as every rank of one Horovod group, with further environment variables; returns what they print."""
    from horovod.runner.common.util.hosts import get_host_assignments, parse_hosts
    from horovod.runner.http.http_server import RendezvousServer

    server = RendezvousServer()
    port = server.start()
    try:
        server.init(get_host_assignments(parse_hosts(f"localhost:{num_ranks}"), num_ranks))
        meeting = {
            "HOROVOD_CONTROLLER": "gloo",
            "HOROVOD_CPU_OPERATIONS": "gloo",
            "HOROVOD_GLOO_RENDEZVOUS_ADDR": "127.0.0.1",
            "HOROVOD_GLOO_RENDEZVOUS_PORT": str(port),
            "HOROVOD_GLOO_IFACE": "lo",
            "HOROVOD_HOSTNAME": "localhost",
        }
        places = [RankPlace(rank, num_ranks, rank, num_ranks) for rank in range(num_ranks)]
        return _finish([_start(command, meeting | variables | place.environment()) for place in places])
    finally:
        server.stop()


def _command(scenario: str, framework: str, folder: Path) -> list[str]:
    return [sys.executable, "-m", f"tests.numerics.{scenario}", framework, str(folder)]


def _start(command: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HOROVOD_")}
    return subprocess.Popen(
        command, cwd=ROOT, env=inherited | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def _finish(children: list[subprocess.Popen[str]]) -> list[str]:
    try:
        outputs = [child.communicate(timeout=TIMEOUT_SECONDS)[0] for child in children]
    finally:
        for child in children:
            child.kill()
    failed = [output for child, output in zip(children, outputs, strict=True) if child.returncode != 0]
    assert not failed, "\n\n".join(failed)
    return outputs
