"""How far up the item that was bought stands in lists of recommended ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# The place of an item in a list that does not have it.
NO_ITEM = -1


def find_ranks(labels: NDArray[Any], items_nk: NDArray[Any]) -> NDArray[np.int64]:
    """At which number, from 1 on, of items (N, k) each row's label (N,) stands; 0 where it does not."""
    is_truth = items_nk.astype(np.int64) == labels.astype(np.int64)[:, None]
    return np.where(is_truth.any(axis=1), is_truth.argmax(axis=1) + 1, 0)


def rate_ranks(ranks: NDArray[np.int64]) -> dict[str, Floats]:
    """What each row gives for its rank (N,), nothing for 0.

    hit_rate: 1. ndcg: 1 / log2(1 + rank), the normalised discounted cumulative gain of one relevant item (Järvelin and
    Kekäläinen 2002). mrr: 1 / rank, the reciprocal rank.
    """
    is_hit = ranks > 0
    known = np.where(is_hit, ranks, 1)
    return {"hit_rate": is_hit * 1.0, "ndcg": is_hit / np.log2(1 + known), "mrr": is_hit / known}


def recommendation_metrics(
    labels: NDArray[Any], items_nk: NDArray[Any], weights: NDArray[np.floating] | None = None
) -> dict[str, float]:
    """The means of `rate_ranks` over rows, weighted where `weights` (N,) are given; none without rows."""
    if not len(labels):
        return {}
    rated = rate_ranks(find_ranks(labels, items_nk))
    return {name: float(np.average(values, weights=weights)) for name, values in rated.items()}


def weigh_recommendations(
    labels: NDArray[Any], items_nk: NDArray[Any], weights_bn: Floats, metrics: Sequence[str]
) -> dict[str, Floats]:
    """These of `recommendation_metrics` under B weightings (B, N), see `metrics.weighted`."""
    from dbx_dl.metrics.weighted import share_weights

    shares, rated = share_weights(weights_bn), rate_ranks(find_ranks(labels, items_nk))
    return {name: shares @ rated[name] for name in metrics}


def rate_hits(ranks: NDArray[np.int64], top_k: int) -> list[float]:
    """The share of rows of rank (N,) 1, of 1 or 2, …, up to `top_k`; 0 is no rank."""
    counts = np.bincount(ranks, minlength=top_k + 1)[1 : top_k + 1]
    return [float(share) for share in np.cumsum(counts) / max(1, len(ranks))]


def baseline_hits(rank_counts: Sequence[int], num_rows: int, top_k: int) -> list[float]:
    """The same of a list that ranks the bought items of `rank_counts[r]` of `num_rows` rows as number r + 1."""
    return [float(share) for share in np.cumsum(rank_counts[:top_k]) / max(1, num_rows)]


def baseline_metrics(rank_counts: Sequence[int], num_rows: int, top_k: int) -> dict[str, float]:
    """The same of a list that ranks the bought items of `rank_counts[r]` of `num_rows` rows as number r + 1.

    Nothing is known beyond the counts, so `top_k` may be at most their number; none without rows.
    """
    if not num_rows:
        return {}
    counts = np.array(rank_counts[:top_k], np.float64)
    rated: Mapping[str, Floats] = rate_ranks(np.arange(1, len(counts) + 1))
    return {name: float(counts @ values / num_rows) for name, values in rated.items()}
