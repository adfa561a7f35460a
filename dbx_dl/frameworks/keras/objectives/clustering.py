"""Clustering in Keras: centres follow rows, or codes of rows from which a decoder gives the rows again."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from keras import ops

from dbx_dl.frameworks.architectures.pixels import PIXEL_SCALE
from dbx_dl.frameworks.centres import NUM_OF_CLUSTER, NUM_SEEN, mend_clusters, start_clusters
from dbx_dl.frameworks.keras.cluster_layers import DiagonalMixture
from dbx_dl.frameworks.keras.embeddings import expose_layer
from dbx_dl.frameworks.keras.losses import RECONSTRUCTION_LOSSES
from dbx_dl.frameworks.keras.networks import build_network
from dbx_dl.frameworks.keras.objectives.descent import Descent
from dbx_dl.frameworks.keras.objectives.gradient import GradientObjective
from dbx_dl.frameworks.keras.precision import compute_in
from dbx_dl.frameworks.measures import SupervisedMeasures
from dbx_dl.frameworks.prediction import predict_in_chunks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbx_dl.config import OptimizerConfig
    from dbx_dl.frameworks.freezing import FrozenStage
    from dbx_dl.frameworks.interface import ObjectiveRequest, Ranks

# The name of a further optimizer.
_OF_MIXTURE = "mixture_optimizer"


class ClusteringObjective(GradientObjective):
    """See `frameworks.interface.Clustering`; before every epoch it looks at rows (`centres`), the same on every rank.

    Sums are `loss` and what it is made of: `inertia`, and `reconstruction_loss` with a decoder; or `nll`. While
    reconstructions alone are learned `reconstruction_error_1` keeps their loss.
    """

    def __init__(
        self,
        network: Any,
        optimizer: OptimizerConfig,
        ranks: Ranks,
        request: ObjectiveRequest,
        stages: Sequence[FrozenStage] = (),
    ) -> None:
        assert request.clustering is not None
        self._plan = request.clustering
        self._decoder = None if self._plan.decoder is None else build_network(self._plan.decoder)
        parts = {} if self._decoder is None else {"decoder": self._decoder}
        further = [] if self._decoder is None else self._decoder.trainable_variables
        super().__init__(network, optimizer, ranks, request, stages, parts, further)
        self.measures = SupervisedMeasures(request)
        self.least_rows = NUM_OF_CLUSTER * request.num_clusters
        self._head = network.get_layer(self._plan.head)
        self._is_mixture = isinstance(self._head, DiagonalMixture)
        self._exposed = expose_layer(network, self._plan.code)
        self._embed = tf.function(lambda rows: self._exposed(rows, training=False)[1], reduce_retracing=True)
        self._compare = RECONSTRUCTION_LOSSES[request.are_pixels, None]
        self._epoch, self._first = 0, self._descent
        if self._is_mixture and self._decoder is not None:
            self._descents[_OF_MIXTURE] = Descent(optimizer, self._head.trainable_variables, ranks, request.precision)

    def start_epoch(self, epoch: int) -> None:
        """Turn from reconstructions to centres when it is time."""
        super().start_epoch(epoch)
        was_pretraining, self._epoch = self._is_pretraining, epoch
        if was_pretraining != self._is_pretraining:
            self._descent = self._first if self._is_pretraining else self._descents.get(_OF_MIXTURE, self._first)
            self._compile_step()

    @property
    def _is_pretraining(self) -> bool:
        return self._epoch <= self._plan.num_epochs

    def count_rows(self, epoch: int) -> int:
        """None while there are no centres."""
        return NUM_SEEN if epoch > self._plan.num_epochs else 0

    def look_at(self, inputs: np.ndarray) -> None:
        """Start the centres before their first epoch, mend them before later ones."""
        points = predict_in_chunks(lambda rows: self._embed(tf.convert_to_tensor(rows)).numpy(), inputs)
        weights = {variable.name: variable for variable in self._head.weights}
        if self._epoch == self._plan.num_epochs + 1:
            num_clusters = self._request.num_clusters
            found = start_clusters(points, num_clusters, self._plan.seed, is_mixture=self._is_mixture)
        else:
            head = {name: ops.convert_to_numpy(variable) for name, variable in weights.items()}
            found = mend_clusters(points, self.predict(inputs), head)
        for name, variable in weights.items():
            variable.assign(self._ranks.broadcast(found[name]))

    def _compute_loss(self, inputs: Any, labels: Any, weights: Any, own_weights: Any) -> tuple[Any, dict[str, Any]]:
        del labels, own_weights
        with compute_in(self._network, self._request.precision):
            outputs, codes = self._exposed(inputs, training=True)
        scores, squares = tf.split(tf.cast(outputs, tf.float32), 2, axis=1)
        if self._is_mixture and not self._is_pretraining:
            nll = -tf.reduce_sum(tf.reduce_logsumexp(scores, axis=1) * weights)
            return nll, {"loss": nll, "nll": nll}
        inertia = tf.reduce_sum(tf.reduce_min(squares, axis=1) * weights)
        if self._decoder is None:
            return inertia, {"loss": inertia, "inertia": inertia}
        error = tf.reduce_sum(self._reconstruct(codes, inputs) * weights)
        if self._is_pretraining:
            return error, {"loss": error, "reconstruction_error_1": error}
        loss = error + self._plan.weight * inertia
        return loss, {"loss": loss, "inertia": inertia, "reconstruction_loss": error}

    def _reconstruct(self, codes: Any, inputs: Any) -> Any:
        """The loss of each row (N,)."""
        rows = tf.reshape(tf.cast(inputs, tf.float32), (-1, prod(inputs.shape[1:])))
        rows = rows * PIXEL_SCALE if self._request.are_pixels else rows
        assert self._decoder is not None
        return tf.reduce_mean(self._compare(self._decoder(codes, training=True), rows), axis=1)
