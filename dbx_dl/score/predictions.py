"""Raw Arrow rows through a model to prediction structs: what every way of scoring calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dbx_dl.score.binding import bind_rows, count_batch_rows

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from dbx_dl.score.session import ModelSession

PREDICTION_DDL = "label string, probability double, probabilities array<float>, error string"


def predict_structs(session: ModelSession, batch: pa.RecordBatch) -> Iterator[pa.StructArray]:
    """Predictions of raw rows whose columns have the model's names, in order, in chunks of bounded memory.

    Each struct has label, probability, probabilities (C) and error; either the first three are null or the last is.
    """
    num_rows = count_batch_rows(session.metadata.inputs)
    for start in range(0, batch.num_rows, num_rows):
        chunk = batch.slice(start, num_rows)
        probabilities_nc, errors = predict_rows(session, chunk)
        yield to_structs(probabilities_nc, errors, session.label_names)


def predict_rows(session: ModelSession, batch: pa.RecordBatch) -> tuple[np.ndarray, dict[int, str]]:
    """Class probabilities float32 (N, C), NaN in failed rows, and the reason of each failed row by position.

    The whole batch goes through the model at once.
    """
    import numpy as np

    bound = bind_rows(batch, session.metadata.inputs)
    probabilities_nc = np.full((batch.num_rows, len(session.label_names)), np.nan, np.float32)
    errors = bound.errors
    if len(bound.rows):
        probabilities_nc[bound.rows] = session.predict(bound.inputs)
    is_finite_n = np.asarray(np.isfinite(probabilities_nc).all(axis=1))
    for row in bound.rows[~is_finite_n[bound.rows]].tolist():
        errors[row] = "not_finite: the model's output is not a finite number"
    return probabilities_nc, errors


def to_structs(probabilities_nc: np.ndarray, errors: dict[int, str], label_names: tuple[str, ...]) -> pa.StructArray:
    """Structs of type PREDICTION_DDL from probabilities (N, C); rows in `errors` are null beside their text."""
    import numpy as np
    import pyarrow as pa

    num_rows, num_classes = probabilities_nc.shape
    failed = np.zeros(num_rows, bool)
    failed[list(errors)] = True
    kept_nc = probabilities_nc[~failed] if errors else probabilities_nc
    best = np.zeros(num_rows, np.int64)
    best[~failed] = kept_nc.argmax(axis=1)
    offsets = np.concatenate([[0], np.cumsum(~failed)]).astype(np.int32) * num_classes
    mask = pa.array(failed) if errors else None
    return pa.StructArray.from_arrays(
        [
            pa.array(label_names, pa.string()).take(pa.array(best, mask=failed)),
            pa.array(probabilities_nc[np.arange(num_rows), best].astype(np.float64), mask=failed),
            pa.ListArray.from_arrays(
                pa.array(offsets),
                pa.array(kept_nc.reshape(-1)),
                type=pa.list_(pa.field("element", pa.float32())),
                mask=mask,
            ),
            _error_array(errors, num_rows),
        ],
        names=["label", "probability", "probabilities", "error"],
    )


def _error_array(errors: dict[int, str], num_rows: int) -> pa.Array:
    import pyarrow as pa

    if not errors:
        return pa.nulls(num_rows, pa.string())
    return pa.array([errors.get(row) for row in range(num_rows)], pa.string())
