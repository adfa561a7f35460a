"""Apply a network to many rows in chunks of one fixed shape, so that nothing is retraced and memory stays bounded."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_CHUNK_ROWS = 8
MAX_CHUNK_ROWS = 1024
# Larger chunks of images are slower on a CPU: a convolution's outputs then no longer fit its caches.
MAX_CHUNK_ELEMENTS = 2**17


def predict_in_chunks(
    forward: Callable[[NDArray[np.generic]], NDArray[np.float32]], inputs: NDArray[np.generic]
) -> NDArray[np.float32]:
    """`forward` of inputs (N, ...) in chunks: float32 (N, num_outputs); the last chunk is padded with zeros.

    N may be 0.
    """
    num_rows = len(inputs)
    chunk_rows = max(1, min(num_rows, count_chunk_rows(inputs.shape[1:])))
    starts = range(0, max(num_rows, 1), chunk_rows)
    outputs = [forward(_pad_rows(inputs[start : start + chunk_rows], chunk_rows)) for start in starts]
    return np.concatenate(outputs)[:num_rows].astype(np.float32, copy=False)


def count_chunk_rows(row_shape: tuple[int, ...]) -> int:
    """Rows per chunk for rows of this shape: 1,024 for short ones, down to 8 for large images."""
    return max(MIN_CHUNK_ROWS, min(MAX_CHUNK_ROWS, MAX_CHUNK_ELEMENTS // max(1, prod(row_shape))))


def _pad_rows(rows: NDArray[np.generic], num_rows: int) -> NDArray[np.generic]:
    if len(rows) == num_rows:
        return rows
    padding = np.zeros((num_rows - len(rows), *rows.shape[1:]), rows.dtype)
    return np.concatenate([rows, padding])
