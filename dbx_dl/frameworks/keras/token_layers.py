"""Layers of sequences that end in padding, in Keras; `tokens_nt` is 1 for tokens and 0 for padding (None: all 1)."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from dbx_dl.frameworks import token_layers as kinds

Values = Any


def keep_tokens(values_ntk: Values, tokens_nt: Values) -> Values:
    """Zeros where there is padding."""
    return values_ntk if tokens_nt is None else values_ntk * ops.expand_dims(_like(tokens_nt, values_ntk), -1)


@keras.saving.register_keras_serializable("dbx_dl")
class FindTokens(keras.layers.Layer):  # type: ignore[misc]
    """Ids (N, T) to float32 (N, T): 1 for tokens, 0 for padding."""

    def call(self, ids_nt: Values) -> Values:
        """Whatever is no padding."""
        return ops.cast(ops.not_equal(ids_nt, kinds.PADDING_ID), "float32")


@keras.saving.register_keras_serializable("dbx_dl")
class TakeIds(keras.layers.Layer):  # type: ignore[misc]
    """The first `num_steps` of rows (N, T + K) as int32, which lower precision than float32 would round."""

    def __init__(self, num_steps: int, **options: Any) -> None:
        super().__init__(autocast=False, **options)
        self._num_steps = num_steps

    def call(self, rows: Values) -> Values:
        """(N, T)."""
        return ops.cast(rows[:, : self._num_steps], "int32")

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the layer."""
        return {**super().get_config(), "num_steps": self._num_steps}


@keras.saving.register_keras_serializable("dbx_dl")
class DropIds(keras.layers.Layer):  # type: ignore[misc]
    """What is behind the first `num_steps` of rows (N, T + K)."""

    def __init__(self, num_steps: int, **options: Any) -> None:
        super().__init__(**options)
        self._num_steps = num_steps

    def call(self, rows: Values) -> Values:
        """(N, K)."""
        return rows[:, self._num_steps :]

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the layer."""
        return {**super().get_config(), "num_steps": self._num_steps}


@keras.saving.register_keras_serializable("dbx_dl")
class FindSteps(keras.layers.Layer):  # type: ignore[misc]
    """Numbers by step (N, T, K + 1) to float32 (N, T): 1 for steps, 0 for padding."""

    def call(self, values_ntk: Values) -> Values:
        """The last number."""
        return ops.cast(values_ntk[..., -1], "float32")


@keras.saving.register_keras_serializable("dbx_dl")
class StepValues(keras.layers.Layer):  # type: ignore[misc]
    """See `frameworks.token_layers.StepValues`."""

    def call(self, values_ntk: Values) -> Values:
        """(N, T, K)."""
        return values_ntk[..., :-1]


@keras.saving.register_keras_serializable("dbx_dl")
class TokenPositions(keras.layers.Layer):  # type: ignore[misc]
    """See `frameworks.token_layers.TokenPositions`."""

    def __init__(self, num_steps: int, **options: Any) -> None:
        super().__init__(**options)
        self._num_steps = num_steps

    def build(self, input_shape: Any) -> None:
        """A vector for every step."""
        shape = (self._num_steps, input_shape[-1])
        self.embedding = self.add_weight(shape=shape, initializer="random_normal", name="embedding")

    def call(self, values_ntk: Values) -> Values:
        """Add the first T of them."""
        return values_ntk + self.embedding[: ops.shape(values_ntk)[1]]

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the layer."""
        return {**super().get_config(), "num_steps": self._num_steps}


@keras.saving.register_keras_serializable("dbx_dl")
class KeepTokens(keras.layers.Layer):  # type: ignore[misc]
    """Zeros where there is padding."""

    def call(self, values_ntk: Values, tokens_nt: Values = None) -> Values:
        """(N, T, K)."""
        return keep_tokens(values_ntk, tokens_nt)


@keras.saving.register_keras_serializable("dbx_dl")
class MaxOverTokens(keras.layers.Layer):  # type: ignore[misc]
    """See `frameworks.token_layers.MaxOverTokens`."""

    def call(self, values_ntk: Values, tokens_nt: Values = None) -> Values:
        """(N, K)."""
        return ops.max(keep_tokens(ops.relu(values_ntk), tokens_nt), axis=1)


@keras.saving.register_keras_serializable("dbx_dl")
class MeanOverTokens(keras.layers.Layer):  # type: ignore[misc]
    """The mean of every channel of (N, T, K) over a row's tokens, zeros where it has none."""

    def call(self, values_ntk: Values, tokens_nt: Values) -> Values:
        """(N, K)."""
        num_tokens = ops.maximum(ops.sum(_like(tokens_nt, values_ntk), axis=1, keepdims=True), 1)
        return ops.sum(keep_tokens(values_ntk, tokens_nt), axis=1) / num_tokens


@keras.saving.register_keras_serializable("dbx_dl")
class LastToken(keras.layers.Layer):  # type: ignore[misc]
    """See `frameworks.token_layers.LastToken`."""

    def call(self, values_ntk: Values, tokens_nt: Values = None) -> Values:
        """(N, K)."""
        if tokens_nt is None:
            return values_ntk[:, -1]
        next_nt = ops.concatenate([tokens_nt[:, 1:], ops.zeros_like(tokens_nt[:, :1])], axis=1)
        return ops.sum(keep_tokens(values_ntk, tokens_nt - next_nt), axis=1)


@keras.saving.register_keras_serializable("dbx_dl")
class TokenLogits(keras.layers.Layer):  # type: ignore[misc]
    """See `frameworks.token_layers.TokenLogits`."""

    def call(self, values_ntk: Values, tokens_nt: Values = None) -> Values:
        """(N, T * K)."""
        if tokens_nt is not None:
            is_padding = 1 - ops.expand_dims(_like(tokens_nt, values_ntk), -1)
            values_ntk = keep_tokens(values_ntk, tokens_nt) + is_padding * kinds.MASKED_SCORE
        return ops.reshape(values_ntk, (-1, values_ntk.shape[1] * values_ntk.shape[2]))


@keras.saving.register_keras_serializable("dbx_dl")
class ReverseTokens(keras.layers.Layer):  # type: ignore[misc]
    """See `frameworks.token_layers.ReverseTokens`; a product with a matrix of 0 and 1, which every exporter knows."""

    def call(self, values_ntk: Values, tokens_nt: Values = None) -> Values:
        """(N, T, K)."""
        if tokens_nt is None:
            return ops.flip(values_ntk, axis=1)
        steps = ops.arange(ops.shape(values_ntk)[1], dtype="float32")
        sources_nt = ops.sum(ops.cast(tokens_nt, "float32"), axis=1, keepdims=True) - 1 - steps
        return ops.matmul(_like(ops.equal(ops.expand_dims(sources_nt, -1), steps), values_ntk), values_ntk)


def convolve_tokens(layer: kinds.Conv1D, values_ntk: Values, name: str, tokens_nt: Values) -> Values:
    """See `frameworks.token_layers.Conv1D`."""
    if tokens_nt is not None:
        values_ntk = KeepTokens(name=f"{name}.tokens")(values_ntk, tokens_nt)
    return keras.layers.Conv1D(layer.filters, layer.size, padding="same", name=name)(values_ntk)


def _like(tokens: Values, values: Values) -> Values:
    return ops.cast(tokens, values.dtype)
