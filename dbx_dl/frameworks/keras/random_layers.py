"""Layers that draw at random while a network is trained, in Keras."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("dbx_dl")
class Corrupt(keras.layers.Layer):  # type: ignore[misc]
    """See `frameworks.random_layers.Corrupt`."""

    def __init__(self, noise: float, masking: float, **options: Any) -> None:
        super().__init__(**options)
        self._noise, self._masking = noise, masking
        self._seeds = keras.random.SeedGenerator()

    def call(self, values: Any, training: bool = False) -> Any:
        """The values, in training disturbed."""
        if training and self._noise:
            noise = keras.random.normal(ops.shape(values), dtype=values.dtype, seed=self._seeds)
            values = values + noise * self._noise
        if training and self._masking:
            drawn = keras.random.uniform(ops.shape(values), dtype=values.dtype, seed=self._seeds)
            values = values * ops.cast(drawn >= self._masking, values.dtype)
        return values

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the layer."""
        return {**super().get_config(), "noise": self._noise, "masking": self._masking}


@keras.saving.register_keras_serializable("dbx_dl")
class Sample(keras.layers.Layer):  # type: ignore[misc]
    """See `frameworks.random_layers.Sample`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._seeds = keras.random.SeedGenerator()

    def call(self, values: Any, training: bool = False) -> Any:
        """(N, 2 K) to (N, K)."""
        means, log_variances = ops.split(values, 2, axis=-1)
        if not training:
            return means
        noise = keras.random.normal(ops.shape(means), dtype=means.dtype, seed=self._seeds)
        return means + ops.exp(0.5 * log_variances) * noise
