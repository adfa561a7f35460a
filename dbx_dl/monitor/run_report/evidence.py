"""What a report shows beyond the contracts: rejected rows, test predictions with their inputs, scores and errors."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl.contracts import ClusterProfiles, FileSpec, PreparedTable, RegisteredModel, ScoredTable, find_text
from dbx_dl.errors import DataError
from dbx_dl.monitor.clusters.tables import PROFILES
from dbx_dl.monitor.run_report.explanations import ShownExplanations, read_explanations
from dbx_dl.monitor.run_report.outcome import RunOutcome
from dbx_dl.monitor.run_report.recommendations import RankedItems, RecommendedRow, choose_rows, read_ranked
from dbx_dl.monitor.run_report.samples import Sample, order_samples
from dbx_dl.monitor.run_report.text_samples import read_text_samples
from dbx_dl.runtime.databricks import mount_path

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pyspark.sql import SparkSession

logger = logging.getLogger(__name__)

MAX_LISTED_ROWS = 40


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
class Evidence:
    """One run's evidence; lists are cut at MAX_LISTED_ROWS, their whole lengths stand in the contracts.

    Only of classes there are `predictions`, of these and of clusters `score_labels`, of classes and of texts that are
    written `samples`, only of items to recommend `rankings` and `recommended`, only of clusters `clusters`, and
    `explanations` only where `dbx-dl explain` has left some.
    """

    rejects: list[tuple[str, str, str]]
    predictions: dict[str, HeldOutPredictions]
    sample_framework: str
    samples: list[Sample]
    score_labels: dict[str, int]
    score_errors: list[tuple[str, str]]
    num_wrong_texts: int = 0
    rankings: dict[str, RankedItems] = field(default_factory=dict)
    recommended: list[RecommendedRow] = field(default_factory=list)
    clusters: dict[str, ClusterProfiles] = field(default_factory=dict)
    explanations: ShownExplanations | None = None


def gather_evidence(spark: SparkSession, outcome: RunOutcome) -> Evidence:
    """Read the tables and files of a finished run; DataError when one of them is gone."""
    has_classes = outcome.has_classes
    predictions: dict[str, HeldOutPredictions] = {
        model.onnx.trained.framework: read_predictions(Path(model.onnx.trained.directory))
        for model in outcome.registered
        if has_classes
    }
    rankings: dict[str, RankedItems] = {
        model.onnx.trained.framework: read_ranked(Path(model.onnx.trained.directory))
        for model in outcome.registered
        if outcome.prepared.target.ranking is not None
    }
    # An earlier run's table may have had other rows than the one that is prepared now.
    chosen = _choose_model(outcome).onnx.trained
    best = chosen.framework
    samples = choose_samples(predictions[best], outcome.prepared.target.label_names) if has_classes else []
    num_wrong_texts = 0
    if outcome.writes_texts:
        samples, num_wrong_texts = read_text_samples(Path(chosen.directory), chosen.prepared.target)
    samples = _with_inputs(spark, outcome.prepared, samples)
    return Evidence(
        rejects=_read_rejects(spark, outcome.prepared),
        predictions=predictions,
        sample_framework=best,
        samples=samples,
        num_wrong_texts=num_wrong_texts,
        score_labels=_count_labels(spark, outcome),
        score_errors=_read_errors(spark, outcome.scored),
        rankings=rankings,
        recommended=choose_rows(chosen.prepared, rankings[best]) if rankings else [],
        clusters=_read_clusters(outcome),
        explanations=read_explanations(
            spark,
            Path(mount_path(outcome.config.directory)).absolute(),
            {model.onnx.file.sha256 for model in outcome.registered},
        ),
    )


def _read_clusters(outcome: RunOutcome) -> dict[str, ClusterProfiles]:
    """Profiles of clusters by framework, where the run's models have such; those of another file are left out."""
    found: dict[str, ClusterProfiles] = {}
    for model in outcome.registered if outcome.has_clusters else ():
        path = Path(model.onnx.file.path).with_name(PROFILES)
        if not path.is_file():
            continue
        profiles = ClusterProfiles.load(path)
        if profiles.model_sha256 == model.onnx.file.sha256:
            found[model.onnx.trained.framework] = profiles
        else:
            logger.warning("%s tells of another file than version %d: run `dbx-dl clusters` again", path, model.version)
    return found


