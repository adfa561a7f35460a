"""Supervised training of a Keras network: the loss of its outputs and the rows' labels."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from dbx_dl.frameworks.keras.embeddings import expose_layer
from dbx_dl.frameworks.keras.losses import create_loss
from dbx_dl.frameworks.keras.losses.penalties import sum_penalty
from dbx_dl.frameworks.keras.objectives.gradient import GradientObjective
from dbx_dl.frameworks.keras.precision import compute_in
from dbx_dl.frameworks.measures import SupervisedMeasures
from dbx_dl.frameworks.requests import DEFAULT_REQUEST, is_classification

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dbx_dl.config import OptimizerConfig
    from dbx_dl.frameworks.freezing import FrozenStage
    from dbx_dl.frameworks.interface import ObjectiveRequest, Ranks


class SupervisedObjective(GradientObjective):
    """The loss of a network's outputs (N, num_outputs), weighted by row, and a penalty on an inner layer where wanted.

    Sums are `loss`, which has the `penalty` in it, and, of classes, `accuracy`, whose weights are those of samples and
    add up to `sample_weight`.
    """

    def __init__(
        self,
        network: Any,
        optimizer: OptimizerConfig,
        ranks: Ranks,
        request: ObjectiveRequest = DEFAULT_REQUEST,
        stages: Sequence[FrozenStage] = (),
        further: Mapping[str, Any] | None = None,
    ) -> None:
        self._loss = create_loss(request)
        own = {"loss": self._loss} if isinstance(self._loss, keras.layers.Layer) else {}
        super().__init__(network, optimizer, ranks, request, stages, {**own, **(further or {})})
        self.measures = SupervisedMeasures(request)
        self._exposed = None if request.penalty is None else expose_layer(network, request.penalty.layer)

    def _compute_loss(self, inputs: Any, labels: Any, weights: Any, own_weights: Any) -> tuple[Any, dict[str, Any]]:
        exposed, penalized = self._exposed, self._request.penalty
        with compute_in(self._network, self._request.precision):
            called = (self._network if exposed is None else exposed)(inputs, training=True)
        outputs = tf.cast(called if exposed is None else called[0], tf.float32)
        sums = {"loss": tf.reduce_sum(self._loss(outputs, labels) * weights)}
        if penalized is not None:
            penalty = sum_penalty(penalized, called[1], weights, prod(inputs.shape[1:]), self._ranks)
            sums |= {"loss": sums["loss"] + penalty, "penalty": penalty}
        if is_classification(self._request):
            is_correct = tf.cast(tf.argmax(outputs, axis=1) == labels, tf.float32)
            sums |= {"sample_weight": tf.reduce_sum(own_weights), "accuracy": tf.reduce_sum(is_correct * own_weights)}
        return sums["loss"], sums
