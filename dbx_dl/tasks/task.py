"""What feed, training, export, scoring and promotion ask of a task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from dbx_dl.contracts import Calibration, ModelMetadata, OutputKind, Target, TaskName
    from dbx_dl.tasks.graph_end import GraphEnd

    Floats = NDArray[np.float64]

# What a row's label is: one of the classes, a set of labels, a class for each step, a number, an image, boxes, a mask,
# the tokens of a text, an item of many, or nothing that is needed.
LabelKind = Literal["class", "label_set", "frames", "number", "image", "boxes", "mask", "tokens", "item", "none"]


@dataclass(frozen=True)
class TaskSettings:
    """What a task's numbers depend on beside the task itself.

    A network learns (label - label_center) / label_scale of a number. `calibration` makes probabilities of scores of
    classes, without one a softmax. `top_k` are further metrics of classes. `are_pixels` says that inputs are images.
    """

    label_center: float = 0.0
    label_scale: float = 1.0
    calibration: Calibration | None = None
    top_k: tuple[int, ...] = ()
    are_pixels: bool = False

    @staticmethod
    def of_model(metadata: ModelMetadata) -> TaskSettings:
        """Those that a file was exported with."""
        from dbx_dl.contracts import ImageSpec

        are_pixels = isinstance(metadata.inputs, ImageSpec)
        return TaskSettings(metadata.label_center, metadata.label_scale, metadata.calibration, are_pixels=are_pixels)


PLAIN_SETTINGS = TaskSettings()


class Task(Protocol):
    """One task. Labels (N, ...) are as in `contracts.Batch`, predictions float64 are what `predict` gives.

    `losses` are the names that `train.loss` may have, the one without a name first. `metrics` are those that `measure`
    gives, `default_metric` decides between models where nobody says. `network_gives` and `scoring_returns` say for
    people what the outputs are and what becomes of them. `is_scaled` says that the network learns labels that are
    centered and scaled, `least_label` below which no label may be.
    """

    @property
    def name(self) -> TaskName: ...
    @property
    def label_kind(self) -> LabelKind: ...
    @property
    def output_kind(self) -> OutputKind: ...
    @property
    def file_dtype(self) -> Literal["float32", "float64"]: ...
    @property
    def losses(self) -> tuple[str, ...]: ...
    @property
    def metrics(self) -> tuple[str, ...]: ...
    @property
    def default_metric(self) -> str: ...
    @property
    def network_gives(self) -> str: ...
    @property
    def scoring_returns(self) -> str: ...
    @property
    def is_scaled(self) -> bool: ...
    @property
    def least_label(self) -> float | None: ...

    def count_outputs(self, target: Target) -> int:
        """How many numbers the network gives for a row."""

    def row_shape(self, target: Target) -> tuple[int, ...]:
        """Shape of a row's predictions, as a file gives them in `file_dtype`."""

    def name_values(self, target: Target) -> tuple[str, ...]:
        """Names of the P numbers of predictions (N, P) that are no probabilities; none for one number (N,)."""

    def predict(self, outputs: NDArray[np.floating], settings: TaskSettings) -> Floats:
        """Predictions of a network's outputs float32 (N, num_outputs)."""

    def measure(
        self,
        labels: NDArray[Any],
        predictions: NDArray[np.floating],
        weights: NDArray[np.floating] | None = None,
        settings: TaskSettings = ...,
    ) -> dict[str, float]:
        """Metrics of rows weighted by `weights` (N,), else alike; none without rows."""

    def weigh(
        self, labels: NDArray[Any], predictions: NDArray[Any], weights_bn: Floats, metrics: Sequence[str]
    ) -> dict[str, Floats]:
        """These metrics, each (B,), of the rows under B weightings (B, N); NaN where one is undefined."""

    def move(
        self, labels: NDArray[Any], predictions: Floats, distance: float, settings: TaskSettings
    ) -> NDArray[np.floating]:
        """Predictions nearer to the truth by `distance`, in the units of `scale_differences`; farther when negative."""

    def scale_differences(self, found: Floats, expected: Floats, settings: TaskSettings) -> Floats:
        """How far predictions are apart, number by number, in the units of `contracts.Parity`."""

    def is_same_choice(self, found: NDArray[np.floating], expected: NDArray[np.floating]) -> NDArray[np.bool_] | None:
        """By row, whether both predictions choose the same classes or labels; None where nothing is chosen."""

    def add_head(self, end: GraphEnd, logits: str, output: str, settings: TaskSettings) -> None:
        """Let a graph give as `output` the predictions of its network's output `logits`."""
