"""What a file must pass before it is anyone's model: small checks with names, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError, ExportError
from dbx_dl.export.diagnosis import explain_difference
from dbx_dl.export.parity import compare_outputs, describe_difference, predict_in_batches, scale_differences
from dbx_dl.export.rounding import bound_metrics
from dbx_dl.score.evaluation import measure_predictions, read_predictions
from dbx_dl.score.model.session import ModelSession, digest_file, open_model
from dbx_dl.tasks import TaskSettings, task_of

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from dbx_dl.contracts import ModelMetadata, PreparedTable
    from dbx_dl.export.parity import Differences, HeldOutRows

BATCH_SIZES = (1, 2, 17)
# Predictions that are this near to each other are equal where metrics count or order rows.
_ROUNDING = 1e-5
_NUM_SHOWN = 5
_RELATIVE = ("mae", "rmse", "poisson_deviance", "reconstruction_error", "pinball", "crps", "inertia")


@dataclass(frozen=True)
class Tolerances:
    """Largest differences: to the network, between batch sizes, and of metrics (see `check_metrics`)."""

    agreement: float
    batches: float
    metrics: float


@dataclass(frozen=True)
class Candidate:
    """A written file and what it is held against.

    `predict_test` gives the predictions for the whole test split (see `score.evaluation.predict_split`) of a file;
    `reference` the metrics that these must have, by name, and `training_rows` training's own predictions by key, where
    they are at hand, to name a row that differs.
    """

    path: Path
    metadata: ModelMetadata
    held_out: HeldOutRows
    prepared: PreparedTable
    tolerances: Tolerances
    predict_test: Callable[[str], pa.Table]
    reference: Mapping[str, float] = field(default_factory=dict)
    training_rows: Mapping[str, NDArray[np.floating]] = field(default_factory=dict)

    @cached_property
    def session(self) -> ModelSession:
        """The file in ONNX Runtime."""
        return open_model(self.path)

    @cached_property
    def differences(self) -> Differences:
        """Its outputs for held-out rows beside the network's."""
        return compare_outputs(self.session, self.held_out)

    @cached_property
    def test_predictions(self) -> pa.Table:
        """Its predictions for the test split."""
        return self.predict_test(str(self.path))

    @cached_property
    def metrics(self) -> dict[str, float]:
        """Its metrics of the test split."""
        return measure_predictions(self.test_predictions, self.prepared)


def check_validity(candidate: Candidate) -> None:
    """ONNX's own checker takes the file, shapes and types included."""
    import onnx

    try:
        onnx.checker.check_model(str(candidate.path), full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, ValueError) as error:
        raise ExportError(f"the file is no valid ONNX model: {' '.join(str(error).split())}") from None


def check_loading(candidate: Candidate) -> None:
    """ONNX Runtime loads the file, and its metadata are those that were meant."""
    found, meant = candidate.session.metadata, candidate.metadata
    for name in type(meant).model_fields:
        if getattr(found, name) != getattr(meant, name):
            raise ExportError(f"the file's metadata say {name} {getattr(found, name)!r}, not {getattr(meant, name)!r}")


def check_batch_sizes(candidate: Candidate) -> None:
    """Raw rows get the same predictions in batches of 1, 2 and 17, up to rounding: no batch is frozen."""
    import numpy as np
    import pyarrow as pa

    rows = candidate.held_out.rows
    rows = rows.take(pa.array(np.arange(max(BATCH_SIZES)) % rows.num_rows))
    keys = [candidate.held_out.keys[row % len(candidate.held_out.keys)] for row in range(rows.num_rows)]
    single = predict_in_batches(candidate.session, rows, 1)
    for size in BATCH_SIZES[1:]:
        for kind, found in predict_in_batches(candidate.session, rows, size).items():
            differences = scale_differences(kind, found, single[kind], candidate.metadata)
            by_row = np.nan_to_num(differences.reshape(len(rows), -1).max(axis=1), nan=np.inf)
            if not by_row.max() <= candidate.tolerances.batches:
                row = int(np.argmax(by_row > candidate.tolerances.batches))
                raise ExportError(
                    f"row {keys[row]!r} gets other {kind} in batches of {size} than alone (largest difference "
                    f"{by_row.max():.3g}, tolerance {candidate.tolerances.batches:g}): rows depend on each other"
                )


