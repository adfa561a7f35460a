"""Batches as PyTorch tensors, and a feed as an `IterableDataset` for use outside our own loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

if TYPE_CHECKING:
    from dbx_dl.contracts import Batch


def to_tensors(batch: Batch, device: Any = "cpu") -> tuple[Any, Any, Any]:
    """The batch's inputs (N, ...), labels (int64 or float32, see `Batch`) and weights (N,) as tensors on `device`."""
    return to_tensor(batch.inputs, device), to_tensor(batch.labels, device), to_tensor(batch.weights, device)


def to_tensor(values: np.ndarray, device: Any = "cpu") -> Any:
    """The array as a tensor on `device`; it shares memory with a writable array on the CPU."""
    if not values.flags.writeable:  # as buffers from Arrow are; torch takes writable memory only
        values = values.copy()
    return torch.from_numpy(np.asarray(values, order="C")).to(device)


class BatchDataset(IterableDataset):  # type: ignore[misc]
    """(inputs, labels, weights) of every batch: `DataLoader(BatchDataset(batches), batch_size=None)`.

    Read anew from `batches` for every epoch; an iterator (rather than, say, a list) serves one epoch only. With
    several loader workers each takes its share of the batches, and the loader keeps their order. A feed reads ahead in
    threads of its own and wants no workers; its `epochs()` give another order every time:

        feed = dbx_dl.open_feed(prepared, "train", batch_size=32)
        loader = DataLoader(BatchDataset(feed.epochs()), batch_size=None)
        for epoch in range(5):
            for inputs, labels, weights in loader: ...
    """

    def __init__(self, batches: Iterable[Batch]) -> None:
        super().__init__()
        self._batches = batches

    def __iter__(self) -> Iterator[tuple[Any, Any, Any]]:
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        return (to_tensors(batch) for batch in islice(self._batches, first, None, step))
