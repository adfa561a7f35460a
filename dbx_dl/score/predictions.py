"""Raw Arrow rows through a model to prediction structs: what every way of scoring calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dbx_dl.score.binding import bind_rows, count_batch_rows
from dbx_dl.score.structs import to_structs

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from dbx_dl.contracts import OutputKind
    from dbx_dl.score.session import ModelSession


def predict_structs(session: ModelSession, batch: pa.RecordBatch) -> Iterator[pa.StructArray]:
    """Predictions of raw rows whose columns have the model's names, in order, in chunks of bounded memory.

    Each struct has the fields of `structs.prediction_fields`; either all but `error` are null or `error` is.
    """
    num_rows = count_batch_rows(session.metadata.inputs)
    for start in range(0, batch.num_rows, num_rows):
        outputs, errors = predict_rows(session, batch.slice(start, num_rows))
        yield to_structs(outputs, errors, session.metadata)


def predict_rows(session: ModelSession, batch: pa.RecordBatch) -> tuple[dict[OutputKind, np.ndarray], dict[int, str]]:
    """The model's outputs (N, …), NaN in failed rows, and the reason of each failed row by position.

    The whole batch goes through the model at once.
    """
    import numpy as np

    bound = bind_rows(batch, session.metadata.inputs)
    outputs, errors = session.empty_outputs(batch.num_rows), bound.errors
    if len(bound.rows):
        for kind, values in session.predict_all(bound.inputs).items():
            outputs[kind][bound.rows] = values
    is_finite_n = np.ones(batch.num_rows, bool)
    for values in outputs.values():
        is_finite_n &= np.isfinite(values.reshape(batch.num_rows, -1)).all(axis=1)
    for row in bound.rows[~is_finite_n[bound.rows]].tolist():
        errors[row] = "not_finite: the model's output is not a finite number"
    return outputs, errors
