"""What a report shows beyond the contracts: rejected rows, test predictions with their inputs, scores and errors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl.contracts import ImageSpec, PreparedTable, RegisteredModel, ScoredTable
from dbx_dl.errors import DataError
from dbx_dl.monitor.outcome import RunOutcome

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pyspark.sql import SparkSession

MAX_LISTED_ROWS = 40
NUM_SAMPLES = 27
MAX_WRONG_SAMPLES = 18


@dataclass(frozen=True)
class HeldOutPredictions:
    """A model's probabilities on the test split: keys (N,), labels int64 (N,), probabilities float32 (N, C)."""

    keys: NDArray[np.str_]
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]

    @property
    def predicted(self) -> NDArray[np.int64]:
        """The class of the highest probability, int64 (N,)."""
        import numpy as np

        return np.asarray(self.probabilities.argmax(axis=1), dtype=np.int64)


@dataclass(frozen=True)
class Sample:
    """One test row: its true and predicted label, the probability of the latter, and an image's encoded bytes."""

    key: str
    truth: str
    label: str
    probability: float
    content: bytes | None

    @property
    def is_right(self) -> bool:
        """Whether the prediction is the truth."""
        return self.truth == self.label


@dataclass(frozen=True)
class Evidence:
    """One run's evidence; lists are cut at MAX_LISTED_ROWS, their whole lengths stand in the contracts.

    Only of classes there are `predictions`, `samples` and `score_labels`; of label sets and numbers they are empty.
    """

    rejects: list[tuple[str, str, str]]
    predictions: dict[str, HeldOutPredictions]
    sample_framework: str
    samples: list[Sample]
    score_labels: dict[str, int]
    score_errors: list[tuple[str, str]]


def gather_evidence(spark: SparkSession, outcome: RunOutcome) -> Evidence:
    """Read the tables and files of a finished run; DataError when one of them is gone."""
    has_classes = outcome.has_classes
    predictions: dict[str, HeldOutPredictions] = {
        model.onnx.trained.framework: read_predictions(Path(model.onnx.trained.directory))
        for model in outcome.registered
        if has_classes
    }
    best = _choose_model(outcome).onnx.trained.framework
    samples = choose_samples(predictions[best], outcome.prepared.target.label_names) if has_classes else []
    if samples and isinstance(outcome.prepared.inputs, ImageSpec):
        samples = _with_content(spark, outcome.prepared, samples)
    return Evidence(
        rejects=_read_rejects(spark, outcome.prepared),
        predictions=predictions,
        sample_framework=best,
        samples=samples,
        score_labels=_count_labels(spark, outcome.scored) if has_classes else {},
        score_errors=_read_errors(spark, outcome.scored),
    )


def read_predictions(directory: Path) -> HeldOutPredictions:
    """Read `test_predictions.npz` of a trained model's directory; DataError when it is absent."""
    import numpy as np

    path = directory / "test_predictions.npz"
    if not path.exists():
        raise DataError(f"{path} does not exist: train the network again, which writes it")
    with np.load(path, allow_pickle=False) as arrays:
        return HeldOutPredictions(arrays["keys"], arrays["labels"], arrays["probabilities"])


def choose_samples(predictions: HeldOutPredictions, label_names: tuple[str, ...]) -> list[Sample]:
    """Wrong predictions first (most confident ones ahead), then right ones spread from doubtful to certain."""
    import numpy as np

    predicted, confidence = predictions.predicted, predictions.probabilities.max(axis=1)
    order = np.argsort(confidence, kind="stable")
    is_wrong = predicted[order] != predictions.labels[order]
    wrong = order[is_wrong][::-1][:MAX_WRONG_SAMPLES]
    right = order[~is_wrong]
    num_right = min(len(right), NUM_SAMPLES - len(wrong))
    spread = right[np.linspace(0, len(right) - 1, num_right).round().astype(int)] if num_right else right[:0]
    return [
        Sample(
            key=str(predictions.keys[row]),
            truth=label_names[predictions.labels[row]],
            label=label_names[predicted[row]],
            probability=float(confidence[row]),
            content=None,
        )
        for row in [*wrong, *spread]
    ]


def _choose_model(outcome: RunOutcome) -> RegisteredModel:
    """The champion where it is one of the run's models, else the first."""
    champions = [model for model in outcome.registered if outcome.is_champion(model)]
    return (champions or list(outcome.registered))[0]


def _with_content(spark: SparkSession, prepared: PreparedTable, samples: list[Sample]) -> list[Sample]:
    from pyspark.sql import functions as F

    from dbx_dl.runtime.tables import read_pinned

    keys = [sample.key for sample in samples]
    table = read_pinned(spark, prepared.table).where(F.col(prepared.key_column).isin(keys))
    rows = table.select(prepared.key_column, prepared.inputs.column).collect()  # type: ignore[union-attr]
    content = {str(row[0]): bytes(row[1]) for row in rows}
    return [Sample(s.key, s.truth, s.label, s.probability, content.get(s.key)) for s in samples]


def _read_rejects(spark: SparkSession, prepared: PreparedTable) -> list[tuple[str, str, str]]:
    from dbx_dl.runtime.tables import read_pinned

    if prepared.rejects is None or not prepared.num_rejects:
        return []
    table = read_pinned(spark, prepared.rejects)
    key = prepared.key_column
    rows = table.select(key, "reason", "detail").orderBy(key).limit(MAX_LISTED_ROWS).collect()
    return [(_text(row[0]), _text(row[1]), _text(row[2])) for row in rows]


def _count_labels(spark: SparkSession, scored: ScoredTable) -> dict[str, int]:
    from dbx_dl.runtime.tables import read_pinned

    table = read_pinned(spark, scored.table).where("error IS NULL")
    return {_text(row[0]): int(row[1]) for row in table.groupBy("label").count().orderBy("label").collect()}


def _read_errors(spark: SparkSession, scored: ScoredTable) -> list[tuple[str, str]]:
    from dbx_dl.runtime.tables import read_pinned

    table = read_pinned(spark, scored.table).where("error IS NOT NULL")
    rows = table.select("key", "error").orderBy("key").limit(MAX_LISTED_ROWS).collect()
    return [(_text(row[0]), _text(row[1])) for row in rows]


def _text(value: Any) -> str:
    return "" if value is None else str(value)
