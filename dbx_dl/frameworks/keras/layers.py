"""Each kind of layer in Keras: what turns a value of `frameworks.layers` into layers of a functional network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from itertools import islice
from typing import Any

import keras
from keras import ops

from dbx_dl.frameworks import audio_layers, cluster_layers, decoder_layers, history_layers, random_layers, token_layers
from dbx_dl.frameworks import layers as kinds
from dbx_dl.frameworks.architectures.architecture import name_layers
from dbx_dl.frameworks.architectures.pixels import PIXEL_SCALE
from dbx_dl.frameworks.keras.activations import create_activation
from dbx_dl.frameworks.keras.audio_layers import LogMel
from dbx_dl.frameworks.keras.cluster_layers import Centroids, DiagonalMixture
from dbx_dl.frameworks.keras.decoder_layers import write_tokens
from dbx_dl.frameworks.keras.history_layers import Columns, ItemTower, SumEmbedding
from dbx_dl.frameworks.keras.random_layers import Corrupt, Sample
from dbx_dl.frameworks.keras.token_layers import (
    DropIds,
    FindTokens,
    LastToken,
    MaxOverTokens,
    MeanOverTokens,
    ReverseTokens,
    StepValues,
    TakeIds,
    TokenLogits,
    TokenPositions,
    convolve_tokens,
)

Values = Any


def apply_layers(
    layers: tuple[tuple[str, kinds.Layer], ...], values: Values, prefix: str = "", tokens_nt: Values = None
) -> Values:
    """The values behind the named layers; `prefix` comes before their names, `tokens_nt` is 1 for tokens."""
    for name, layer in layers:
        kind = type(layer)
        if kind in APPLIERS_WITH_TOKENS:
            values = APPLIERS_WITH_TOKENS[kind](layer, values, prefix + name, tokens_nt)
        else:
            values = APPLIERS[kind](layer, values, prefix + name)
    return values


@keras.saving.register_keras_serializable("dbx_dl")
class PositionEmbedding(keras.layers.Layer):  # type: ignore[misc]
    """A trained number for every entry of a row is added; starts at `initializer`."""

    def __init__(self, initializer: str = "zeros", **options: Any) -> None:
        super().__init__(**options)
        self._initializer = initializer

    def build(self, input_shape: Any) -> None:
        """One weight of a row's shape."""
        self.embedding = self.add_weight(shape=input_shape[1:], initializer=self._initializer, name="embedding")

    def call(self, values: Values) -> Values:
        """Add it."""
        return values + self.embedding

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the layer."""
        return {**super().get_config(), "initializer": self._initializer}


@keras.saving.register_keras_serializable("dbx_dl")
class SelfAttention(keras.layers.Layer):  # type: ignore[misc]
    """See `frameworks.layers.SelfAttention`; on float (N, T, K)."""

    def __init__(self, num_heads: int, **options: Any) -> None:
        super().__init__(**options)
        self._num_heads = num_heads

    def build(self, input_shape: Any) -> None:
        """Queries, keys, values and the output."""
        width = input_shape[-1]
        for name in ("query", "key", "value", "output"):
            dense = keras.layers.Dense(width, name=name)
            dense.build(input_shape)
            setattr(self, f"{name}_layer", dense)

    def call(self, values_ntk: Values, tokens_nt: Values = None) -> Values:
        """Every step attends to all steps of its row, or to all tokens."""
        num_steps, width = ops.shape(values_ntk)[1], values_ntk.shape[-1]
        size = width // self._num_heads

        def split(dense: Any) -> Any:
            heads = ops.reshape(dense(values_ntk), (-1, num_steps, self._num_heads, size))
            return ops.transpose(heads, (0, 2, 1, 3))

        query, key, value = (split(dense) for dense in (self.query_layer, self.key_layer, self.value_layer))
        scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) * size**-0.5
        if tokens_nt is not None:
            is_padding = 1 - ops.cast(tokens_nt, scores.dtype)
            scores = scores + ops.expand_dims(is_padding, (1, 2)) * token_layers.MASKED_SCORE
        mixed = ops.transpose(ops.matmul(ops.softmax(scores, axis=-1), value), (0, 2, 1, 3))
        return self.output_layer(ops.reshape(mixed, (-1, num_steps, width)))

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the layer."""
        return {**super().get_config(), "num_heads": self._num_heads}


