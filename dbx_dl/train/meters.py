"""How fast training goes, what a rank waits for, and what its process uses; what ranks report of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib.util import find_spec

from dbx_dl.contracts import Batch, Contract, EpochMetrics


class StepMetrics(Contract):
    """Averages over the global steps since the last report; `step` counts over all epochs, from 1."""

    epoch: int
    step: int
    metrics: dict[str, float]


class RankMetrics(Contract):
    """One rank's epoch: `rows_per_second`, `wait_share` (of its time, spent waiting for the feed) and its process."""

    rank: int
    epoch: int
    metrics: dict[str, float]


# What reports call these values.
REPORT_KINDS: dict[type[Contract], str] = {EpochMetrics: "epoch", StepMetrics: "steps", RankMetrics: "rank"}


class RankMeter:
    """Measures one rank's epoch, from when it is made."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._waited = 0.0
        self._num_rows = 0.0
        self._process = _ProcessMeter()

    def watch(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The same batches; the time that each takes to come counts as waiting."""
        while True:
            asked = time.perf_counter()
            batch = next(batches, None)
            self._waited += time.perf_counter() - asked
            if batch is None:
                return
            self._num_rows += float(batch.is_row.sum())
            yield batch

    def read(self) -> dict[str, float]:
        """Metrics since the start."""
        seconds = max(time.perf_counter() - self._started, 1e-9)
        speed = {"rows_per_second": self._num_rows / seconds, "wait_share": self._waited / seconds}
        return speed | self._process.read(seconds)


class _ProcessMeter:
    """This process' memory and cores in use, and the machine's; without psutil nothing is measured."""

    def __init__(self) -> None:
        self._has_psutil = find_spec("psutil") is not None
        self._cpu_seconds = self._read_cpu_seconds() if self._has_psutil else 0.0

    def read(self, seconds: float) -> dict[str, float]:
        if not self._has_psutil:
            return {}
        import psutil

        return {
            "cores_used": (self._read_cpu_seconds() - self._cpu_seconds) / seconds,
            "memory_bytes": float(psutil.Process().memory_info().rss),
            "machine_memory_share": float(psutil.virtual_memory().percent) / 100,
        }

    def _read_cpu_seconds(self) -> float:
        import psutil

        times = psutil.Process().cpu_times()
        return float(times.user + times.system)


class StepMeter:
    """Sums of this rank's steps since the last report, and when that was."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._sums: dict[str, float] = {}

    def add(self, sums: dict[str, float]) -> None:
        """One more step."""
        for name, value in sums.items():
            self._sums[name] = self._sums.get(name, 0.0) + value

    def take(self) -> tuple[dict[str, float], float]:
        """The sums and their seconds; measuring starts anew."""
        now = time.perf_counter()
        taken, seconds = self._sums, now - self._started
        self._sums, self._started = {}, now
        return taken, max(seconds, 1e-9)
