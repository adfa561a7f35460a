"""The keys of rows that were read together, made into text only when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray


class RowKeys:
    """Keys of `size` places: of some of them by part, "" for the others."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._parts: list[tuple[NDArray[np.int64], pa.Array, NDArray[np.int64]]] = []

    def put(self, places: NDArray[np.int64], keys: pa.Array, rows: NDArray[np.int64]) -> None:
        """Let some places have the keys of these rows of a block."""
        self._parts.append((places, keys, rows))

    @cached_property
    def texts(self) -> list[str]:
        """All keys."""
        texts = [""] * self._size
        for places, keys, rows in self._parts:
            for place, key in zip(places.tolist(), keys.take(rows).to_pylist(), strict=True):
                texts[place] = key
        return texts


class BatchKeys(Sequence[str]):
    """A stretch of keys, as a batch has them."""

    def __init__(self, keys: RowKeys, start: int, stop: int) -> None:
        self._keys = keys
        self._start = start
        self._stop = stop

    def __len__(self) -> int:
        return self._stop - self._start

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[str, ...]: ...

    def __getitem__(self, place: int | slice) -> str | tuple[str, ...]:
        return tuple(self._keys.texts[self._start : self._stop])[place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __iter__(self) -> Iterator[str]:
        return iter(self[:])

    def __repr__(self) -> str:
        return repr(self[:])
