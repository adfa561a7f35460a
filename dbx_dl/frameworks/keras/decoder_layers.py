"""The layer that writes sequences, in Keras, and what networks that end in it learn from."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, NamedTuple

import keras
import tensorflow as tf
from keras import ops

from dbx_dl.frameworks import decoder_layers as kinds
from dbx_dl.frameworks.keras.token_layers import keep_tokens
from dbx_dl.frameworks.token_layers import MASKED_SCORE

Values = Any


class Memory(NamedTuple):
    """What is looked at: values (N, S, K), the keys (N, S, units) of them, and 1 for tokens (N, S) (None: all 1)."""

    values: Values
    keys: Values
    tokens: Values


@keras.saving.register_keras_serializable("dbx_dl")
class AttentionDecoder(keras.layers.Layer):  # type: ignore[misc]
    """See `frameworks.decoder_layers.AttentionDecoder`."""

    def __init__(self, num_ids: int, num_steps: int, width: int, units: int, **options: Any) -> None:
        super().__init__(**options)
        self._kind = kinds.AttentionDecoder(num_ids, num_steps, width, units)

    def build(self, input_shape: Any) -> None:
        """All parts for values (N, S, K)."""
        kind, size = self._kind, input_shape[-1]
        self.embedding = keras.layers.Embedding(kind.num_ids, kind.width, name="embedding")
        self.embedding.build((None, None))
        self.start = _create_dense("start", size, kind.units)
        self.keys = _create_dense("keys", size, kind.units, use_bias=False)
        self.query = _create_dense("query", kind.units, kind.units)
        self.score = _create_dense("score", kind.units, 1, use_bias=False)
        self.input_gates = _create_dense("input_gates", kind.width + size, 3 * kind.units)
        start = {"kernel_initializer": "orthogonal"}
        self.state_gates = _create_dense("state_gates", kind.units, 3 * kind.units, **start)
        self.logits = _create_dense("logits", kind.units + size, kind.num_ids)

    def call(self, values_nsk: Values, tokens_nt: Values = None, truth_nt: Values = None) -> Values:
        """Ids and their probabilities, float32 (N, 2 T).

        With `truth_nt` logits (N, T, num_ids), where the token before each step is the true one.
        """
        memory = Memory(values_nsk, self.keys(values_nsk), tokens_nt)
        return self._write(memory)[0] if truth_nt is None else self._follow(memory, truth_nt)

    def attend(self, values_nsk: Values, tokens_nt: Values) -> Values:
        """How much of each value goes into each step of what is written: shares (N, T, S)."""
        return self._write(Memory(values_nsk, self.keys(values_nsk), tokens_nt))[1]

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the layer."""
        return {**super().get_config(), **asdict(self._kind)}

    def _write(self, memory: Memory) -> tuple[Values, Values]:
        """Ids and probabilities (N, 2 T), and what was looked at (N, T, S)."""
        state = self._start(memory)
        goes_on = ops.ones_like(ops.cast(memory.values[:, 0, 0], "float32"))
        ids = ops.cast(kinds.END_ID * goes_on, "int32")
        written, shares, looks = [], [], []
        for _ in range(self._kind.num_steps):
            state, seen, look = self._step(memory, state, self.embedding(ids))
            looks.append(look)
            probabilities = ops.softmax(ops.cast(self.logits(seen), "float32"), axis=-1)
            # Keras' own argmax uses an operator that ONNX does not have.
            best = tf.argmax(probabilities, axis=-1, output_type=tf.int32)
            ids = best * ops.cast(goes_on, "int32")
            shares.append(ops.max(probabilities, axis=-1) * goes_on + (1 - goes_on))
            written.append(ops.cast(ids, "float32"))
            goes_on = goes_on * ops.cast(ops.not_equal(ids, kinds.END_ID), "float32")
        return ops.stack([*written, *shares], axis=1), ops.stack(looks, axis=1)

    def _follow(self, memory: Memory, truth_nt: Values) -> Values:
        start = ops.full_like(truth_nt[:, :1], kinds.END_ID)
        words = self.embedding(ops.concatenate([start, truth_nt[:, :-1]], axis=1))
        state, seen = self._start(memory), []
        for step in range(self._kind.num_steps):
            state, new, _ = self._step(memory, state, words[:, step])
            seen.append(new)
        return self.logits(ops.stack(seen, axis=1))

    def _start(self, memory: Memory) -> Values:
        """The first state (N, units)."""
        if memory.tokens is None:
            return ops.tanh(self.start(ops.mean(memory.values, axis=1)))
        tokens = ops.cast(memory.tokens, memory.values.dtype)
        num_tokens = ops.maximum(ops.sum(tokens, axis=1, keepdims=True), 1)
        return ops.tanh(self.start(ops.sum(keep_tokens(memory.values, tokens), axis=1) / num_tokens))

    def _step(self, memory: Memory, state: Values, word: Values) -> tuple[Values, Values, Values]:
        """The next state (N, units); beside it what was looked at (N, units + K); and the shares of that (N, S)."""
        shares = self._look(memory, state)
        context = ops.matmul(ops.expand_dims(shares, 1), memory.values)[:, 0]
        of_input = ops.split(self.input_gates(ops.concatenate([word, context], axis=-1)), 3, axis=-1)
        of_state = ops.split(self.state_gates(state), 3, axis=-1)
        reset, update = (ops.sigmoid(of_input[place] + of_state[place]) for place in (0, 1))
        new = ops.tanh(of_input[2] + reset * of_state[2])
        state = update * state + (1 - update) * new
        return state, ops.concatenate([state, context], axis=-1), shares

    def _look(self, memory: Memory, state: Values) -> Values:
        """Shares (N, S) of values in the mean that the state asks for; zeros of a row without tokens."""
        hidden = ops.tanh(memory.keys + ops.expand_dims(self.query(state), 1))
        scores = self.score(hidden)[..., 0]
        if memory.tokens is None:
            return ops.softmax(scores, axis=-1)
        tokens = ops.cast(memory.tokens, scores.dtype)
        return ops.softmax(scores + (1 - tokens) * MASKED_SCORE, axis=-1) * tokens


def write_tokens(layer: kinds.AttentionDecoder, values_nsk: Values, name: str, tokens_nt: Values) -> Values:
    """See `frameworks.decoder_layers.AttentionDecoder`."""
    decoder = AttentionDecoder(**asdict(layer), name=name)
    return decoder(values_nsk) if tokens_nt is None else decoder(values_nsk, tokens_nt)


class Writer:
    """A network that ends in a decoder, taken apart; it shares all weights."""

    def __init__(self, network: Any) -> None:
        self._decoder = network.layers[-1]
        self._encoder = keras.Model(network.inputs, self._decoder.input)

    def follow(self, inputs: Values, truth_nt: Values) -> Values:
        """Logits (N, T, num_ids) where the token before each step is the true one, in training mode."""
        values, tokens = self._encode(inputs, is_training=True)
        return self._decoder(values, tokens, truth_nt, training=True)

    def attend(self, inputs: Values) -> Values:
        """Shares (N, T, S) of what is looked at."""
        return self._decoder.attend(*self._encode(inputs, is_training=False))

    def _encode(self, inputs: Values, *, is_training: bool) -> tuple[Values, Values]:
        """The values and tokens that the decoder takes."""
        given = self._encoder(inputs, training=is_training)
        values, tokens = given if isinstance(given, list | tuple) else (given, None)
        return values, tokens


def _create_dense(name: str, num_inputs: int, units: int, **options: Any) -> Any:
    dense = keras.layers.Dense(units, name=name, **options)
    dense.build((None, num_inputs))
    return dense
