"""Losses of an item among all, the same functions as in PyTorch but for the items that are drawn."""

from __future__ import annotations

import random
from collections.abc import Callable
from math import log
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import ObjectiveRequest

Loss = Callable[[Any, Any], Any]


def compare_items(request: ObjectiveRequest) -> Loss:
    """Softmax cross-entropy over all items, or one of `DRAWN_LOSSES` of the row's item and others that are drawn."""
    if request.loss is not None:
        loss: Loss = DrawnItems(DRAWN_LOSSES[request.loss], request.negatives)
        return loss
    return lambda logits_ni, labels_n: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels_n, logits=logits_ni)


class DrawnItems(keras.layers.Layer):  # type: ignore[misc]
    """A loss that draws `number` items for each row; a layer, so that checkpoints keep its random state."""

    def __init__(self, penalize: Callable[[Any, Any, int], Any], number: int) -> None:
        super().__init__(dtype="float32")
        self._penalize, self._number = penalize, number
        # As dropout's seeds, those of the process: ranks draw other items.
        self._seeds = keras.random.SeedGenerator(random.randint(1, 10**9))

    def call(self, logits_ni: Any, labels_n: Any) -> Any:
        """(N,)."""
        num_items = logits_ni.shape[1]
        own_n1 = tf.cast(labels_n, tf.int32)[:, None]
        # Any item but the row's own, each as likely.
        shape = (tf.shape(labels_n)[0], self._number)
        steps = keras.random.randint(shape, 1, num_items, dtype="int32", seed=self._seeds)
        others_nm = tf.gather(logits_ni, (own_n1 + steps) % num_items, batch_dims=1)
        return self._penalize(tf.gather(logits_ni, own_n1, batch_dims=1), others_nm, num_items - 1)


def _compare_softmax(own_n1: Any, others_nm: Any, num_others: int) -> Any:
    shifted = others_nm + log(num_others / others_nm.shape[1])
    return tf.reduce_logsumexp(tf.concat([own_n1, shifted], axis=1), axis=1) - own_n1[:, 0]


# Of the logit of a row's item (N, 1) and those of M others that were drawn of so many: sampled_softmax is softmax
# cross-entropy in which each drawn item stands for as many as it was drawn of (Bengio and Senécal 2008), bpr Bayesian
# personalised ranking, the logistic loss of the differences (Rendle et al. 2009).
DRAWN_LOSSES: dict[str, Callable[[Any, Any, int], Any]] = {
    "sampled_softmax": _compare_softmax,
    "bpr": lambda own_n1, others_nm, _: tf.reduce_mean(tf.math.softplus(others_nm - own_n1), axis=1),
}
