"""Layers for users, their histories and the items to recommend, in Keras."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import keras
from keras import ops

from dbx_dl.frameworks import history_layers as kinds
from dbx_dl.frameworks.token_layers import MASKED_SCORE

Values = Any


@keras.saving.register_keras_serializable("dbx_dl")
class MaskSeen(keras.layers.Layer):  # type: ignore[misc]
    """`MASKED_SCORE` in the place of logits (N, I) of items that are in the history, ids (N, T)."""

    def call(self, logits_ni: Values, items_nt: Values) -> Values:
        """(N, I)."""
        num_rows, num_steps = ops.shape(items_nt)[0], ops.shape(items_nt)[1]
        rows_nt = ops.broadcast_to(ops.expand_dims(ops.arange(num_rows, dtype="int32"), 1), (num_rows, num_steps))
        places = ops.stack([ops.reshape(rows_nt, (-1,)), ops.reshape(items_nt, (-1,))], axis=1)
        seen = ops.zeros((num_rows, logits_ni.shape[1] + kinds.FIRST_ITEM), logits_ni.dtype)
        ones = ops.ones((num_rows * num_steps,), logits_ni.dtype)
        seen_ni = ops.scatter_update(seen, places, ones)[:, kinds.FIRST_ITEM :]
        return logits_ni * (1 - seen_ni) + seen_ni * MASKED_SCORE


@keras.saving.register_keras_serializable("dbx_dl")
class Columns(keras.layers.Layer):  # type: ignore[misc]
    """See `frameworks.history_layers.Columns`."""

    def __init__(self, start: int, stop: int | None, **options: Any) -> None:
        super().__init__(**options)
        self._start, self._stop = start, stop

    def call(self, values: Values) -> Values:
        """Some of (N, K)."""
        return values[:, self._start : self._stop]

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the layer."""
        return {**super().get_config(), "start": self._start, "stop": self._stop}


@keras.saving.register_keras_serializable("dbx_dl")
class SumEmbedding(keras.layers.Layer):  # type: ignore[misc]
    """See `frameworks.history_layers.SumEmbedding`."""

    def __init__(self, num_ids: int, width: int, **options: Any) -> None:
        super().__init__(**options)
        self._kind = kinds.SumEmbedding(num_ids, width)

    def build(self, input_shape: Any) -> None:
        """A vector for every id."""
        del input_shape
        self.embedding = _start(self, (self._kind.num_ids, self._kind.width), "embedding")

    def call(self, ids_nu: Values) -> Values:
        """(N, width)."""
        return ops.sum(_look_up(self.embedding, ids_nu), axis=1)

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the layer."""
        return {**super().get_config(), **asdict(self._kind)}


@keras.saving.register_keras_serializable("dbx_dl")
class ItemTower(keras.layers.Layer):  # type: ignore[misc]
    """See `frameworks.history_layers.ItemTower`."""

    def __init__(self, kind: dict[str, Any], **options: Any) -> None:
        super().__init__(**options)
        self._kind = kinds.ItemTower(**kind)

    def build(self, input_shape: Any) -> None:
        """Vectors, two dense layers and a bias for every item."""
        kind, width = self._kind, input_shape[-1]
        self.embedding = _start(self, (kind.num_items, kind.width), "embedding")
        self.columns = [
            _start(self, (number, kind.width), f"column_{place}") for place, number in enumerate(kind.num_item_ids)
        ]
        self.kernel, self.bias = _start_dense(self, kind.width, kind.hidden_units, "")
        self.output_kernel, self.output_bias = _start_dense(self, kind.hidden_units, width, "output_")
        self.item_bias = self.add_weight(shape=(kind.num_items,), initializer="zeros", name="item_bias")

    def call(self, values_nk: Values) -> Values:
        """(N, num_items)."""
        sums_iw = ops.convert_to_tensor(self.embedding)
        for vectors, ids_i in zip(self.columns, self._kind.item_ids, strict=True):
            sums_iw = sums_iw + _look_up(vectors, ops.array(ids_i, dtype="int32"))
        hidden = ops.relu(ops.matmul(sums_iw, self.kernel) + self.bias)
        items_ik = ops.matmul(hidden, self.output_kernel) + self.output_bias
        return ops.matmul(values_nk, ops.transpose(items_ik)) + self.item_bias

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the layer."""
        return {**super().get_config(), "kind": asdict(self._kind)}


def _start(layer: Any, shape: tuple[int, int], name: str) -> Any:
    return layer.add_weight(shape=shape, initializer="uniform", name=name)


def _start_dense(layer: Any, width: int, units: int, prefix: str) -> tuple[Any, Any]:
    kernel = layer.add_weight(shape=(width, units), initializer="glorot_uniform", name=f"{prefix}kernel")
    return kernel, layer.add_weight(shape=(units,), initializer="zeros", name=f"{prefix}bias")


def _look_up(vectors: Any, ids: Values) -> Values:
    """Vectors of ids, zeros for the id 0."""
    found = ops.take(vectors, ids, axis=0)
    return found * ops.expand_dims(ops.cast(ops.not_equal(ids, kinds.UNKNOWN_USER), found.dtype), -1)
