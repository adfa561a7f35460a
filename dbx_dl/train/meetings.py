"""How the tasks of a stage agree on where their ranks meet, for each backend that joins ranks."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from dbx_dl.runtime.network import find_free_port, find_own_address
from dbx_dl.runtime.ranks import HOROVOD, TORCH_DDP
from dbx_dl.train.ranks import Rendezvous


@contextmanager
def meet(context: Any, backend: str) -> Iterator[Rendezvous]:
    """Where the ranks of a barrier stage meet; what rank 0 serves for it lives until the block is left."""
    # The names by which Spark reaches the executors, so these reach each other by them too.
    hosts = tuple(str(info.address).rpartition(":")[0] for info in context.getTaskInfos())
    rank = context.partitionId()
    address = find_own_address(hosts[rank], hosts)
    with _SERVERS[backend](address) if rank == 0 else _serve_nothing() as port:
        first = json.loads(context.allGather(json.dumps([address, port]))[0])
        # The server may end with rank 0: the group shuts down together, so by then every rank has met the others.
        yield Rendezvous(first[0], first[1], hosts, address, backend)


@contextmanager
def _serve_horovod(address: str) -> Iterator[int]:
    """Horovod's key-value server on a free port.

    It has no password, so it listens on the one address that the other ranks use, which on a single machine no other
    machine reaches.
    """
    from horovod.runner.http.http_server import RendezvousHandler, RendezvousHTTPServer

    server = RendezvousHTTPServer((address, 0), RendezvousHandler, 0)
    # Without host assignments keys are deleted one by one as ranks are done with them.
    server.init([])
    thread = threading.Thread(target=server.serve_forever, name="rendezvous", daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def _find_port(address: str) -> Iterator[int]:
    """A port for the store that rank 0's own process serves."""
    yield find_free_port(address)


@contextmanager
def _serve_nothing() -> Iterator[int]:
    yield 0


_SERVERS: dict[str, Callable[[str], AbstractContextManager[int]]] = {HOROVOD: _serve_horovod, TORCH_DDP: _find_port}
