"""How far a file's outputs are from those of the network that it came from, and what would explain a difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.contracts import Parity
from dbx_dl.errors import ExportError
from dbx_dl.score.predictions import predict_rows
from dbx_dl.tasks import TaskSettings, task_of

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from dbx_dl.contracts import ModelMetadata, OutputKind, Target
    from dbx_dl.score.model.session import ModelSession

BATCH_ROWS = 256


@dataclass(frozen=True)
class HeldOutRows:
    """Raw rows that training did not see, their keys, and the original network's predictions for them.

    `expected` holds probabilities (N, C) or values (N,), and embeddings (N, K) where the file gives them.
    """

    rows: pa.RecordBatch
    keys: Sequence[str]
    expected: Mapping[OutputKind, NDArray[np.floating]]


@dataclass(frozen=True)
class Differences:
    """A file's outputs for held-out rows beside the network's, and how far they are apart in the units of `Parity`."""

    found: Mapping[OutputKind, NDArray[np.floating]]
    expected: Mapping[OutputKind, NDArray[np.floating]]
    sizes: Mapping[OutputKind, NDArray[np.float64]]

    @property
    def by_row(self) -> NDArray[np.float64]:
        """The largest difference of each row (N,); infinite where one is no number."""
        import numpy as np

        rows = [sizes.reshape(len(sizes), -1).max(axis=1) for sizes in self.sizes.values()]
        return np.asarray(np.nan_to_num(np.max(rows, axis=0), nan=np.inf))


def compare_outputs(session: ModelSession, held_out: HeldOutRows) -> Differences:
    """The differences of all outputs; ExportError when the file fails on a row."""
    found = predict_in_batches(session, held_out.rows)
    sizes = {
        kind: scale_differences(kind, found[kind], expected, session.metadata)
        for kind, expected in held_out.expected.items()
    }
    return Differences(found, held_out.expected, sizes)


def summarize_parity(differences: Differences, metadata: ModelMetadata, tolerance: float) -> Parity:
    """The contract of what was compared."""
    by_row = differences.by_row
    task = task_of(metadata.target)
    is_equal = task.is_same_choice(differences.found[task.output_kind], differences.expected[task.output_kind])
    if is_equal is None:
        is_equal = by_row <= tolerance
    return Parity(
        num_rows=len(by_row),
        max_abs_difference=float(by_row.max()),
        share_equal_classes=float(is_equal.mean()),
        tolerance=tolerance,
    )


def describe_difference(
    differences: Differences, held_out: HeldOutRows, session: ModelSession, tolerance: float
) -> str:
    """The first row beyond the tolerance, the output that differs most in it, both values, and how many rows differ."""
    import numpy as np

    is_within = differences.by_row <= tolerance
    row = int(np.argmin(is_within))
    sizes = {kind: np.nan_to_num(size[row], nan=np.inf) for kind, size in differences.sizes.items()}
    kind = max(sizes, key=lambda kind: float(np.max(sizes[kind])))
    place = int(np.argmax(sizes[kind]))
    found, expected = (
        float(np.ravel(values[kind][row])[place]) for values in (differences.found, differences.expected)
    )
    name = _name_place(kind, place, session.metadata.target)
    return (
        f"row {held_out.keys[row]!r}, {name}: {found:.6g} instead of {expected:.6g} "
        f"(tolerance {tolerance:g}; {int((~is_within).sum())} of {len(is_within)} rows differ)"
    )


def predict_in_batches(
    session: ModelSession, rows: pa.RecordBatch, size: int = BATCH_ROWS
) -> dict[OutputKind, NDArray[np.floating]]:
    """All outputs of raw rows that go through the model `size` at a time; ExportError when it fails on some."""
    import numpy as np

    parts = []
    for start in range(0, rows.num_rows, size):
        try:
            outputs, errors = predict_rows(session, rows.slice(start, size))
        except Exception as error:
            reason = " ".join(str(error).split())
            raise ExportError(f"it fails on a batch of {min(size, rows.num_rows)} rows: {reason}") from None
        if errors:
            row, text = next(iter(sorted(errors.items())))
            raise ExportError(f"it cannot score held-out row {start + row}: {text}")
        parts.append(outputs)
    return {kind: np.concatenate([part[kind] for part in parts]) for kind in parts[0]}


def scale_differences(
    kind: OutputKind, found: NDArray[np.floating], expected: NDArray[np.floating], metadata: ModelMetadata
) -> NDArray[np.float64]:
    """How far outputs are apart, number by number, in the units of `Parity`."""
    import numpy as np

    if kind == "embedding":
        return np.asarray(np.abs(found - expected) / np.maximum(1.0, np.abs(expected)))
    settings = TaskSettings.of_model(metadata)
    return task_of(metadata.target).scale_differences(found.astype(np.float64), expected.astype(np.float64), settings)


def _name_place(kind: OutputKind, place: int, target: Target) -> str:
    if kind == "embedding":
        return f"embedding {place}"
    names = target.label_names if kind == "probabilities" else task_of(target).name_values(target)
    what = "label" if kind == "probabilities" else "value"
    return f"{what} {names[place % len(names)]!r}" if names else what
