"""Layers with a centre for each cluster, in Keras."""

from __future__ import annotations

from math import log, pi
from typing import Any

import keras
from keras import ops

from dbx_dl.frameworks.cluster_layers import MIN_VARIANCE


class _Clusters(keras.layers.Layer):  # type: ignore[misc]
    """Has centres, and computes in float32 whatever the precision of the others."""

    def __init__(self, num_clusters: int, **options: Any) -> None:
        super().__init__(autocast=False, **options)
        self._num_clusters = num_clusters

    def build(self, input_shape: Any) -> None:
        """The centres."""
        normal = keras.initializers.RandomNormal(stddev=1.0)
        self.centres = self.add_weight(
            shape=(self._num_clusters, input_shape[-1]), initializer=normal, dtype="float32", name="centres"
        )

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the layer."""
        return {**super().get_config(), "num_clusters": self._num_clusters}

    def _square_differences(self, values_nk: Any) -> Any:
        """Differences are taken one by one, since products would lose small distances: (N, num_clusters, K)."""
        return ops.square(ops.expand_dims(ops.cast(values_nk, "float32"), 1) - self.centres)


@keras.saving.register_keras_serializable("dbx_dl")
class Centroids(_Clusters):
    """See `frameworks.cluster_layers.Centroids`."""

    def build(self, input_shape: Any) -> None:
        """The centres, and the variance about them, which is not trained."""
        super().build(input_shape)
        self.log_variance = self.add_weight(
            shape=(), initializer="zeros", dtype="float32", trainable=False, name="log_variance"
        )

    def call(self, values_nk: Any) -> Any:
        """(N, 2 num_clusters)."""
        squares = ops.sum(self._square_differences(values_nk), axis=2)
        constant = 0.5 * values_nk.shape[-1] * (self.log_variance + log(2 * pi)) + log(self._num_clusters)
        return ops.concatenate([-0.5 * squares * ops.exp(-self.log_variance) - constant, squares], axis=1)


@keras.saving.register_keras_serializable("dbx_dl")
class DiagonalMixture(_Clusters):
    """See `frameworks.cluster_layers.DiagonalMixture`."""

    def build(self, input_shape: Any) -> None:
        """Centres, logarithms of variances and of shares."""
        super().build(input_shape)
        shapes = {"log_variances": (self._num_clusters, input_shape[-1]), "log_shares": (self._num_clusters,)}
        self.log_variances, self.log_shares = (
            self.add_weight(shape=shape, initializer="zeros", dtype="float32", name=name)
            for name, shape in shapes.items()
        )

    def call(self, values_nk: Any) -> Any:
        """(N, 2 num_clusters)."""
        squares = self._square_differences(values_nk)
        variances = ops.exp(self.log_variances) + MIN_VARIANCE
        densities = -0.5 * ops.sum(squares / variances + ops.log(2 * pi * variances), axis=2)
        return ops.concatenate([densities + ops.log_softmax(self.log_shares, axis=0), ops.sum(squares, axis=2)], axis=1)
