"""The factor that keeps float16 gradients from vanishing (Micikevicius et al., "Mixed Precision Training", 2018)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FIRST_SCALE = 2.0**15
# Losses are summed over rows, not averaged, so that large batches and labels need scales far below 1.
_SMALLEST_SCALE = 2.0**-24
_LARGEST_SCALE = 2.0**24
_STEPS_UNTIL_DOUBLED = 2000


class LossScale:
    """A power of two that losses are multiplied by before gradients are taken; 1, and still, unless float16 is used.

    It doubles after 2,000 good steps and halves when a gradient was not finite, in which case that step is left out.
    Gradients are judged after they were reduced over ranks, so every rank decides alike.
    """

    def __init__(self, precision: str) -> None:
        self.is_active = precision == "mixed_float16"
        self.value = _FIRST_SCALE if self.is_active else 1.0
        self._num_good_steps = 0

    def update(self, is_finite: bool) -> None:
        """Take note of an optimizer step."""
        if not self.is_active:
            return
        self._num_good_steps = self._num_good_steps + 1 if is_finite else 0
        if not is_finite:
            self.value = max(_SMALLEST_SCALE, self.value / 2)
        elif self._num_good_steps == _STEPS_UNTIL_DOUBLED:
            self.value, self._num_good_steps = min(_LARGEST_SCALE, self.value * 2), 0

    def read_state(self) -> NDArray[np.float64]:
        """What `restore` needs to go on from here: the scale and the number of good steps since it changed, (2,)."""
        return np.array([self.value, self._num_good_steps], dtype=np.float64)

    def restore(self, state: NDArray[np.float64]) -> None:
        """Go on from a state that `read_state` gave."""
        self.value, self._num_good_steps = float(state[0]), int(state[1])


def name_scale(optimizer: str) -> str:
    """The name of its state among the arrays of a checkpoint, by that of its optimizer."""
    return f"loss_scale/{optimizer}"