@keras.saving.register_keras_serializable("dbx_dl")
class RandomFourier(keras.layers.Layer):  # type: ignore[misc]
    """See `frameworks.layers.RandomFourier`; what is drawn is kept with the weights."""

    def __init__(self, num_features: int, gamma: float, seed: int, **options: Any) -> None:
        super().__init__(**options)
        self._kind = kinds.RandomFourier(num_features, gamma, seed)

    def build(self, input_shape: Any) -> None:
        """Draw the frequencies and phases."""
        drawn = self._kind.draw(input_shape[-1])
        self.frequencies, self.phases = (
            self.add_weight(shape=array.shape, initializer="zeros", trainable=False, name=name)
            for array, name in zip(drawn, ("frequencies", "phases"), strict=True)
        )
        self.frequencies.assign(drawn[0])
        self.phases.assign(drawn[1])

    def call(self, values: Values) -> Values:
        """(N, num_features)."""
        return ops.cos(ops.matmul(values, self.frequencies) + self.phases) * (2 / self._kind.num_features) ** 0.5

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the layer."""
        return {**super().get_config(), **asdict(self._kind)}


def _convolve(layer: kinds.Conv2D, values: Values, name: str) -> Values:
    is_same = layer.stride == 1 and 2 * layer.padding == layer.size - 1
    if layer.padding and not is_same:
        values = keras.layers.ZeroPadding2D(layer.padding, name=f"{name}.padding")(values)
    padding = "same" if is_same else "valid"
    convolution = keras.layers.Conv2D(
        layer.filters, layer.size, strides=layer.stride, padding=padding, use_bias=layer.has_bias, name=name
    )
    return convolution(values)


def _average(layer: kinds.GlobalAverage, values: Values, name: str, tokens_nt: Values) -> Values:
    del layer
    if tokens_nt is not None:
        return MeanOverTokens(name=name)(values, tokens_nt)
    kind = keras.layers.GlobalAveragePooling2D if len(values.shape) == 4 else keras.layers.GlobalAveragePooling1D
    return kind(name=name)(values)


def _add_residual(layer: kinds.Residual, values: Values, name: str, tokens_nt: Values) -> Values:
    named = name_layers((*layer.body, *layer.shortcut))
    num_body = len(layer.body)
    ways = (named[:num_body], named[num_body:])
    return keras.layers.Add(name=name)([apply_layers(way, values, f"{name}.", tokens_nt) for way in ways])


def _put_side_by_side(layer: token_layers.SideBySide, values: Values, name: str, tokens_nt: Values) -> Values:
    named = iter(name_layers(tuple(one for branch in layer.branches for one in branch)))
    branches = [tuple(islice(named, len(branch))) for branch in layer.branches]
    found = [apply_layers(branch, values, f"{name}.", tokens_nt) for branch in branches]
    return keras.layers.Concatenate(name=name)(found)


def _read_text_beside_columns(layer: token_layers.TextBesideColumns, values: Values, name: str) -> Values:
    named = name_layers((*layer.text, *layer.columns))
    text, columns = named[: len(layer.text)], named[len(layer.text) :]
    ids = TakeIds(layer.num_steps, name=f"{name}.ids")(values)
    numbers = DropIds(layer.num_steps, name=f"{name}.numbers")(values)
    tokens = FindTokens(name=f"{name}.tokens")(ids)
    found = [apply_layers(text, ids, f"{name}.", tokens), apply_layers(columns, numbers, f"{name}.")]
    return keras.layers.Concatenate(name=name)(found)


def _attend(layer: kinds.SelfAttention, values: Values, name: str, tokens_nt: Values) -> Values:
    attention = SelfAttention(layer.num_heads, name=name)
    return attention(values) if tokens_nt is None else attention(values, tokens_nt)


def _recur(layer: kinds.Recurrent, values: Values, name: str) -> Values:
    cells = {"rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}
    one = cells[layer.cell](layer.units, return_sequences=layer.returns_steps, name=name)
    return (keras.layers.Bidirectional(one, name=name) if layer.is_bidirectional else one)(values)


def _create_with_tokens(kind: type) -> Callable[[Any, Values, str, Values], Values]:
    return lambda _, values, name, tokens_nt: kind(name=name)(values, tokens_nt)


def _create(make: Callable[[Any, str], Any]) -> Callable[[Any, Values, str], Values]:
    return lambda layer, values, name: make(layer, name)(values)


APPLIERS: dict[type, Callable[[Any, Values, str], Values]] = {
    kinds.ScalePixels: _create(lambda _, name: keras.layers.Rescaling(PIXEL_SCALE, name=name)),
    kinds.Activation: _create(lambda layer, name: create_activation(layer.name, name)),
    kinds.Dropout: _create(lambda layer, name: keras.layers.Dropout(layer.rate, name=name)),
    kinds.Reshape: _create(lambda layer, name: keras.layers.Reshape(layer.shape, name=name)),
    kinds.Flatten: _create(lambda _, name: keras.layers.Flatten(name=name)),
    kinds.Dense: _create(lambda layer, name: keras.layers.Dense(layer.units, use_bias=layer.has_bias, name=name)),
    kinds.Conv2D: _convolve,
    kinds.PositionBias: _create(lambda _, name: PositionEmbedding(name=name)),
    kinds.PositionEmbedding: _create(lambda _, name: PositionEmbedding("random_normal", name=name)),
    kinds.MaxPool2D: _create(lambda layer, name: keras.layers.MaxPooling2D(layer.size, name=name)),
    kinds.BatchNorm: _create(
        lambda _, name: keras.layers.BatchNormalization(
            momentum=kinds.BATCH_NORM_MOMENTUM, epsilon=kinds.NORM_EPSILON, name=name
        )
    ),
    kinds.LayerNorm: _create(lambda _, name: keras.layers.LayerNormalization(epsilon=kinds.NORM_EPSILON, name=name)),
    kinds.RandomFourier: _create(lambda layer, name: RandomFourier(**asdict(layer), name=name)),
    kinds.UpSample2D: _create(lambda layer, name: keras.layers.UpSampling2D(layer.size, name=name)),
    kinds.Recurrent: _recur,
    random_layers.Corrupt: _create(lambda layer, name: Corrupt(layer.noise, layer.masking, name=name)),
    random_layers.Sample: _create(lambda _, name: Sample(name=name)),
    audio_layers.LogMel: _create(lambda layer, name: LogMel(asdict(layer.plan), name=name)),
    random_layers.Mark: _create(lambda _, name: keras.layers.Identity(name=name)),
    cluster_layers.Centroids: _create(lambda layer, name: Centroids(layer.num_clusters, name=name)),
    cluster_layers.DiagonalMixture: _create(lambda layer, name: DiagonalMixture(layer.num_clusters, name=name)),
    token_layers.TokenPositions: _create(lambda layer, name: TokenPositions(layer.num_steps, name=name)),
    token_layers.TextBesideColumns: _read_text_beside_columns,
    token_layers.StepValues: _create(lambda _, name: StepValues(name=name)),
    token_layers.Embedding: _create(lambda layer, name: keras.layers.Embedding(layer.num_ids, layer.width, name=name)),
    history_layers.Columns: _create(lambda layer, name: Columns(layer.start, layer.stop, name=name)),
    history_layers.SumEmbedding: _create(lambda layer, name: SumEmbedding(layer.num_ids, layer.width, name=name)),
    history_layers.ItemTower: _create(lambda layer, name: ItemTower(asdict(layer), name=name)),
}

APPLIERS_WITH_TOKENS: dict[type, Callable[[Any, Values, str, Values], Values]] = {
    kinds.GlobalAverage: _average,
    kinds.Residual: _add_residual,
    kinds.SelfAttention: _attend,
    token_layers.Conv1D: convolve_tokens,
    token_layers.MaxOverTokens: _create_with_tokens(MaxOverTokens),
    token_layers.LastToken: _create_with_tokens(LastToken),
    token_layers.ReverseTokens: _create_with_tokens(ReverseTokens),
    token_layers.TokenLogits: _create_with_tokens(TokenLogits),
    token_layers.SideBySide: _put_side_by_side,
    decoder_layers.AttentionDecoder: write_tokens,
}
