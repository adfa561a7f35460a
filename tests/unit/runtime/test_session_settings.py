"""Settings that fit a folder of files."""

from __future__ import annotations

from dbx_dl.runtime.session_settings import batch_settings


def test_batches_shrink_with_the_files() -> None:
    def rows(mean: float, largest: int) -> int:
        return int(next(iter(batch_settings(mean, largest).values())))

    assert rows(300, 500) == 1000
    assert rows(2**20, 2**20) == 64
    assert rows(2**20, 2**29) == 2
    assert rows(2**30, 2**31) == 1
