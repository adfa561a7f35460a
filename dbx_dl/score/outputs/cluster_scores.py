"""Probabilities of clusters, and distances to their centres, become the cluster of a row and how well it fits there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbx_dl.score.inputs.arrow_lists import to_nested_lists, to_values
from dbx_dl.score.outputs.kind import WithoutChoices
from dbx_dl.tasks.clustering import DISTANCES, split_predictions

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from dbx_dl.contracts import Target
    from dbx_dl.score.outputs.output_parts import OutputPart

PROBABILITIES = "probabilities"


@dataclass(frozen=True)
class ClusterScores:
    """An output float64 (N, k + 3), as `ClusteringTask` predicts it.

    Fields: cluster int (from 0, the likeliest), probability double, probabilities array<double> of all clusters;
    distance double to its centre, other_distance to the nearest other centre, and log_density, which is low for rows
    that fit nowhere.
    """

    output: str
    num_clusters: int

    @property
    def fields(self) -> dict[str, str]:
        """Name and SQL type of every field, in order."""
        doubles = dict.fromkeys(DISTANCES, "double")
        return {"cluster": "int", "probability": "double", PROBABILITIES: "array<double>", **doubles}

    def build(self, values: NDArray[np.float64], wanted: Collection[str]) -> dict[str, pa.Array]:
        """The wanted fields of rows (N, k + 3)."""
        import numpy as np

        clusters, numbers = split_predictions(values) if len(values) else (np.empty(0, np.int64), values[:, -3:])
        probabilities = values[np.arange(len(values)), clusters]
        columns: dict[str, NDArray[Any]] = {"cluster": clusters.astype(np.int32), "probability": probabilities}
        columns |= {name: np.ascontiguousarray(column) for name, column in zip(DISTANCES, numbers.T, strict=True)}
        arrays = {name: to_values(column) for name, column in columns.items() if name in wanted}
        if PROBABILITIES in wanted:
            arrays[PROBABILITIES] = to_nested_lists(np.ascontiguousarray(values[:, :-3]))
        return arrays

    def no_rows(self) -> NDArray[np.float64]:
        """An array without rows."""
        import numpy as np

        return np.empty((0, self.num_clusters + len(DISTANCES)), np.float64)


class ClusterKind(WithoutChoices):
    """Clusters of rows (N, k + 3)."""

    what = "clusters"

    def make(self, output: str, target: Target) -> OutputPart:
        """Cluster, probabilities and distances."""
        return ClusterScores(output, target.num_clusters)

    def list_columns(self, target: Target) -> tuple[str, ...]:
        """What the cluster is chosen by, and the distances."""
        del target
        return (PROBABILITIES, *DISTANCES)

    def read(self, predictions: pa.Table, target: Target) -> NDArray[np.floating]:
        """(N, k + 3), whatever the k of the model: those of several numbers of clusters can be compared."""
        import numpy as np

        flat = predictions.column(PROBABILITIES).combine_chunks().flatten().to_numpy(zero_copy_only=False)
        width = len(flat) // predictions.num_rows if predictions.num_rows else target.num_clusters
        numbers = [predictions.column(name).to_numpy() for name in DISTANCES]
        return np.concatenate([flat.reshape(-1, width), np.stack(numbers, axis=1)], axis=1)
