"""How often a favourable label is predicted for groups of rows, and how far apart the groups are.

Selection rates: Feldman et al. 2015, arXiv:1412.3756 (whose four-fifths rule is a ratio of 0.8). True and false
positive rates: Hardt et al. 2016, arXiv:1610.02413. Calibration within groups: Kleinberg et al. 2016,
arXiv:1609.05807; its error over ten bins: Guo et al. 2017, arXiv:1706.04599.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.metrics.weighting import average

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from dbx_dl.contracts import GroupRates

_NUM_BINS = 10


def measure_rates(
    is_favourable: NDArray[np.bool_],
    is_selected: NDArray[np.bool_],
    probabilities: NDArray[np.floating],
    weights: NDArray[np.floating] | None = None,
) -> dict[str, float | None]:
    """The rates of `GroupRates` over N rows: truth, whether they are selected, the favourable label's probability.

    All arrays are (N,). Rows count by their `weights`, else alike. A rate of no rows, or of weight 0, is None.
    """
    weights_n = np.ones(len(is_favourable)) if weights is None else weights.astype(np.float64)
    everyone = np.ones(len(is_favourable), np.bool_)
    return {
        "base_rate": _share(is_favourable, everyone, weights_n),
        "selection_rate": _share(is_selected, everyone, weights_n),
        "true_positive_rate": _share(is_selected, is_favourable, weights_n),
        "false_positive_rate": _share(is_selected, ~is_favourable, weights_n),
        "mean_probability": _share(probabilities, everyone, weights_n),
        "calibration_error": calibration_error(is_favourable, probabilities, weights_n),
    }


def calibration_error(
    is_favourable: NDArray[np.bool_], probabilities: NDArray[np.floating], weights: NDArray[np.floating]
) -> float | None:
    """The mean over ten equal bins of probability of |mean probability - share of favourable|, by the bins' weight.

    Arrays are (N,); a probability of 1 is in the last bin. None without weight.
    """
    total = float(weights.sum())
    if total <= 0:
        return None
    bins = np.minimum((probabilities.astype(np.float64) * _NUM_BINS).astype(np.int64), _NUM_BINS - 1)
    # The bin's weight and the one by which a mean is divided cancel out.
    gaps = np.bincount(bins, weights * (probabilities.astype(np.float64) - is_favourable), _NUM_BINS)
    return float(np.abs(gaps).sum() / total)


def measure_gaps(groups: Sequence[GroupRates], min_rows: int = 1) -> dict[str, float]:
    """GAPS between the groups of one column that have `min_rows` rows; none for fewer than two such groups.

    Groups without a rate (no row with a favourable label, say) are left out of its gap; one of fewer than two groups
    is left out.
    """
    judged = [group for group in groups if group.num_rows >= min_rows]
    if len(judged) < 2:
        return {}
    found = {name: gap(judged) for name, gap in GAPS.items()}
    return {name: value for name, value in found.items() if value is not None}


def _share(values: NDArray[np.generic], is_counted: NDArray[np.bool_], weights: NDArray[np.float64]) -> float | None:
    counted = weights[is_counted]
    return average(values[is_counted].astype(np.float64), counted) if counted.sum() > 0 else None


def _rates(groups: Sequence[GroupRates], name: str) -> list[float] | None:
    rates = [rate for group in groups if (rate := getattr(group, name)) is not None]
    return rates if len(rates) > 1 else None


def _difference(name: str) -> Callable[[Sequence[GroupRates]], float | None]:
    def measure(groups: Sequence[GroupRates]) -> float | None:
        rates = _rates(groups, name)
        return None if rates is None else max(rates) - min(rates)

    return measure


def _selection_ratio(groups: Sequence[GroupRates]) -> float | None:
    rates = _rates(groups, "selection_rate")
    return min(rates) / max(rates) if rates and max(rates) > 0 else None


def _odds_difference(groups: Sequence[GroupRates]) -> float | None:
    gaps = [_difference(name)(groups) for name in ("true_positive_rate", "false_positive_rate")]
    known = [gap for gap in gaps if gap is not None]
    return max(known) if len(known) == len(gaps) else None


# Names as in the literature: the largest difference between any two groups, or the smallest ratio.
GAPS: dict[str, Callable[[Sequence[GroupRates]], float | None]] = {
    "demographic_parity_difference": _difference("selection_rate"),
    "demographic_parity_ratio": _selection_ratio,
    "equal_opportunity_difference": _difference("true_positive_rate"),
    "equalized_odds_difference": _odds_difference,
    "calibration_error_difference": _difference("calibration_error"),
}
