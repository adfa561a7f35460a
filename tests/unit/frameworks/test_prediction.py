"""Prediction in chunks: every row once and in order, one shape per call, bounded memory."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dbx_dl.frameworks.prediction import (
    MAX_CHUNK_ELEMENTS,
    MAX_CHUNK_ROWS,
    MIN_CHUNK_ROWS,
    count_chunk_rows,
    predict_in_chunks,
)


@given(num_rows=st.integers(0, 5000))
def test_rows_keep_their_order_and_chunks_one_shape(num_rows: int) -> None:
    shapes = set()

    def forward(rows: np.ndarray) -> np.ndarray:
        shapes.add(rows.shape)
        return rows[:, :1] * 2.0

    inputs = np.arange(num_rows * 3, dtype=np.float32).reshape(num_rows, 3)
    outputs = predict_in_chunks(forward, inputs)
    assert outputs.dtype == np.float32
    assert outputs.shape == (num_rows, 1)
    assert np.array_equal(outputs, inputs[:, :1] * 2)
    assert len(shapes) == 1
    assert max(shapes)[0] <= MAX_CHUNK_ROWS


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=3))
def test_chunks_are_bounded(shape: list[int]) -> None:
    rows = count_chunk_rows(tuple(shape))
    assert MIN_CHUNK_ROWS <= rows <= MAX_CHUNK_ROWS
    assert rows == MIN_CHUNK_ROWS or rows * np.prod(shape) <= MAX_CHUNK_ELEMENTS
