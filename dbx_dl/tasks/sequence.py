"""A text for every row, written token by token: of another text (a translation), or of an image (a caption)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbx_dl.tasks.task import PLAIN_SETTINGS, LabelKind, TaskSettings
from dbx_dl.tasks.traits import FloatRows, PlainUnits, Unnamed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dbx_dl.contracts import OutputKind, Target, TaskName
    from dbx_dl.tasks.graph_end import GraphEnd
    from dbx_dl.tasks.task import Floats


@dataclass(frozen=True)
class SequenceTask(FloatRows, PlainUnits, Unnamed):
    """Labels int64 (N, T) are ids of `Target.text`, 0 behind the last token; see `Task`.

    Predictions (N, 2, T) are ids that were written greedily, each the likeliest after those before it, and the
    probabilities that these had; behind the end ids are 0 and probabilities 1. Another id is a difference of 1 or more.
    """

    name: TaskName = "sequence"
    network_gives: str = "for each step the likeliest token's id after those before it, and then their probabilities"
    scoring_returns: str = "a text, its tokens, their probabilities, and the probability of all"
    label_kind: LabelKind = "tokens"
    output_kind: OutputKind = "tokens"
    losses: tuple[str, ...] = ("cross_entropy",)
    metrics: tuple[str, ...] = ("exact_match", "token_accuracy", "word_error_rate")
    default_metric: str = "exact_match"
    is_scaled: bool = False
    least_label: float | None = None

    def count_outputs(self, target: Target) -> int:
        """An id and a probability for each step."""
        return 2 * _count_steps(target)

    def row_shape(self, target: Target) -> tuple[int, ...]:
        """Ids and probabilities of the steps."""
        return (2, _count_steps(target))

    def predict(self, outputs: NDArray[np.floating], settings: TaskSettings) -> Floats:
        """The same numbers, ids apart from probabilities."""
        import numpy as np

        del settings
        return outputs.astype(np.float64).reshape(len(outputs), 2, -1)

    def measure(
        self,
        labels: NDArray[Any],
        predictions: NDArray[np.floating],
        weights: NDArray[np.floating] | None = None,
        settings: TaskSettings = PLAIN_SETTINGS,
    ) -> dict[str, float]:
        """See `sequence_metrics`."""
        from dbx_dl.metrics.sequences import sequence_metrics

        del settings
        return sequence_metrics(labels, predictions[:, 0], weights)

    def weigh(
        self, labels: NDArray[Any], predictions: NDArray[Any], weights_bn: Floats, metrics: Sequence[str]
    ) -> dict[str, Floats]:
        """See `weigh_sequences`."""
        from dbx_dl.metrics.sequences import weigh_sequences

        found = weigh_sequences(labels, predictions[:, 0], weights_bn)
        return {name: found[name] for name in metrics}

    def move(
        self, labels: NDArray[Any], predictions: Floats, distance: float, settings: TaskSettings
    ) -> NDArray[np.floating]:
        """Ids are not known within rounding only, and no metric is of probabilities: nothing moves."""
        del labels, distance, settings
        return predictions

    def is_same_choice(self, found: NDArray[np.floating], expected: NDArray[np.floating]) -> NDArray[np.bool_]:
        """The same tokens were written."""
        import numpy as np

        return np.asarray((found[:, 0] == expected[:, 0]).all(axis=1))

    def add_head(self, end: GraphEnd, logits: str, output: str, settings: TaskSettings) -> None:
        """The same numbers, float32 (N, 2, T)."""
        import numpy as np

        del settings
        end.add("Reshape", [logits, end.constant(np.array([0, 2, -1]))], output)


def _count_steps(target: Target) -> int:
    return 0 if target.text is None else target.text.max_length
