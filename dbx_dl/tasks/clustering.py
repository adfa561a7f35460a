"""Clustering: rows are put into groups that nobody named, each around a centre of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbx_dl.tasks.task import PLAIN_SETTINGS, LabelKind, TaskSettings
from dbx_dl.tasks.traits import NumberRows, RelativeUnits

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dbx_dl.contracts import OutputKind, Target, TaskName
    from dbx_dl.tasks.graph_end import GraphEnd
    from dbx_dl.tasks.task import Floats

DISTANCES = ("distance", "other_distance", "log_density")
DEFAULT_CLUSTERS = 8
OF_ROWS = ("simplified_silhouette", "inertia", "nll")
OF_CLASSES = ("adjusted_rand_index", "normalized_mutual_information")


@dataclass(frozen=True)
class ClusteringTask(NumberRows, RelativeUnits):
    """Predictions (N, k + 3) are probabilities of k clusters, then what DISTANCES names; see `Task`.

    A row's cluster is the likeliest. `distance` is that to its centre, `other_distance` that to the nearest other one.
    Outputs (N, 2 k) are logarithms of k densities, each times its cluster's share, and squared distances to k centres.
    Labels are classes (N,) where a table has such, and zeros otherwise; they are compared with clusters, not learned.
    """

    num_clusters: int = DEFAULT_CLUSTERS
    name: TaskName = "clustering"
    network_gives: str = "for each cluster the log of its share times its density, and the squared distance to it"
    scoring_returns: str = "the cluster, its probability, those of all, and distances to the nearest two centres"
    label_kind: LabelKind = "none"
    output_kind: OutputKind = "clusters"
    losses: tuple[str, ...] = ("inertia", "nll")
    metrics: tuple[str, ...] = (*OF_ROWS, *OF_CLASSES)
    default_metric: str = "simplified_silhouette"
    is_scaled: bool = False
    least_label: float | None = None

    def count_outputs(self, target: Target) -> int:
        """Two for each cluster."""
        return 2 * target.num_clusters

    def name_values(self, target: Target) -> tuple[str, ...]:
        """`probability_0` and so on, then DISTANCES."""
        return (*(f"probability_{number}" for number in range(target.num_clusters)), *DISTANCES)

    def predict(self, outputs: NDArray[np.floating], settings: TaskSettings) -> Floats:
        """Softmax of the log densities, distances to the likeliest cluster's centre and the next, and the density."""
        import numpy as np

        from dbx_dl.metrics import softmax

        del settings
        scores, squares = np.split(outputs.astype(np.float64), 2, axis=1)
        squares = np.maximum(squares, 0.0)
        is_own = np.arange(scores.shape[1]) == scores.argmax(axis=1, keepdims=True)
        largest = scores.max(axis=1)
        columns = [
            np.sqrt(np.where(is_own, squares, 0.0).sum(axis=1)),
            np.sqrt(np.where(is_own, np.inf, squares).min(axis=1)),
            largest + np.log(np.exp(scores - largest[:, None]).sum(axis=1)),
        ]
        return np.concatenate([softmax(scores), np.stack(columns, axis=1)], axis=1)

    def measure(
        self,
        labels: NDArray[Any],
        predictions: NDArray[np.floating],
        weights: NDArray[np.floating] | None = None,
        settings: TaskSettings = PLAIN_SETTINGS,
    ) -> dict[str, float]:
        """The simplified silhouette, inertia and nll; of labels of several classes also how well clusters agree."""
        import numpy as np

        from dbx_dl.metrics.weighting import keep_weighted

        del settings
        weights, labels, predictions = keep_weighted(weights, labels, predictions)
        if not len(labels):
            return {}
        own = np.ones((1, len(labels))) if weights is None else weights[None]
        names = self.metrics if (labels != labels[0]).any() else OF_ROWS
        return {name: float(values[0]) for name, values in self.weigh(labels, predictions, own, names).items()}

    def weigh(
        self, labels: NDArray[Any], predictions: NDArray[Any], weights_bn: Floats, metrics: Sequence[str]
    ) -> dict[str, Floats]:
        """See `metrics.clustering`."""
        import numpy as np

        from dbx_dl.metrics.clustering import weigh_agreement, weigh_rows
        from dbx_dl.metrics.weighted import share_weights

        clusters, numbers = split_predictions(predictions)
        own, other, log_densities = np.asarray(numbers, np.float64).T
        found = weigh_rows(own, other, log_densities, share_weights(weights_bn))
        compared = [name for name in metrics if name in OF_CLASSES]
        if compared:
            found |= weigh_agreement(labels, clusters, weights_bn, compared)
        return {name: found[name] for name in metrics}

    def move(
        self, labels: NDArray[Any], predictions: Floats, distance: float, settings: TaskSettings
    ) -> NDArray[np.floating]:
        """The likeliest cluster likelier and its centre nearer by `distance`, the others less likely and farther."""
        import numpy as np

        del labels, settings
        probabilities, numbers = predictions[:, :-3], predictions[:, -3:]
        is_own = np.arange(probabilities.shape[1]) == probabilities.argmax(axis=1, keepdims=True)
        moved = np.clip(probabilities + np.where(is_own, distance, -distance), 0.0, 1.0)
        steps = distance * np.maximum(1.0, np.abs(numbers)) * np.array([-1, 1, 1])
        nearer = numbers + steps
        return np.concatenate([moved, np.maximum(nearer[:, :2], 0.0), nearer[:, 2:]], axis=1)

    def is_same_choice(self, found: NDArray[np.floating], expected: NDArray[np.floating]) -> NDArray[np.bool_]:
        """The likeliest cluster is the same."""
        import numpy as np

        return np.asarray(split_predictions(found)[0] == split_predictions(expected)[0])

    def add_head(self, end: GraphEnd, logits: str, output: str, settings: TaskSettings) -> None:
        """What `predict` computes, in float64."""
        import numpy as np

        del settings
        scores, squares = end.split(end.to_doubles(logits))
        squares = end.add("Max", [squares, end.constant(np.float64(0))])
        likeliest = end.add("ArgMax", [scores], axis=1, keepdims=1)
        is_own = end.add("Equal", [likeliest, end.constant(np.arange(self.num_clusters)[None])])
        axes = end.constant(np.array([1]))
        own = end.add("ReduceSum", [end.add("Where", [is_own, squares, end.constant(np.float64(0))]), axes], keepdims=1)
        far = end.add("Where", [is_own, end.constant(np.float64(np.inf)), squares])
        other = end.add("ReduceMin", [far, axes], keepdims=1)
        # The largest apart, so that no exponential overflows.
        largest = end.add("ReduceMax", [scores, axes], keepdims=1)
        powers = end.add("Exp", [end.add("Sub", [scores, largest])])
        summed = end.add("Log", [end.add("ReduceSum", [powers, axes], keepdims=1)])
        parts = [end.add("Softmax", [scores], axis=1), end.add("Sqrt", [own]), end.add("Sqrt", [other])]
        end.add("Concat", [*parts, end.add("Add", [largest, summed])], output, axis=1)


def split_predictions(predictions: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Clusters int64 (N,) of predictions (N, k + 3), and the numbers (N, 3) that DISTANCES names."""
    return predictions[:, :-3].argmax(axis=1), predictions[:, -3:]
