"""What ranks run and where each of them stands: programs, places, and the variables that make a process a rank."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from dbx_dl.runtime.installations import Installation
from dbx_dl.runtime.network import LOOPBACK, find_interface
from dbx_dl.runtime.ranks import HOROVOD, TORCH_DDP, RankPlace

# Where a rank's own environment names one of these, its value stays.
_DEFAULTS = {
    # At the default of 1 ms the background thread alone costs 8 % of saturated cores. The Horovod that
    # conf/horovod/build_wheel.sh builds sleeps until it is needed, and waits so long only for what single tensors are
    # fused with.
    "HOROVOD_CYCLE_TIME": "5",
    "HOROVOD_GLOO_TIMEOUT_SECONDS": "120",
}


@dataclass(frozen=True)
class RankProgram:
    """What every rank runs: `python -m module arguments…`, with `stdin` as its input and `directory` for its files.

    `directory` is read by the driver too; with `is_shared` false the executors do not see it, and every rank gets a
    folder of its own instead, in `arguments` as well, whose files reach the driver's directory when the rank has ended.
    Each task compares `installation`, the driver's, with its own before it starts its rank; None where they were
    compared before. `variables` join each rank's environment; they may be secrets.
    """

    module: str
    arguments: tuple[str, ...]
    directory: str
    num_ranks: int
    timeout_seconds: float
    import_path: tuple[str, ...] = ()
    stdin: bytes = b""
    backend: str = HOROVOD
    is_shared: bool = True
    installation: Installation | None = None
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)

    def move(self, directory: str) -> RankProgram:
        """The same program on another directory."""
        arguments = tuple(directory if argument == self.directory else argument for argument in self.arguments)
        return replace(self, directory=directory, arguments=arguments)


@dataclass(frozen=True)
class Rendezvous:
    """Where ranks meet: rank 0's server, every rank's machine by name, and this machine's own address towards them."""

    address: str
    port: int
    hosts: tuple[str, ...]
    own_address: str = LOOPBACK
    backend: str = HOROVOD


def place_ranks(hosts: Sequence[str], backend: str = HOROVOD) -> list[RankPlace]:
    """The place of every rank, given the machine of each; machines count in the order of their first rank."""
    machines = list(dict.fromkeys(hosts))
    members = {machine: [rank for rank, host in enumerate(hosts) if host == machine] for machine in machines}
    places = []
    for rank, host in enumerate(hosts):
        local_rank = members[host].index(rank)
        peers = [machine for machine in machines if len(members[machine]) > local_rank]
        places.append(
            RankPlace(rank, len(hosts), local_rank, len(members[host]), peers.index(host), len(peers), backend),
        )
    return places


def rank_environment(rank: int, meeting: Rendezvous, present: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables that make a process this rank of a group; some that are `present` already keep their value."""
    place = place_ranks(meeting.hosts, meeting.backend)[rank]
    join = _join_torch if meeting.backend == TORCH_DDP else _join_horovod
    defaults = _DEFAULTS | _choose_interface(meeting.own_address)
    chosen = {name: value for name, value in defaults.items() if name not in present}
    return {**chosen, **place.environment(), **join(place, meeting)}


def _choose_interface(own_address: str) -> dict[str, str]:
    """Without these, Gloo takes the interface of the machine's name, and NCCL the first that it finds."""
    if own_address == LOOPBACK and sys.platform != "linux":
        return {}
    interface = find_interface(own_address)
    return {"HOROVOD_GLOO_IFACE": interface, "GLOO_SOCKET_IFNAME": interface, "NCCL_SOCKET_IFNAME": interface}


def _join_horovod(place: RankPlace, meeting: Rendezvous) -> dict[str, str]:
    return {
        "HOROVOD_HOSTNAME": meeting.hosts[place.rank],
        "HOROVOD_CONTROLLER": "gloo",
        "HOROVOD_CPU_OPERATIONS": "gloo",
        "HOROVOD_GLOO_RENDEZVOUS_ADDR": meeting.address,
        "HOROVOD_GLOO_RENDEZVOUS_PORT": str(meeting.port),
    }


def _join_torch(place: RankPlace, meeting: Rendezvous) -> dict[str, str]:
    """What `torch.distributed.init_process_group()` reads."""
    return {
        "MASTER_ADDR": meeting.address,
        "MASTER_PORT": str(meeting.port),
        "RANK": str(place.rank),
        "WORLD_SIZE": str(place.size),
        "LOCAL_RANK": str(place.local_rank),
        "LOCAL_WORLD_SIZE": str(place.local_size),
    }
