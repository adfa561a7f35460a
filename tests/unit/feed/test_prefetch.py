"""Reading ahead: order, errors at their place, and no thread left behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from dbx_dl.feed.prefetch import read_ahead


def running_readers() -> int:
    return sum(thread.name == "read-ahead" for thread in threading.enumerate())


def test_items_keep_their_order_and_the_thread_ends() -> None:
    assert list(read_ahead(iter(range(100)), 3)) == list(range(100))
    assert running_readers() == 0


def test_an_error_arrives_after_the_items_before_it() -> None:
    def fail_third() -> Iterator[int]:
        yield from (1, 2)
        raise ValueError("third")

    seen = []
    with pytest.raises(ValueError, match="third"):
        for item in read_ahead(fail_third(), 3):
            seen.append(item)
    assert seen == [1, 2]
    assert running_readers() == 0


def test_a_consumer_that_stops_early_stops_the_thread() -> None:
    drawn = []

    def count() -> Iterator[int]:
        for number in range(10**9):
            drawn.append(number)
            yield number

    items = read_ahead(count(), 3)
    assert next(items) == 0
    items.close()  # type: ignore[attr-defined]
    assert running_readers() == 0
    assert len(drawn) <= 6


def test_no_more_than_the_bound_is_computed_ahead() -> None:
    drawn = []

    def count() -> Iterator[int]:
        for number in range(50):
            drawn.append(number)
            yield number

    items = read_ahead(count(), 2)
    next(items)
    time.sleep(0.3)
    assert len(drawn) <= 5
    assert list(items) == list(range(1, 50))
