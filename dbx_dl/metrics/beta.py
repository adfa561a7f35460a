"""The regularised incomplete beta function, of which exact intervals of shares and Student's t are made.

The continued fraction: Press et al., "Numerical Recipes", third edition 2007, section 6.4, by Lentz's method.
"""

from __future__ import annotations

import math

_TINY = 1e-300
_TOLERANCE = 1e-15
_MAX_STEPS = 100_000
_MAX_HALVINGS = 1100
_STEP = 1e-15


def incomplete_beta(a: float, b: float, x: float, rest: float | None = None) -> float:
    """I_x(a, b), the chance that a number drawn from Beta(a, b), both above 0, is at most `x`.

    `rest` is 1 - x, to be given where it is known to more digits than that difference has.
    """
    y = 1 - x if rest is None else rest
    if x <= 0:
        return 0.0
    if y <= 0:
        return 1.0
    log_x, log_y = (math.log(x), math.log1p(-x) if rest is None else math.log(y))
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * log_x + b * log_y)
    # The fraction converges fast on this side of the mean; the other side is its mirror.
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1 - front * _fraction(b, a, y) / b


def beta_quantile(a: float, b: float, share: float) -> float:
    """The x at which `incomplete_beta` reaches `share`: Newton's steps, halving where one would leave the bracket."""
    low, high, x = 0.0, 1.0, a / (a + b)
    log_scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    for _ in range(_MAX_HALVINGS):
        excess = incomplete_beta(a, b, x) - share
        low, high = (x, high) if excess < 0 else (low, x)
        density = math.exp(log_scale + (a - 1) * math.log(x) + (b - 1) * math.log1p(-x))
        following = x - excess / density if density > 0 else low
        if not low < following < high:
            following = (low + high) / 2
        if abs(following - x) <= _STEP * x or following in (low, high):
            return following
        x = following
    return x


def student_tail(t: float, degrees: float) -> float:
    """The chance that Student's t with so many degrees of freedom, any number above 0, is above `t`."""
    if math.isinf(t):
        return 0.0 if t > 0 else 1.0
    square = t * t
    outside = incomplete_beta(degrees / 2, 0.5, degrees / (degrees + square), square / (degrees + square))
    return outside / 2 if t >= 0 else 1 - outside / 2


def _fraction(a: float, b: float, x: float) -> float:
    """Lentz's evaluation of the continued fraction of the incomplete beta function."""
    c, d = 1.0, _away_from_zero(1 - (a + b) * x / (a + 1))
    d = 1 / d
    value = d
    for m in range(1, _MAX_STEPS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _away_from_zero(1 + term * d)
            c = _away_from_zero(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < _TOLERANCE:
            break
    return value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
