"""Measured rows added up batch by batch: counts by bin, sums of numbers, moments of vectors, on the executors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.distributions.bins import bin_numbers
from dbx_dl.distributions.measures import IS_INPUT_THERE, IS_OUTPUT_THERE, WINDOW, Measure
from dbx_dl.distributions.projection import MAX_AXES, project
from dbx_dl.transforms.arrow_values import to_float64

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

# Bins of rows without a value, of what is summed over those that have one, and of values that are named.
NULLS, SUMS, NAMED = -1, -2, -3
CELL_SCHEMA = (
    "window string, place int, bin bigint, text string, num_rows bigint, total double, least double, most double"
)
# Of other values than those that are counted, the most frequent ones of a part of the rows are named.
_MAX_NAMED, _MAX_KNOWN = 20, 10_000
# So many of all parts' are told of a window.
MAX_UNSEEN = 5
_Key = tuple[str, int]


@dataclass(frozen=True)
class Place:
    """A measure and the bins that its values are counted in; with `names_others` some other values are named."""

    measure: Measure
    edges: tuple[float, ...] = ()
    values: tuple[str, ...] = ()
    names_others: bool = False

    @property
    def num_axes(self) -> int:
        """Axes of a vector's moments."""
        return min(self.measure.size, MAX_AXES)


