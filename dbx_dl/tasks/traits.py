"""What several tasks answer alike: units of differences, shapes, names of values, and whether anything is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dbx_dl.contracts import Target
    from dbx_dl.tasks.task import Floats, TaskSettings


class PlainUnits:
    """Differences are of the numbers themselves: probabilities, shares of an image, pixels / 255."""

    def scale_differences(self, found: Floats, expected: Floats, settings: TaskSettings) -> Floats:
        """As they are."""
        import numpy as np

        del settings
        return np.abs(found - expected)


class LabelUnits:
    """Differences are in units of the label's scale."""

    def scale_differences(self, found: Floats, expected: Floats, settings: TaskSettings) -> Floats:
        """Divided by the scale."""
        import numpy as np

        return np.asarray(np.abs(found - expected) / settings.label_scale)


class RelativeUnits:
    """Differences are of a number where that is above 1."""

    def scale_differences(self, found: Floats, expected: Floats, settings: TaskSettings) -> Floats:
        """Divided by the expected number, or by 1."""
        import numpy as np

        del settings
        return np.asarray(np.abs(found - expected) / np.maximum(1.0, np.abs(expected)))


class NumberRows:
    """Predictions are numbers in the label's own unit: (N,), or (N, P) where they have names."""

    file_dtype: Literal["float32", "float64"] = "float64"

    def name_values(self, target: Target) -> tuple[str, ...]:
        """The task's."""
        raise NotImplementedError

    def row_shape(self, target: Target) -> tuple[int, ...]:
        """One place for each name."""
        names = self.name_values(target)
        return (len(names),) if names else ()


class FloatRows:
    """Predictions are float32 in a file."""

    file_dtype: Literal["float32", "float64"] = "float32"


class LabelRows(FloatRows):
    """Predictions are a probability for each label (N, C)."""

    def row_shape(self, target: Target) -> tuple[int, ...]:
        """One place for each label."""
        return (len(target.label_names),)


class Unnamed:
    """Predictions are one number, or have the names or places of labels."""

    def name_values(self, target: Target) -> tuple[str, ...]:
        """None."""
        del target
        return ()


class WithoutChoice:
    """Predictions are no classes or labels."""

    def is_same_choice(self, found: NDArray[np.floating], expected: NDArray[np.floating]) -> None:
        """Nothing is chosen."""
        del found, expected