def check_determinism(candidate: Candidate) -> None:
    """A second session gives the same bits for the same rows."""
    again = ModelSession(candidate.path, digest_file(candidate.path))
    second = predict_in_batches(again, candidate.held_out.rows)
    for kind, first in predict_in_batches(candidate.session, candidate.held_out.rows).items():
        for row, key in enumerate(candidate.held_out.keys):
            if first[row].tobytes() != second[kind][row].tobytes():
                raise ExportError(f"row {key!r} gets other {kind} in a second run: the file holds something random")


def check_agreement(candidate: Candidate) -> None:
    """Every output is that of the original network for held-out rows, within the tolerance."""
    differences, tolerance = candidate.differences, candidate.tolerances.agreement
    if (differences.by_row <= tolerance).all():
        return
    arguments = (differences, candidate.held_out, candidate.session, tolerance)
    cause = explain_difference(candidate.path, *arguments)
    text = describe_difference(*arguments)
    raise ExportError(f"the file disagrees with the network: {text}{'; ' + cause if cause else ''}")


def check_metrics(candidate: Candidate) -> None:
    """Metrics of the whole test split, through the scorer on Spark, are training's.

    They are equal when they differ by at most `Tolerances.metrics` (of mae, rmse, poisson_deviance, pinball, crps,
    inertia and reconstruction_error: times training's value; of others so where that is above 1), or when predictions
    moved by 1e-5, of a regression times its scale, from or towards their truth make up for the difference (not of the
    log_loss of classes, which never needs it).
    """
    if not candidate.metrics or not candidate.reference:
        return
    labels, predictions = read_predictions(candidate.test_predictions, candidate.prepared)
    settings = TaskSettings.of_model(candidate.metadata)
    bounds = bound_metrics(task_of(candidate.prepared.target), labels, predictions, _ROUNDING, settings)
    if candidate.prepared.target.is_classification:
        bounds.pop("log_loss", None)
    for name in sorted(candidate.metrics.keys() & candidate.reference.keys()):
        found, expected = candidate.metrics[name], candidate.reference[name]
        low, high = bounds.get(name, (found, found))
        unit = abs(expected) if name in _RELATIVE else max(1.0, abs(expected))
        if abs(found - expected) <= candidate.tolerances.metrics * unit or low <= expected <= high:
            continue
        raise ExportError(
            f"{name} of the test split is {found:.6g}, training measured {expected:.6g} "
            f"({len(labels)} rows, tolerance {candidate.tolerances.metrics:g}){_name_row(candidate, predictions)}"
        )


def _name_row(candidate: Candidate, predictions: NDArray[np.floating]) -> str:
    """The first row of the test split, in key order, for which training predicted something else; empty for none."""
    import numpy as np

    keys = candidate.test_predictions.column(candidate.prepared.key_column).to_pylist()
    for key, found in zip(map(str, keys), predictions, strict=True):
        expected = candidate.training_rows.get(key)
        if (
            expected is not None
            and np.shape(found) == np.shape(expected)
            and not np.allclose(found, expected, rtol=1e-3, atol=1e-3)
        ):
            return f"; the first row that differs is {key!r}: {_show(found)} instead of {_show(expected)}"
    return ""


def _show(values: NDArray[np.floating]) -> str:
    import numpy as np

    numbers = [f"{value:.4g}" for value in np.ravel(values)[:_NUM_SHOWN]]
    return ", ".join(numbers) + (", …" if np.size(values) > _NUM_SHOWN else "")


# Every file's gates, and with the last one those of the plain file.
FILE_GATES: dict[str, Callable[[Candidate], None]] = {
    "validity": check_validity,
    "loading": check_loading,
    "batch_sizes": check_batch_sizes,
    "determinism": check_determinism,
    "agreement": check_agreement,
}
GATES: dict[str, Callable[[Candidate], None]] = {**FILE_GATES, "metrics": check_metrics}


def run_gates(candidate: Candidate, gates: Mapping[str, Callable[[Candidate], None]] = GATES) -> None:
    """Run gates in order; ExportError, which starts with the gate's name, from the first that fails."""
    for name, check in gates.items():
        try:
            check(candidate)
        except (ExportError, DataError) as error:
            raise ExportError(f"gate {name}: {error}") from None
