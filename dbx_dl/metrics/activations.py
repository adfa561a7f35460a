"""What makes probabilities of a network's outputs, in float64."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Class probabilities float64 (N, C) of logits (N, C), stable for large values."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    exponents = np.exp(shifted)
    return np.asarray(exponents / exponents.sum(axis=1, keepdims=True))


def sigmoid(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probabilities float64 of logits, each on its own, stable for large values."""
    # tanh saturates where exp would overflow.
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits.astype(np.float64))))
