"""The collectives between ranks over torch.distributed: Gloo on the CPU, NCCL on GPUs, no Horovod."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import distributed

from dbx_dl.errors import SetupError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dbx_dl.runtime.ranks import RankPlace


def join_process_group(place: RankPlace) -> ProcessGroupRanks:
    """Join the group of `place`, which MASTER_ADDR, RANK and their like describe; SetupError where torch lacks it."""
    if not distributed.is_available():
        raise SetupError(
            "this PyTorch is built without torch.distributed", "install another build, or train on Horovod"
        )
    backends = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    distributed.init_process_group(backends, rank=place.rank, world_size=place.size)
    return ProcessGroupRanks()


class ProcessGroupRanks:
    """The `Ranks` of a torch.distributed group; every rank must call the same collectives in the same order."""

    def __init__(self) -> None:
        self.rank: int = distributed.get_rank()
        self.size: int = distributed.get_world_size()

    def sum(self, values: NDArray[np.generic]) -> NDArray[np.float64]:
        """Element-wise sum over ranks, float64, of an array with the same shape on every rank."""
        total = torch.from_numpy(np.array(values, dtype=np.float64))
        if total.numel():
            distributed.all_reduce(total)
        return np.asarray(total.numpy(), dtype=np.float64)

    def gather_rows(self, rows: NDArray[np.generic]) -> NDArray[np.generic]:
        """Rows of all ranks in rank order, (sum of N, ...), dtype kept; N may differ between ranks, also be 0.

        The dtype and the shape of one row must be the same on every rank. TypeError for object arrays.
        """
        counts = np.zeros(self.size)
        counts[self.rank] = rows.nbytes
        sizes = self.sum(counts).astype(int).tolist()
        received = [torch.empty(max(sizes), dtype=torch.uint8) for _ in sizes]
        # Gloo gathers equal lengths only.
        sent = torch.zeros(max(sizes), dtype=torch.uint8)
        sent[: rows.nbytes] = _as_bytes(rows)
        if max(sizes):
            distributed.all_gather(received, sent)
        content = b"".join(part[:size].numpy().tobytes() for part, size in zip(received, sizes, strict=True))
        return np.frombuffer(content, rows.dtype).reshape(-1, *rows.shape[1:]).copy() if content else rows

    def broadcast(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """Rank 0's values on every rank, for one shape and dtype on all of them; any dtype of fixed width."""
        if values.nbytes == 0:
            return values
        sent = _as_bytes(values)
        distributed.broadcast(sent, 0)
        return np.frombuffer(sent.numpy().tobytes(), values.dtype).reshape(values.shape).copy()

    def sum_tensors(self, tensors: list[Any]) -> list[Any]:
        """Sums over ranks of tensors whose shapes, dtypes and devices are the same on every rank.

        One message for all of one dtype and device: many small ones cost more than the copies.
        """
        sums: list[Any] = list(tensors)
        for kind in dict.fromkeys((tensor.dtype, tensor.device) for tensor in tensors):
            chosen = [index for index, tensor in enumerate(tensors) if (tensor.dtype, tensor.device) == kind]
            flat = torch.cat([tensors[index].reshape(-1) for index in chosen])
            distributed.all_reduce(flat)
            parts = flat.split([tensors[index].numel() for index in chosen])
            for index, part in zip(chosen, parts, strict=True):
                sums[index] = part.view_as(tensors[index])
        return sums

    def close(self) -> None:
        """Leave the group; no collective may follow."""
        distributed.destroy_process_group()


def _as_bytes(values: NDArray[np.generic]) -> Any:
    if values.dtype.hasobject:
        raise TypeError(f"arrays of Python objects cannot travel between ranks, got dtype {values.dtype}")
    # A copy, since torch wants memory that it may write to.
    return torch.from_numpy(np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8).copy())
