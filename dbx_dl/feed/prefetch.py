"""Runs an iterator ahead of its consumer in one thread, with a bounded number of items in between."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import TypeVar

Item = TypeVar("Item")
_POLL_SECONDS = 0.05


class _End:
    """The last thing in the queue: why the producer ended."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def read_ahead(source: Iterator[Item], num_items: int) -> Iterator[Item]:
    """The items of `source`, up to `num_items` of them computed ahead.

    An exception of the source is raised here, after the items before it. The thread has ended when this iterator is
    exhausted or closed.
    """
    items: queue.Queue[Item | _End] = queue.Queue(maxsize=num_items)
    is_stopped = threading.Event()
    thread = threading.Thread(target=_produce, args=(source, items, is_stopped), name="read-ahead", daemon=True)
    thread.start()
    try:
        while True:
            item = items.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        is_stopped.set()
        thread.join()


def _produce(source: Iterator[Item], items: queue.Queue[Item | _End], is_stopped: threading.Event) -> None:
    error: BaseException | None = None
    try:
        for item in source:
            if not _put(item, items, is_stopped):
                return
    except BaseException as caught:
        error = caught
    _put(_End(error), items, is_stopped)


def _put(item: Item | _End, items: queue.Queue[Item | _End], is_stopped: threading.Event) -> bool:
    while not is_stopped.is_set():
        try:
            items.put(item, timeout=_POLL_SECONDS)
        except queue.Full:
            continue
        return True
    return False