def read_predictions(directory: Path) -> HeldOutPredictions:
    """Read `test_predictions.npz` of a trained model's directory; DataError when it is absent."""
    import numpy as np

    path = directory / "test_predictions.npz"
    if not path.exists():
        raise DataError(f"{path} does not exist: train the network again, which writes it")
    with np.load(path, allow_pickle=False) as arrays:
        return HeldOutPredictions(arrays["keys"], arrays["labels"], arrays["probabilities"])


def choose_samples(predictions: HeldOutPredictions, label_names: tuple[str, ...]) -> list[Sample]:
    """Rows of `order_samples`, with their classes."""
    predicted, confidence = predictions.predicted, predictions.probabilities.max(axis=1)
    return [
        Sample(
            key=str(predictions.keys[row]),
            truth=label_names[predictions.labels[row]],
            label=label_names[predicted[row]],
            probability=float(confidence[row]),
            content=None,
        )
        for row in order_samples(confidence, predicted != predictions.labels)
    ]


def _choose_model(outcome: RunOutcome) -> RegisteredModel:
    """The champion where it is one of the run's models, else the first."""
    champions = [model for model in outcome.registered if outcome.is_champion(model)]
    return (champions or list(outcome.registered))[0]


def _with_inputs(spark: SparkSession, prepared: PreparedTable, samples: list[Sample]) -> list[Sample]:
    """Samples with the image or the text that was given; as they are where there was neither."""
    from pyspark.sql import functions as F

    from dbx_dl.runtime.tables import quote_column, read_pinned

    shown = prepared.inputs if isinstance(prepared.inputs, FileSpec) else find_text(prepared.inputs)
    if shown is None or not samples:
        return samples
    keys, column = [sample.key for sample in samples], shown.column
    table = read_pinned(spark, prepared.table).where(F.col(quote_column(prepared.key_column)).isin(keys))
    rows = table.select(quote_column(prepared.key_column), quote_column(column)).collect()
    found = {str(row[0]): row[1] for row in rows}
    if isinstance(shown, FileSpec):
        return [replace(s, content=bytes(found[s.key]) if s.key in found else None) for s in samples]
    return [replace(s, given=_text(found.get(s.key))) for s in samples]


def _read_rejects(spark: SparkSession, prepared: PreparedTable) -> list[tuple[str, str, str]]:
    from dbx_dl.runtime.tables import read_pinned

    if prepared.rejects is None or not prepared.num_rejects:
        return []
    table = read_pinned(spark, prepared.rejects)
    key = prepared.key_column
    rows = table.select(key, "reason", "detail").orderBy(key).limit(MAX_LISTED_ROWS).collect()
    return [(_text(row[0]), _text(row[1]), _text(row[2])) for row in rows]


def _count_labels(spark: SparkSession, outcome: RunOutcome) -> dict[str, int]:
    """Rows by label, or by cluster; none of other predictions."""
    from dbx_dl.runtime.tables import read_pinned

    if not (outcome.has_classes or outcome.has_clusters):
        return {}
    column = "label" if outcome.has_classes else "cluster"
    table = read_pinned(spark, outcome.scored.table).where("error IS NULL")
    return {_text(row[0]): int(row[1]) for row in table.groupBy(column).count().orderBy(column).collect()}


def _read_errors(spark: SparkSession, scored: ScoredTable) -> list[tuple[str, str]]:
    from dbx_dl.runtime.tables import read_pinned

    table = read_pinned(spark, scored.table).where("error IS NOT NULL")
    rows = table.select("key", "error").orderBy("key").limit(MAX_LISTED_ROWS).collect()
    return [(_text(row[0]), _text(row[1])) for row in rows]


def _text(value: Any) -> str:
    return "" if value is None else str(value)
