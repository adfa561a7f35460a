"""What is added to a loss by the values of an inner layer, the same functions as in Keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from dbx_dl.frameworks.torch.distribute import SumOverRanks

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
    means, log_variances = values.chunk(2, dim=1)
    by_row = 0.5 * (log_variances.exp() + means.square() - 1 - log_variances).sum(dim=1)
    return (by_row * weights).sum() / num_entries


def _diverge_from_sparse(penalty: Penalty, values: Any, weights: Any, num_entries: int, ranks: Ranks) -> Any:
    del num_entries
    sums = torch.cat([(values * weights[:, None]).sum(dim=0), weights.sum()[None]])
    totals = SumOverRanks.apply(sums, ranks, "dbx_dl_sparsity") if ranks.size > 1 else sums
    shares = (totals[:-1] / totals[-1].clamp(min=SMALLEST_SHARE)).clamp(SMALLEST_SHARE, 1 - SMALLEST_SHARE)
    target = penalty.target
    by_unit = target * (target / shares).log() + (1 - target) * ((1 - target) / (1 - shares)).log()
    return by_unit.mean() * weights.sum()


PENALTIES: dict[str, Callable[[Penalty, Any, Any, int, Ranks], Any]] = {
    "standard_normal": _diverge_from_normal,
    "sparsity": _diverge_from_sparse,
}
