"""By which of its addresses and network interfaces a host reaches the others."""

from __future__ import annotations

import random
import socket
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, suppress

from dbx_dl.errors import SetupError

LOOPBACK = "127.0.0.1"
_ANY_PORT = 9
# Below the ports that Linux gives to outgoing connections, so that none of these takes one that was found free.
_FREE_PORTS = (20000, 32000)
_TRIES = 100


def find_own_address(own_host: str, hosts: Sequence[str]) -> str:
    """The address of this host by which the others reach it, given every host by a name that resolves here.

    The loopback address where there is no other host. Where the others lie behind several of its interfaces, the one
    that most of them are behind. SetupError when none can be reached.
    """
    others = [host for host in dict.fromkeys(hosts) if host != own_host]
    if not others:
        return LOOPBACK
    found = Counter(address for host in others if (address := find_route(host)) is not None)
    if not found:
        raise SetupError(
            f"host {own_host} has no route to {', '.join(others[:3])}", "let the executors reach each other by network"
        )
    return found.most_common(1)[0][0]


def find_route(host: str) -> str | None:
    """This host's address on the way to another one; None when there is no way. Nothing is sent."""
    with suppress(OSError):
        for family, kind, _, _, address in socket.getaddrinfo(host, _ANY_PORT, type=socket.SOCK_DGRAM):
            with suppress(OSError), closing(socket.socket(family, kind)) as probe:
                # Connecting a datagram socket only asks the routing table.
                probe.connect(address)
                return str(probe.getsockname()[0])
    return None


def find_interface(address: str) -> str:
    """The network interface that has this address; SetupError when none has."""
    import psutil

    for name, entries in psutil.net_if_addrs().items():
        if any(str(entry.address).partition("%")[0] == address for entry in entries):
            return str(name)
    raise SetupError(f"no network interface of {socket.gethostname()} has the address {address}")


def find_free_port(address: str) -> int:
    """A port of `address` on which nothing listens now."""
    for _ in range(_TRIES):
        port = random.SystemRandom().randrange(*_FREE_PORTS)
        with suppress(OSError), closing(socket.socket(_family_of(address))) as probe:
            probe.bind((address, port))
            return port
    raise SetupError(f"no free port between {_FREE_PORTS[0]} and {_FREE_PORTS[1]} on {socket.gethostname()}")


def _family_of(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