class CellCounter:
    """Adds up batches of measured rows, by window and place."""

    def __init__(self, places: Sequence[Place]) -> None:
        self._places = places
        self._edges = [np.array(place.edges, np.float64) for place in places]
        # Rows without a value and then by bin (K + 1,); sums of numbers; rows and moments of vectors; rows by hash.
        self._bins: dict[_Key, NDArray[np.int64]] = {}
        self._sums: dict[_Key, tuple[int, float, float, float]] = {}
        self._moments: dict[_Key, tuple[int, NDArray[np.float64]]] = {}
        self._hashes: dict[_Key, Counter[int]] = {}
        self._others: dict[_Key, Counter[str]] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Count the rows of one batch: for inputs those whose inputs are there, for predictions those that have one."""
        windows = np.asarray(batch.column(batch.schema.get_field_index(WINDOW)).to_pylist(), object)
        has_input, has_output = (_read_flags(batch, name) for name in (IS_INPUT_THERE, IS_OUTPUT_THERE))
        for window in dict.fromkeys(windows.tolist()):
            if window is None:
                continue
            in_window = windows == window
            for i, place in enumerate(self._places):
                is_there = has_input if place.measure.is_input else has_output
                rows = np.flatnonzero(in_window if place.measure.is_of_all_rows else in_window & is_there)
                if len(rows):
                    self._count((window, i), batch.column(batch.schema.get_field_index(f"m{i}")), rows)

    def to_batch(self) -> pa.RecordBatch:
        """All cells, in the columns that Spark sums up."""
        import pyarrow as pa

        types = (pa.string(), pa.int32(), pa.int64(), pa.string(), pa.int64(), pa.float64(), pa.float64(), pa.float64())
        names = [column.split()[0] for column in CELL_SCHEMA.split(", ")]
        columns = list(zip(*self._list_cells(), strict=True)) or [()] * len(names)
        arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
        return pa.RecordBatch.from_arrays(arrays, names=names)

    def _list_cells(self) -> Iterator[tuple[object, ...]]:
        for key, counts in self._bins.items():
            for place in np.flatnonzero(counts):
                yield (*key, int(place) + NULLS, None, int(counts[place]), 0.0, None, None)
        for key, sums in self._sums.items():
            yield (*key, SUMS, None, *sums)
        for key, (num_rows, moments) in self._moments.items():
            for axis, total in enumerate(moments):
                yield (*key, axis, None, num_rows, float(total), None, None)
        for key, hashes in self._hashes.items():
            yield from ((*key, value, None, num_rows, 0.0, None, None) for value, num_rows in hashes.items())
        for key, others in self._others.items():
            for text, num_rows in sorted(others.items(), key=_rank)[:_MAX_NAMED]:
                yield (*key, NAMED, text, num_rows, 0.0, None, None)

    def _count(self, key: _Key, column: pa.Array, rows: NDArray[np.int64]) -> None:
        import pyarrow as pa

        place = self._places[key[1]]
        kind, taken = place.measure.kind, column.take(pa.array(rows))
        if kind == "number":
            self._count_numbers(key, to_float64(taken, place.measure.column))
        elif kind in ("category", "presence"):
            bins = _find_values(taken, place.values)
            self._count_bins(key, bins, len(place.values) + 1)
            if place.names_others:
                self._name_others(key, taken.filter(pa.array(bins == len(place.values))))
        elif kind == "hash":
            self._hashes.setdefault(key, Counter()).update(taken.drop_null().to_pylist())
        else:
            self._count_vectors(key, taken, place.measure.size)

    def _count_numbers(self, key: _Key, numbers: NDArray[np.float64]) -> None:
        edges = self._edges[key[1]]
        self._count_bins(key, bin_numbers(numbers, edges), len(edges) + 1)
        known = numbers[np.isfinite(numbers)]
        if len(known):
            num_rows, total, least, most = self._sums.get(key, (0, 0.0, np.inf, -np.inf))
            ends = (min(least, float(known.min())), max(most, float(known.max())))
            self._sums[key] = (num_rows + len(known), total + float(known.sum()), *ends)

    def _count_bins(self, key: _Key, bins: NDArray[np.int64], num_bins: int) -> None:
        counts = np.bincount(bins - NULLS, minlength=num_bins + 1)
        self._bins[key] = self._bins[key] + counts if key in self._bins else counts

    def _name_others(self, key: _Key, column: pa.Array) -> None:
        others = self._others.setdefault(key, Counter())
        others.update(column.to_pylist())
        if len(others) > _MAX_KNOWN:
            self._others[key] = Counter(dict(sorted(others.items(), key=_rank)[: _MAX_KNOWN // 2]))

    def _count_vectors(self, key: _Key, column: pa.Array, size: int) -> None:
        vectors = read_vectors(column, size)
        if len(column) > len(vectors):
            self._count_bins(key, np.full(len(column) - len(vectors), NULLS), 0)
        if len(vectors):
            points = project(vectors)
            products = points.T @ points
            moments = np.concatenate([points.sum(axis=0), products[np.triu_indices(points.shape[1])]])
            num_rows, known = self._moments.get(key, (0, 0.0))
            self._moments[key] = (num_rows + len(vectors), known + moments)


def _read_flags(batch: pa.RecordBatch, name: str) -> NDArray[np.bool_]:
    """A boolean column (N,), null as false; all true where there is none of that name."""
    place = batch.schema.get_field_index(name)
    if place < 0:
        return np.ones(batch.num_rows, np.bool_)
    return np.asarray(batch.column(place).fill_null(False).to_numpy(zero_copy_only=False).astype(np.bool_))


def _rank(pair: tuple[str, int]) -> tuple[int, str]:
    """The most frequent first, ties by name."""
    return -pair[1], pair[0]


def read_vectors(column: pa.Array, size: int) -> NDArray[np.float64]:
    """Those vectors (N, K) of arrays of numbers that have `size` finite numbers."""
    import pyarrow.compute as pc

    is_whole = pc.equal(pc.list_value_length(column), size).fill_null(False)
    flat = column.filter(is_whole).flatten().to_numpy(zero_copy_only=False)
    vectors = np.asarray(flat, np.float64).reshape(-1, size)
    return np.asarray(vectors[np.isfinite(vectors).all(axis=1)])


def _find_values(column: pa.Array, values: Sequence[str]) -> NDArray[np.int64]:
    """The place of each text among the values, `len(values)` for others and NULLS for null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    # Where rows are large Spark gives texts with wider offsets.
    places = pc.index_in(column.cast(pa.string()), value_set=pa.array(values, pa.string())).fill_null(len(values))
    found = places.to_numpy(zero_copy_only=False).astype(np.int64)
    return np.where(column.is_null().to_numpy(zero_copy_only=False), NULLS, found)
