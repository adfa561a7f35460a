"""The keys of rows that were read together, made into text only when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias, overload

from dbx_dl.feed.shuffle import group_places

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    BlockKeys: TypeAlias = dict[int, pa.Array]


class RowKeys:
    """Keys of `size` places, "" where nothing was put."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._parts: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], BlockKeys]] = []

    def put(
        self, places: NDArray[np.int64], numbers: NDArray[np.int64], rows: NDArray[np.int64], keys: BlockKeys
    ) -> None:
        """Let some places have the keys of these rows of blocks with these numbers; `keys` are those of the blocks."""
        self._parts.append((places, numbers, rows, keys))

    @cached_property
    def texts(self) -> list[str]:
        """All keys."""
        texts = [""] * self._size
        for places, numbers, rows, keys in self._parts:
            for number, at in group_places(numbers):
                for place, key in zip(places[at].tolist(), keys[number].take(rows[at]).to_pylist(), strict=True):
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
