"""How many rows go into a model at once: tried out on the first batches, or as given."""

from __future__ import annotations

# Pieces of each size (more than half of it) that are timed; the best counts, since other work only makes them slower.
_NUM_TRIALS = 2
# A smaller size must be that much faster: it costs more calls.
_MARGIN = 1.05
# The largest size divided by these: near it costs more by a tenth where the processor's cache is just too small.
_DIVISORS = (1, 2, 4, 16)


class BatchSizer:
    """Chooses among a few sizes by rows per second; one per process and model, so that later tasks start tuned.

    Which size is chosen changes predictions by no more than the last digits of floats.
    """

    def __init__(self, max_rows: int, max_bytes: int) -> None:
        """Sizes up to `max_rows`, later as many as keep a call's outputs within `max_bytes`."""
        self._sizes = list_sizes(max_rows)
        self._max_bytes = max_bytes
        self._rates: dict[int, list[float]] = {size: [] for size in self._sizes}
        self._is_warm = False
        self._chosen: int | None = None

    @property
    def chosen(self) -> int | None:
        """The size, once it is found."""
        return self._chosen

    def next_size(self) -> int:
        """How many rows to take next; sizes are tried from the smallest on."""
        if self._chosen is not None:
            return self._chosen
        return min(self._sizes, key=lambda size: (len(self._rates[size]), size))

    def record(self, num_rows: int, seconds: float, output_bytes: int = 0) -> None:
        """How long a piece took, and how much came out of the model; the first call only warms it up."""
        self._bound_sizes(num_rows, output_bytes)
        size = next((size for size in self._sizes if size >= num_rows), None)
        if self._chosen is not None or size is None or num_rows * 2 <= size:
            return
        if not self._is_warm:
            self._is_warm = True
            return
        self._rates[size].append(num_rows / max(seconds, 1e-9))
        if all(len(self._rates[size]) >= _NUM_TRIALS for size in self._sizes):
            self._chosen = choose_size({size: max(self._rates[size]) for size in self._sizes})

    def _bound_sizes(self, num_rows: int, output_bytes: int) -> None:
        most = max(1, self._max_bytes * num_rows // output_bytes) if output_bytes else self._sizes[-1]
        if most < self._sizes[-1]:
            self._sizes = list_sizes(most)
            self._rates = {size: self._rates.get(size, []) for size in self._sizes}
            self._chosen = None if self._chosen is None else min(self._chosen, most)


def cut_evenly(num_rows: int, size: int) -> int:
    """How many of the rows to take next so that all pieces are about alike and none is above the size."""
    num_pieces = -(-num_rows // size)
    return -(-num_rows // num_pieces)


def list_sizes(max_rows: int) -> list[int]:
    """The sizes to try, ascending: the largest, and parts of it."""
    return sorted({max(1, max_rows // divisor) for divisor in _DIVISORS})


def choose_size(rates: dict[int, float]) -> int:
    """The size of the most rows per second; the largest of those that are nearly as fast."""
    best = max(rates.values())
    return max(size for size, rate in rates.items() if rate * _MARGIN >= best)
