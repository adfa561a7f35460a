"""What is added to a loss by the values of an inner layer, the same functions as in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from dbx_dl.frameworks.keras.distribute import sum_over_ranks

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import Penalty, Ranks

SMALLEST_SHARE = 1e-6


def sum_penalty(penalty: Penalty, values: Any, weights: Any, num_entries: int, ranks: Ranks) -> Any:
    """The penalty, with its weight, summed over this rank's rows: float32, 0-d.

    `values` are float32 (N, K), `weights` those of rows float32 (N,), `num_entries` the numbers of a row of inputs.
    """
    return PENALTIES[penalty.name](penalty, values, weights, num_entries, ranks) * penalty.weight


def _diverge_from_normal(penalty: Penalty, values: Any, weights: Any, num_entries: int, ranks: Ranks) -> Any:
    del penalty, ranks
    means, log_variances = tf.split(values, 2, axis=1)
    by_row = 0.5 * tf.reduce_sum(tf.exp(log_variances) + tf.square(means) - 1 - log_variances, axis=1)
    return tf.reduce_sum(by_row * weights) / num_entries


def _diverge_from_sparse(penalty: Penalty, values: Any, weights: Any, num_entries: int, ranks: Ranks) -> Any:
    del num_entries
    sums = tf.concat([tf.reduce_sum(values * weights[:, None], axis=0), tf.reduce_sum(weights)[None]], axis=0)
    (totals,) = sum_over_ranks([sums], ranks.size, "dbx_dl_sparsity")
    shares = totals[:-1] / tf.maximum(totals[-1], SMALLEST_SHARE)
    shares = tf.clip_by_value(shares, SMALLEST_SHARE, 1 - SMALLEST_SHARE)
    target = penalty.target
    by_unit = target * tf.math.log(target / shares) + (1 - target) * tf.math.log((1 - target) / (1 - shares))
    return tf.reduce_mean(by_unit) * tf.reduce_sum(weights)


PENALTIES: dict[str, Callable[[Penalty, Any, Any, int, Ranks], Any]] = {
    "standard_normal": _diverge_from_normal,
    "sparsity": _diverge_from_sparse,
}
