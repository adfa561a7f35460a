"""Recommendation: the items that a user will most likely choose next, best first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbx_dl.tasks.task import PLAIN_SETTINGS, LabelKind, TaskSettings
from dbx_dl.tasks.traits import FloatRows, Unnamed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dbx_dl.contracts import OutputKind, Target, TaskName
    from dbx_dl.tasks.graph_end import GraphEnd
    from dbx_dl.tasks.task import Floats

# Where an item's logit is below this it must not be recommended; networks put those at -10,000 and less.
SEEN_LOGIT = -5e3
# Scores that are this share of themselves apart, or less, are a tie.
_TIE = 1e-3


@dataclass(frozen=True)
class RecommendationTask(FloatRows, Unnamed):
    """Labels int64 (N,) are items, predictions (N, k, 2) the best k with their scores; see `Task`.

    A score is the item's share of a softmax over all items that may be recommended. Where these are fewer than k, the
    rest of the list is the item `NO_ITEM` with a score of 0.
    """

    top_k: int = 10
    name: TaskName = "recommendation"
    network_gives: str = "a logit for each item, -10,000 and less for those that must not be recommended"
    scoring_returns: str = "the best items, and their scores"
    label_kind: LabelKind = "item"
    output_kind: OutputKind = "items"
    losses: tuple[str, ...] = ("cross_entropy", "sampled_softmax", "bpr")
    metrics: tuple[str, ...] = ("hit_rate", "ndcg", "mrr")
    default_metric: str = "ndcg"
    is_scaled: bool = False
    least_label: float | None = None

    def count_outputs(self, target: Target) -> int:
        """One logit for each item."""
        return len(target.label_names)

    def row_shape(self, target: Target) -> tuple[int, ...]:
        """As many items as a list has, no more than there are, with their scores."""
        return (min(self.top_k, len(target.label_names)), 2)

    def predict(self, outputs: NDArray[np.floating], settings: TaskSettings) -> Floats:
        """The best items of logits (N, I) and their shares of a softmax."""
        import numpy as np

        from dbx_dl.metrics import softmax
        from dbx_dl.metrics.recommendation import NO_ITEM

        del settings
        items = np.argsort(-outputs, axis=1, kind="stable")[:, : self.top_k]
        shares = np.take_along_axis(softmax(outputs), items, axis=1)
        may_be = np.take_along_axis(outputs, items, axis=1) > SEEN_LOGIT
        return np.stack([np.where(may_be, items, NO_ITEM), np.where(may_be, shares, 0.0)], axis=2)

    def measure(
        self,
        labels: NDArray[Any],
        predictions: NDArray[np.floating],
        weights: NDArray[np.floating] | None = None,
        settings: TaskSettings = PLAIN_SETTINGS,
    ) -> dict[str, float]:
        """See `recommendation_metrics`."""
        from dbx_dl.metrics.recommendation import recommendation_metrics

        del settings
        return recommendation_metrics(labels, predictions[..., 0], weights)

    def weigh(
        self, labels: NDArray[Any], predictions: NDArray[Any], weights_bn: Floats, metrics: Sequence[str]
    ) -> dict[str, Floats]:
        """See `weigh_recommendations`."""
        from dbx_dl.metrics.recommendation import weigh_recommendations

        return weigh_recommendations(labels, predictions[..., 0], weights_bn, metrics)

    def move(
        self, labels: NDArray[Any], predictions: Floats, distance: float, settings: TaskSettings
    ) -> NDArray[np.floating]:
        """The score of the row's item, where it is in the list, rises, those of the others fall, and all are sorted."""
        import numpy as np

        del settings
        items, scores = predictions[..., 0], predictions[..., 1]
        moved = scores + distance * np.where(items == labels[:, None], 1, -1)
        order = np.argsort(-moved, axis=1, kind="stable")
        return np.stack([np.take_along_axis(values, order, axis=1) for values in (items, moved)], axis=2)

    def scale_differences(self, found: Floats, expected: Floats, settings: TaskSettings) -> Floats:
        """(N, k, 2): what share of the right item's score another in its place falls short; scores as they are.

        Items whose scores are equal up to rounding may change places, and at the end of a list with those behind it. An
        item in the place of none, and none in the place of one, is 1.
        """
        import numpy as np

        del settings
        scores = np.abs(found[..., 1] - expected[..., 1])
        return np.stack([_miss_items(found[..., 0], expected), scores], axis=-1)

    def is_same_choice(self, found: NDArray[np.floating], expected: NDArray[np.floating]) -> NDArray[np.bool_]:
        """The same items, in whatever order."""
        import numpy as np

        items = [np.sort(values[..., 0], axis=1) for values in (found, expected)]
        return np.asarray((items[0] == items[1]).all(axis=1))

    def add_head(self, end: GraphEnd, logits: str, output: str, settings: TaskSettings) -> None:
        """What `predict` computes: float32 (N, k, 2)."""
        import numpy as np

        from dbx_dl.metrics.recommendation import NO_ITEM

        del settings
        size = end.constant(np.array([self.top_k], np.int64))
        num_items = end.add("Slice", [end.add("Shape", [logits]), *(end.constant(np.array([n])) for n in (1, 2))])
        found, items = end.add_two("TopK", [logits, end.add("Min", [size, num_items])], axis=1)
        shares = end.add("GatherElements", [end.add("Softmax", [logits], axis=1), items], axis=1)
        may_be = end.add("Greater", [found, end.constant(np.float32(SEEN_LOGIT))])
        chosen = end.add("Where", [may_be, end.to_floats(items), end.constant(np.float32(NO_ITEM))])
        scores = end.add("Where", [may_be, shares, end.constant(np.float32(0))])
        last = end.constant(np.array([2]))
        pairs = [end.add("Unsqueeze", [values, last]) for values in (chosen, scores)]
        end.add("Concat", pairs, output, axis=2)


def _miss_items(items: NDArray[Any], expected: Floats) -> Floats:
    """For each place of lists (N, k) how far the score that its item should have is from that of the place, 0 to 1."""
    import numpy as np

    from dbx_dl.metrics.recommendation import NO_ITEM

    wanted, scores = expected[..., 0], expected[..., 1]
    is_same = items[:, :, None] == wanted[:, None, :]
    listed = np.take_along_axis(scores, is_same.argmax(axis=2), axis=1)
    # An item that is not listed has at most the last one's score.
    own = np.where(is_same.any(axis=2), listed, scores[:, -1:])
    missed = np.abs(own - scores) / np.maximum(scores, np.finfo(np.float32).tiny)
    missed = np.where(missed <= _TIE, 0.0, np.minimum(missed, 1.0))
    return np.where((items == NO_ITEM) != (wanted == NO_ITEM), 1.0, np.where(items == wanted, 0.0, missed))
