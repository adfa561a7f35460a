"""The loss of sequences that are written: softmax cross-entropy of every token, averaged over a row's tokens."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from dbx_dl.frameworks.decoder_layers import END_ID


def compare_tokens(logits_ntv: Any, truth_nt: Any) -> Any:
    """Losses (N,) of logits (N, T, num_ids) and true ids int64 (N, T); the same function as in PyTorch.

    The first END_ID of a row counts as a token, steps behind it do not.
    """
    goes_on = tf.cast(truth_nt[:, :-1] != END_ID, tf.float32)
    is_step = tf.pad(goes_on, [[0, 0], [1, 0]], constant_values=1.0)
    losses_nt = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=truth_nt, logits=logits_ntv)
    return tf.reduce_sum(losses_nt * is_step, axis=1) / tf.reduce_sum(is_step, axis=1)
