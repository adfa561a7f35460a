"""Another sample rate for a recording: band-limited interpolation by a polyphase filter."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Zero crossings of the windowed sinc on either side, its Kaiser window (some 100 dB), and where it begins to fall.
NUM_CROSSINGS = 32
_KAISER_BETA = 10.0
_ROLLOFF = 0.94
# Ratios of two rates are taken as fractions of at most so large a number, or where they are far from 1 of one so many
# times as large as the ratio: a second is then right within a tenth of a millisecond, mostly a microsecond.
_MAX_FACTOR = 2000
_MIN_FINENESS = 8


def load_filters() -> None:
    """Import what `resample` takes of SciPy; ImportError where it is not there."""
    import scipy.signal  # noqa: F401


def count_needed(num_samples: int, rate: int, new_rate: int) -> int:
    """How many samples at `rate` the first `num_samples` at `new_rate` depend on."""
    margin = NUM_CROSSINGS * max(1.0, rate / new_rate)
    return int(num_samples * rate / new_rate + margin) + 2


def resample(samples: NDArray[np.float64], rate: int, new_rate: int) -> NDArray[np.float64]:
    """Samples (S,) at `rate` as those of the same sound at `new_rate`; beyond both ends there is silence.

    What the lower of both rates cannot hold is filtered out by a windowed sinc (Smith, "Digital Audio Resampling",
    2002), in polyphase form.
    """
    if rate == new_rate:
        return samples
    import numpy as np
    from scipy.signal import resample_poly

    up, down = find_factors(rate, new_rate)
    found: NDArray[np.float64] = np.asarray(resample_poly(samples, up, down, window=_design_filter(max(up, down))))
    return found


def find_factors(rate: int, new_rate: int) -> tuple[int, int]:
    """Whole numbers by which a rate is multiplied and divided to be the new one."""
    lower, higher = min(rate, new_rate), max(rate, new_rate)
    ratio = Fraction(lower, higher).limit_denominator(max(_MAX_FACTOR, _MIN_FINENESS * higher // lower))
    if new_rate <= rate:
        return ratio.numerator, ratio.denominator
    return ratio.denominator, ratio.numerator


@lru_cache(maxsize=16)
def _design_filter(factor: int) -> NDArray[np.float64]:
    from scipy.signal import firwin

    taps: NDArray[np.float64] = firwin(
        2 * NUM_CROSSINGS * factor + 1, _ROLLOFF / factor, window=("kaiser", _KAISER_BETA)
    )
    return taps
