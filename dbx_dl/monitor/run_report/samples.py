"""Test rows that a report shows: which ones, and what is told of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NUM_SAMPLES = 27
MAX_WRONG_SAMPLES = 18


@dataclass(frozen=True)
class Sample:
    """One test row: its true and predicted label, the probability of the latter, and an image's encoded bytes.

    `given` is the text that a text was written of.
    """

    key: str
    truth: str
    label: str
    probability: float
    content: bytes | None
    given: str = ""

    @property
    def is_right(self) -> bool:
        """Whether the prediction is the truth."""
        return self.truth == self.label


def order_samples(confidence: NDArray[np.floating], is_wrong: NDArray[np.bool_]) -> list[int]:
    """Rows to be shown, by how sure (N,) predictions are and whether they are wrong (N,).

    Wrong ones first (most confident ones ahead), then right ones spread from doubtful to certain.
    """
    import numpy as np

    order = np.argsort(confidence, kind="stable")
    wrong = order[is_wrong[order]][::-1][:MAX_WRONG_SAMPLES]
    right = order[~is_wrong[order]]
    num_right = min(len(right), NUM_SAMPLES - len(wrong))
    spread = right[np.linspace(0, len(right) - 1, num_right).round().astype(int)] if num_right else right[:0]
    return [int(row) for row in [*wrong, *spread]]
