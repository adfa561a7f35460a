"""Applies a function to items in threads ahead of the consumer, in order, with a bounded number of results waiting."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_ahead(
    function: Callable[[Item], Result], items: Iterable[Item], *, num_threads: int, num_ahead: int
) -> Generator[Result, None, None]:
    """Results in the order of the items, up to `num_ahead` of them computed, or being computed, ahead.

    Items are drawn in the consumer's thread. An exception of the function is raised here, after the results before it.
    The threads have ended when this iterator is exhausted or closed.
    """
    waiting: deque[Future[Result]] = deque()
    remaining = iter(items)
    pool = ThreadPoolExecutor(num_threads, thread_name_prefix="read-ahead")
    try:
        waiting.extend(pool.submit(function, item) for item in islice(remaining, num_ahead))
        while waiting:
            result = waiting.popleft().result()
            waiting.extend(pool.submit(function, item) for item in islice(remaining, 1))
            yield result
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
