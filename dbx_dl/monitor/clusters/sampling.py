"""Some rows of a split with their clusters: how well they fit, where they lie, and which are nearest to centres."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

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
    from dbx_dl.score.model.session import ModelSession

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
    target, num_entries = prepared.target, prod(prepared.inputs.row_shape)
    limit = max(target.num_clusters, min(MAX_ROWS, _MAX_NUMBERS // num_entries))
    drawn = _draw_keys(read_keys(prepared, split), limit, seed)
    # Whole files of few rows at a time lie in memory.
    groups = [drawn[start : start + _BATCH_ROWS] for start in range(0, len(drawn), _BATCH_ROWS)]
    session = open_model(model.file.path)
    keys: list[str] = []
    parts: list[dict[str, NDArray[Any]]] = []
    points: list[NDArray[np.float64]] = []
    for group in groups:
        rows = read_rows(prepared, split, keys=group)
        keys += [str(key) for key in rows.column(prepared.key_column).to_pylist()]
        parts += [_predict(session, batch) for batch in rows.to_batches()]
        points.append(_read_points(rows, prepared))
    return _join(split, keys, parts, points, has_codes=session.metadata.embeddings == CODE)


def _join(
    split: Split,
    keys: Sequence[str],
    parts: Sequence[dict[str, NDArray[Any]]],
    points: Sequence[NDArray[np.float64]],
    *,
    has_codes: bool,
) -> SampledRows:
    import numpy as np

    clusters, numbers = split_predictions(np.concatenate([np.asarray(part["clusters"], np.float64) for part in parts]))
    # Another layer's values may be asked for, which are no points that clusters were looked for among.
    codes = [np.asarray(part["embedding"], np.float64) for part in parts] if has_codes else []
    spaces = {CODE: np.concatenate(codes)} if has_codes else {}
    spaces |= {INPUTS: np.concatenate(points)}
    return SampledRows(split, np.array(keys, np.str_), clusters, numbers[:, 0], spaces)


def _choose_split(prepared: PreparedTable) -> Split:
    for split in reversed(SPLITS):
        if prepared.split_rows.get(split, 0):
            return split
    raise DataError(f"table {prepared.table.name} version {prepared.table.version} has no rows to show clusters by")


def _draw_keys(keys: Sequence[str], limit: int, seed: int) -> list[str]:
    import numpy as np

    ordered = sorted(set(keys))
    if len(ordered) <= limit:
        return ordered
    chosen = np.random.default_rng(seed).choice(len(ordered), limit, replace=False)
    return [ordered[place] for place in chosen]


def _predict(session: ModelSession, batch: pa.RecordBatch) -> dict[str, NDArray[Any]]:
    outputs, errors = predict_rows(session, batch)
    if errors:
        raise DataError(f"the model fails on {len(errors)} rows: {next(iter(errors.values()))}")
    return {str(name): values for name, values in outputs.items()}


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
