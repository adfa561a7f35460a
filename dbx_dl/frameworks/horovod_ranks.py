"""The collectives between ranks on NumPy arrays, over whichever Horovod binding a framework hands in."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from dbx_dl.errors import SetupError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dbx_dl.runtime.ranks import RankPlace

_FIX = "build and install its wheel with conf/horovod/build_wheel.sh, or train with num_ranks: 1"


def join_group(binding_name: str, place: RankPlace) -> Any:
    """Import the binding (`horovod.torch` or `horovod.tensorflow`), join the group of `place`, return the binding.

    SetupError when Horovod is absent, lacks the binding, or forms a group of another size.
    """
    binding = import_binding(binding_name)
    binding.init()
    if (binding.rank(), binding.size()) != (place.rank, place.size):
        found = f"rank {binding.rank()} of {binding.size()}"
        binding.shutdown()
        raise SetupError(
            f"Horovod started as {found} where rank {place.rank} of {place.size} was launched: "
            f"its build lacks Gloo, or HOROVOD_* variables are missing; {_FIX}"
        )
    return binding


def import_binding(binding_name: str) -> Any:
    """The Horovod module of that name; SetupError with the fix when it cannot be imported."""
    try:
        return import_module(binding_name)
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError) and error.name == "horovod":
            raise SetupError(f"more than one rank needs Horovod, which is not installed: {_FIX}") from None
        reason = " ".join(str(error).split())
        raise SetupError(f"{binding_name} cannot be imported ({reason}): {_FIX}") from error


class HorovodRanks:
    """The `Ranks` of a Horovod group; every rank must call the same collectives in the same order.

    `to_tensor` and `to_numpy` convert between NumPy arrays and the binding's tensors on the CPU.
    """

    def __init__(self, binding: Any, to_tensor: Callable[[Any], Any], to_numpy: Callable[[Any], Any]) -> None:
        self._binding = binding
        self._to_tensor = to_tensor
        self._to_numpy = to_numpy
        self.rank: int = binding.rank()
        self.size: int = binding.size()

    def sum(self, values: NDArray[np.generic]) -> NDArray[np.float64]:
        """Element-wise sum over ranks, float64, of an array with the same shape on every rank."""
        flat = np.array(values, dtype=np.float64).reshape(-1)
        if flat.size == 0:
            return flat.reshape(values.shape)
        total = self._binding.allreduce(self._to_tensor(flat), op=self._binding.Sum, name="dbx_dl_sum")
        return np.asarray(self._to_numpy(total), dtype=np.float64).reshape(np.shape(values))

    def gather_rows(self, rows: NDArray[np.generic]) -> NDArray[np.generic]:
        """Rows of all ranks in rank order, (sum of N, ...), dtype kept; N may differ between ranks, also be 0.

        Any dtype of fixed width will do (float32, float64, int64, bool, ...; rows travel as bytes). It and the shape
        of one row must be the same on every rank. TypeError for object arrays.
        """
        row_bytes = prod(rows.shape[1:]) * rows.itemsize
        # An allgather in which no rank has a row is left out: Horovod is not asked to move nothing.
        if row_bytes == 0 or self.sum(np.array([len(rows)]))[0] == 0:
            return rows
        sent = _as_bytes(rows).reshape(len(rows), row_bytes)
        received = self._to_numpy(self._binding.allgather(self._to_tensor(sent), name="dbx_dl_gather_rows"))
        return np.frombuffer(np.ascontiguousarray(received).tobytes(), rows.dtype).reshape(-1, *rows.shape[1:]).copy()

    def broadcast(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """Rank 0's values on every rank, for one shape and dtype on all of them; any dtype of fixed width."""
        if values.nbytes == 0:
            return values
        sent = self._to_tensor(_as_bytes(values))
        received = self._to_numpy(self._binding.broadcast(sent, 0, name="dbx_dl_broadcast"))
        return np.frombuffer(np.ascontiguousarray(received).tobytes(), values.dtype).reshape(values.shape).copy()

    def close(self) -> None:
        """Leave the group; no collective may follow."""
        self._binding.shutdown()


def _as_bytes(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    if values.dtype.hasobject:
        raise TypeError(f"arrays of Python objects cannot travel between ranks, got dtype {values.dtype}")
    return np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8).copy()
