"""Reading ahead: order, errors at their place, and no thread left behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from dbx_dl.feed.prefetch import map_ahead


def running_readers() -> int:
    return sum(thread.name.startswith("read-ahead") for thread in threading.enumerate())


@pytest.mark.parametrize("num_threads", [1, 4])
def test_results_keep_their_order_and_the_threads_end(num_threads: int) -> None:
    def work(number: int) -> int:
        time.sleep(number % 3 / 1000)
        return number * number

    results = map_ahead(work, range(60), num_threads=num_threads, num_ahead=6)
    assert list(results) == [number * number for number in range(60)]
    assert running_readers() == 0


def test_an_error_arrives_after_the_results_before_it() -> None:
    def fail_third(number: int) -> int:
        if number == 2:
            raise ValueError("third")
        return number

    seen = []
    with pytest.raises(ValueError, match="third"):
        for number in map_ahead(fail_third, range(9), num_threads=2, num_ahead=3):
            seen.append(number)
    assert seen == [0, 1]
    assert running_readers() == 0


@pytest.mark.parametrize("num_ahead", [1, 3])
def test_no_more_than_the_bound_is_drawn_ahead_and_an_early_stop_ends_the_threads(num_ahead: int) -> None:
    drawn = []

    def count() -> Iterator[int]:
        for number in range(10**9):
            drawn.append(number)
            yield number

    results = map_ahead(lambda number: number, count(), num_threads=2, num_ahead=num_ahead)
    assert [next(results), next(results)] == [0, 1]
    assert len(drawn) == 2 + num_ahead
    results.close()
    assert running_readers() == 0
