"""How the tasks of a stage agree on where their ranks meet, for each backend that joins ranks."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from dbx_dl.runtime.network import find_free_port, find_own_address
from dbx_dl.runtime.ranks import HOROVOD, TORCH_DDP
from dbx_dl.runtime.whole_files import write_whole
from dbx_dl.train.ranks import Rendezvous

_POLL_SECONDS = 0.01


@contextmanager
def meet(context: Any, backend: str, board: Path | None = None) -> Iterator[Rendezvous]:
    """Where the ranks of a barrier stage meet; what rank 0 serves for it lives until the block is left.

    `board` is a file, of this stage alone, that all tasks see: Spark lets tasks that gather look for the others once a
    second only, which the file saves them. What arrives first counts.
    """
    # The names by which Spark reaches the executors, so these reach each other by them too.
    hosts = tuple(str(info.address).rpartition(":")[0] for info in context.getTaskInfos())
    rank = context.partitionId()
    address = find_own_address(hosts[rank], hosts)
    with _SERVERS[backend](address) if rank == 0 else _serve_nothing() as port:
        own = json.dumps([address, port])
        gathering = _Gathering(context, own)
        gathering.start()
        try:
            first = json.loads(own if rank == 0 and board is not None else gathering.wait(board))
            if rank == 0 and board is not None:
                _put_up(own, board)
            # The server may end with rank 0: the group shuts down together, so by then every rank has met the others.
            yield Rendezvous(first[0], first[1], hosts, address, backend)
        finally:
            # A task that ended while it gathers would leave the others without an answer.
            gathering.join()
            if rank == 0 and board is not None:
                board.unlink(missing_ok=True)


class _Gathering(threading.Thread):
    """Spark's own exchange of a line between the tasks of a barrier stage, every one of which must take part."""

    def __init__(self, context: Any, line: str) -> None:
        super().__init__(name="gathering", daemon=True)
        self._context = context
        self._line = line
        self._first: str | None = None
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._first = self._context.allGather(self._line)[0]
        except BaseException as error:
            self._error = error

    def wait(self, board: Path | None) -> str:
        """Rank 0's line, from the gathering or from the board."""
        while self.is_alive():
            if board is None:
                self.join()
            elif board.exists():
                return board.read_text(encoding="utf-8")
            else:
                time.sleep(_POLL_SECONDS)
        if self._error is not None:
            raise self._error
        return str(self._first)


def _put_up(line: str, board: Path) -> None:
    """Show the line to the other tasks, whole; storage that refuses leaves them to the gathering."""
    with suppress(OSError), write_whole(board) as partial:
        partial.write_text(line, encoding="utf-8")


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
    thread = threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,), name="rendezvous", daemon=True)
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
