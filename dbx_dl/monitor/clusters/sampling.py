"""Some rows of a split with their clusters: how well they fit, where they lie, and which are nearest to centres."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from dbx_dl.contracts import SPLITS, FileSpec, ImageSpec
from dbx_dl.errors import DataError
from dbx_dl.feed.rows import read_keys, read_rows
from dbx_dl.frameworks.architectures.autoencoders import CODE
from dbx_dl.metrics.clustering import silhouette
from dbx_dl.score.model.session import open_model
from dbx_dl.score.predictions import predict_rows
from dbx_dl.tasks.clustering import split_predictions

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from dbx_dl.contracts import OnnxModel, PreparedTable, Split

MAX_ROWS = 2000
# Of large images fewer rows are drawn, so that their numbers stay below this.
_MAX_NUMBERS = 2**25
_BATCH_ROWS = 256
_NUM_NEAREST = 8
INPUTS = "inputs"


@dataclass(frozen=True)
class SampledRows:
    """Rows of a split: keys (N,), clusters int64 (N,), distances to their centres (N,), and points (N, K) by space.

    `spaces` have `inputs`, and before it `code` where the file gives what an encoder makes of rows.
    """

    split: Split
    keys: NDArray[np.str_]
    clusters: NDArray[np.int64]
    distances: NDArray[np.float64]
    spaces: dict[str, NDArray[np.float64]]

    def measure_silhouettes(self, num_clusters: int) -> tuple[dict[str, float], tuple[float | None, ...]]:
        """The mean silhouette by space, and that of each cluster in the first of them, None for one without rows."""
        found = {space: silhouette(points, self.clusters) for space, points in self.spaces.items()}
        first = next(iter(found.values()))
        parts = [first[self.clusters == cluster] for cluster in range(num_clusters)]
        by_cluster = tuple(float(part.mean()) if len(part) else None for part in parts)
        return {space: float(values.mean()) for space, values in found.items()}, by_cluster

    def list_nearest(self, num_clusters: int) -> tuple[tuple[str, ...], ...]:
        """Keys of the rows nearest to each cluster's centre."""
        import numpy as np

        order = np.argsort(self.distances, kind="stable")
        nearest = (order[self.clusters[order] == cluster][:_NUM_NEAREST] for cluster in range(num_clusters))
        return tuple(tuple(map(str, self.keys[rows])) for rows in nearest)

    def project(self) -> tuple[NDArray[np.float64], float]:
        """The first space's points on their two principal axes (N, 2), and these axes' share of the variance."""
        import numpy as np

        points = next(iter(self.spaces.values()))
        centred = points - points.mean(axis=0)
        _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
        squares = np.square(sizes)
        flat = np.zeros((len(points), 2))
        flat[:, : len(axes[:2])] = centred @ axes[:2].T
        return flat, float(squares[:2].sum() / max(squares.sum(), 1e-12))


def sample_rows(model: OnnxModel, seed: int = 0) -> SampledRows:
    """At most MAX_ROWS rows, drawn by `seed`, of the test split, or of validation or train where a table has no others.

    DataError for a table without rows, or when the file fails on one.
    """
    prepared = model.trained.prepared
    split = _choose_split(prepared)
    limit = min(MAX_ROWS, _MAX_NUMBERS // prod(prepared.inputs.row_shape))
    rows = read_rows(prepared, split, keys=_draw_keys(read_keys(prepared, split), limit, seed))
    predictions, codes = _predict(model.file.path, rows)
    clusters, numbers = split_predictions(predictions)
    keys = [str(key) for key in rows.column(prepared.key_column).to_pylist()]
    spaces = {} if codes is None else {CODE: codes}
    spaces[INPUTS] = _read_points(rows, prepared)
    return _as_sample(split, keys, clusters, numbers[:, 0], spaces)


def _as_sample(
    split: Split,
    keys: Sequence[str],
    clusters: NDArray[np.int64],
    distances: NDArray[np.float64],
    spaces: dict[str, NDArray[np.float64]],
) -> SampledRows:
    import numpy as np

    return SampledRows(split, np.array(keys, np.str_), clusters, distances, spaces)


def _choose_split(prepared: PreparedTable) -> Split:
    for split in reversed(SPLITS):
        if prepared.split_rows.get(split, 0):
            return split
    raise DataError(f"table {prepared.table.name} version {prepared.table.version} has no rows to show clusters by")


def _draw_keys(keys: Sequence[str], limit: int, seed: int) -> list[str]:
    import numpy as np

    ordered = sorted(keys)
    if len(ordered) <= limit:
        return ordered
    chosen = np.random.default_rng(seed).choice(len(ordered), limit, replace=False)
    return [ordered[place] for place in chosen]


def _predict(path: str, rows: pa.Table) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    import numpy as np

    session, parts = open_model(path), []
    batch = rows.combine_chunks().to_batches()[0]
    for start in range(0, batch.num_rows, _BATCH_ROWS):
        outputs, errors = predict_rows(session, batch.slice(start, _BATCH_ROWS))
        if errors:
            raise DataError(f"the model fails on {len(errors)} rows: {next(iter(errors.values()))}")
        parts.append(outputs)
    # Another layer's values may be asked for, which are no points that clusters were looked for among.
    has_codes = session.metadata.embeddings == CODE
    codes = [np.asarray(part["embedding"], np.float64) for part in parts] if has_codes else []
    predictions = np.concatenate([np.asarray(part["clusters"], np.float64) for part in parts])
    return predictions, np.concatenate(codes) if codes else None


def _read_points(rows: pa.Table, prepared: PreparedTable) -> NDArray[np.float64]:
    """What a network takes of rows, as points (N, K)."""
    import numpy as np

    inputs = prepared.inputs
    if isinstance(inputs, FileSpec):
        from dbx_dl.transforms.files import decode_file

        decoded = np.stack([decode_file(data, inputs) for data in rows.column(inputs.column).to_pylist()])
        return decoded.reshape(len(decoded), -1) / (255.0 if isinstance(inputs, ImageSpec) else 32768.0)
    from dbx_dl.transforms.columns import TabularEncoder

    return np.asarray(TabularEncoder(inputs).encode(rows), np.float64).reshape(rows.num_rows, -1)
