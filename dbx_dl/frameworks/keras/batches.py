"""Batches as TensorFlow tensors, and a feed as a `tf.data.Dataset` for `model.fit` outside our own loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from typing import TYPE_CHECKING, Any

import tensorflow as tf

if TYPE_CHECKING:
    from dbx_dl.contracts import Batch


def to_tensors(batch: Batch) -> tuple[Any, Any, Any]:
    """The batch's inputs (N, ...), labels (int64 or float32, see `Batch`) and weights float32 (N,) as tensors."""
    return (
        tf.convert_to_tensor(batch.inputs),
        tf.convert_to_tensor(batch.labels),
        tf.convert_to_tensor(batch.weights, tf.float32),
    )


def open_dataset(batches: Iterable[Batch], input_shape: tuple[int, ...], input_dtype: str) -> Any:
    """A dataset of (inputs, labels, weights) as `model.fit` takes them, read anew from `batches` for every epoch.

    `input_shape` is that of one row. An iterator (rather than, say, a list) serves one epoch only.
    """
    signature = (
        tf.TensorSpec((None, *input_shape), input_dtype),
        tf.TensorSpec((None,), tf.int64),
        tf.TensorSpec((None,), tf.float32),
    )

    def read() -> Iterator[tuple[Any, Any, Any]]:
        return ((batch.inputs, batch.labels, batch.weights) for batch in batches)

    dataset = tf.data.Dataset.from_generator(read, output_signature=signature).prefetch(1)
    if isinstance(batches, Sized):
        # Of an unknown length, `model.fit` counts one optimizer step too many in every epoch, and warns.
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(len(batches)))
    return dataset
