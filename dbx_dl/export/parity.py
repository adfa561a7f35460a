"""Gates of an exported file: it agrees with the network that it came from, at every batch size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.contracts import Parity
from dbx_dl.errors import ExportError
from dbx_dl.metrics import softmax
from dbx_dl.score.predictions import predict_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pyarrow as pa

    from dbx_dl.score.session import ModelSession

BATCH_SIZES = (1, 2, 17)


def check_batch_sizes(session: ModelSession, rows: pa.RecordBatch, tolerance: float) -> None:
    """ExportError unless the file gives the same probabilities for raw rows in batches of 1, 2 and 17.

    Rows are repeated where there are fewer; differences up to `tolerance` are rounding.
    """
    import numpy as np
    import pyarrow as pa

    rows = rows.take(pa.array(np.arange(max(BATCH_SIZES)) % rows.num_rows))
    results = {size: _predict_in_batches(session, rows, size) for size in BATCH_SIZES}
    for size in BATCH_SIZES[1:]:
        difference = float(np.abs(results[size] - results[1]).max())
        if not difference <= tolerance:
            raise ExportError(
                f"the ONNX file gives other probabilities in batches of {size} than for single rows "
                f"(largest difference {difference:.3g}, tolerance {tolerance:g}): its rows depend on each other"
            )


def measure_parity(
    session: ModelSession, rows: pa.RecordBatch, keys: Sequence[str], logits_nc: np.ndarray, tolerance: float
) -> Parity:
    """How far the file's probabilities for raw rows are from the softmax of the network's own logits (N, C).

    ExportError when the largest difference is above `tolerance`, naming the first such row and both values.
    """
    import numpy as np

    expected_nc = softmax(logits_nc)
    found_nc = _predict_in_batches(session, rows, 256)
    differences_nc = np.abs(found_nc - expected_nc)
    within_n = np.asarray((differences_nc <= tolerance).all(axis=1))
    if not within_n.all():
        row = int(np.argmin(within_n))
        label = int(np.argmax(np.nan_to_num(differences_nc[row], nan=np.inf)))
        raise ExportError(
            f"the ONNX file disagrees with the network: row {keys[row]!r}, label {session.label_names[label]!r}: "
            f"{found_nc[row, label]:.6g} instead of {expected_nc[row, label]:.6g} (tolerance {tolerance:g}; "
            f"{int((~within_n).sum())} of {len(within_n)} rows differ)"
        )
    return Parity(
        num_rows=len(within_n),
        max_abs_difference=float(differences_nc.max()),
        share_equal_classes=float((found_nc.argmax(axis=1) == expected_nc.argmax(axis=1)).mean()),
        tolerance=tolerance,
    )


def _predict_in_batches(session: ModelSession, rows: pa.RecordBatch, size: int) -> np.ndarray:
    import numpy as np

    parts = []
    for start in range(0, rows.num_rows, size):
        try:
            outputs, errors = predict_rows(session, rows.slice(start, size))
        except Exception as error:
            reason = " ".join(str(error).split())
            raise ExportError(f"the ONNX file fails on a batch of {min(size, rows.num_rows)} rows: {reason}") from None
        if errors:
            row, text = next(iter(sorted(errors.items())))
            raise ExportError(f"the ONNX file cannot score held-out row {start + row}: {text}")
        parts.append(outputs[session.metadata.output_kinds[0]])
    return np.concatenate(parts)
