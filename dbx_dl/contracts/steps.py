"""Arrays of numbers, one for each step of a row, as a fitted spec."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dbx_dl.contracts.contract import Contract


class StepsFeature(Contract):
    """An array of numbers, one for each step of a row; rows may have any number of steps.

    Numbers that are null, NaN or infinite become `fill`, and what is encoded is (x - center) / scale.
    """

    kind: Literal["steps"] = "steps"
    column: str
    fill: float
    center: float = 0.0
    scale: float = Field(default=1.0, gt=0)


class StepsSpec(Contract):
    """The fitted encoding of columns of arrays into float32 numbers by step, of shape (N, max_steps, K + 1).

    All arrays of a row are equally long; null is an empty one. The last of the numbers is 1 for a step and 0 for
    padding, which follows the last step and is all zeros. Of a longer row the first `max_steps` steps count.
    """

    kind: Literal["steps"] = "steps"
    features: tuple[StepsFeature, ...] = Field(min_length=1)
    max_steps: int = Field(gt=0)

    @property
    def num_encoded(self) -> int:
        """Numbers of a row."""
        return self.max_steps * (len(self.features) + 1)

    @property
    def columns(self) -> tuple[str, ...]:
        """Raw column names, in the order of the model's inputs."""
        return tuple(feature.column for feature in self.features)

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Shape of one row's input to a network."""
        return (self.max_steps, len(self.features) + 1)

    @property
    def row_dtype(self) -> str:
        """Element type of it."""
        return "float32"
