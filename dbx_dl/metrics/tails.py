"""Upper tails of distributions of test statistics: how probable a value at least as large is by chance.

Series and continued fraction after Press et al., "Numerical Recipes", 3rd edition, 2007, section 6.2; Kolmogorov's
after his "Sulla determinazione empirica di una legge di distribuzione", 1933.
"""

from __future__ import annotations

import math

from dbx_dl.metrics.beta import incomplete_beta

_TINY, _PRECISION, _MAX_TERMS = 1e-300, 1e-15, 10_000


def chi_squared_tail(value: float, degrees: float) -> float:
    """P(X >= value) of chi-squared with so many degrees of freedom (> 0)."""
    a, x = degrees / 2, value / 2
    if x <= 0:
        return 1.0
    if math.isinf(x):
        return 0.0
    scale = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:
        return max(0.0, 1.0 - scale * _sum_gamma(a, x))
    return min(1.0, scale * _continue_gamma(a, x))


def f_tail(value: float, numerator: float, denominator: float) -> float:
    """P(X >= value) of F with these degrees of freedom (> 0)."""
    if value <= 0:
        return 1.0
    if math.isinf(value):
        return 0.0
    total = denominator + numerator * value
    return incomplete_beta(denominator / 2, numerator / 2, denominator / total, numerator * value / total)


def kolmogorov_tail(value: float) -> float:
    """P(K >= value) of the supremum of a Brownian bridge's size."""
    if value < 0.2:  # nearer to 1 than doubles tell
        return 1.0
    terms = (math.exp(-2 * (k * value) ** 2) * (-1) ** (k - 1) for k in range(1, 101))
    return min(1.0, max(0.0, 2 * math.fsum(terms)))


def _sum_gamma(a: float, x: float) -> float:
    """The series of the lower incomplete gamma function, without its factor."""
    term = total = 1 / a
    for k in range(1, _MAX_TERMS):
        term *= x / (a + k)
        total += term
        if term < total * _PRECISION:
            break
    return total


def _continue_gamma(a: float, x: float) -> float:
    """The continued fraction of the upper incomplete gamma function, without its factor, by Lentz's method."""
    b = x + 1 - a
    c, d = 1 / _TINY, 1 / b
    found = d
    for k in range(1, _MAX_TERMS):
        factor = -k * (k - a)
        b += 2
        d = 1 / _off_zero(factor * d + b)
        c = _off_zero(b + factor / c)
        found *= c * d
        if abs(c * d - 1) < _PRECISION:
            break
    return found


def _off_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
