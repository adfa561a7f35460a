"""A model's labels into the labels table: kept apart by their source, and revocable by their batch."""

from __future__ import annotations

import hashlib
import logging
import uuid
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.contracts import LabelEvent, PseudoLabels, PseudoThreshold
from dbx_dl.errors import DataError
from dbx_dl.label.events import LABELS_SCHEMA
from dbx_dl.label.pseudo.thresholds import count_fewest, fit_threshold
from dbx_dl.label.scores import read_scores
from dbx_dl.label.table import create_labels_table, merge_labels, read_events, read_latest, read_standing
from dbx_dl.runtime.tables import pin_table, quote_column, read_pinned, require_columns

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.config.label import LabelConfig, PseudoConfig
    from dbx_dl.contracts import LabelSource

logger = logging.getLogger(__name__)

_MODEL_COLUMNS = ("model_name", "model_version", "model_sha256")


def pseudo_label(
    spark: SparkSession, config: LabelConfig, pseudo: PseudoConfig, *, batch_id: str | None = None
) -> PseudoLabels:
    """Label, in one commit, the items without a person's or a rule's label whose prediction is sure enough.

    Of each class a threshold is fitted on held-out items that people labelled (`fit_threshold`); what the model is less
    sure of gets no label. Labels have the source `model`, the model as annotator, the probability as confidence and the
    batch's id, by which `withdraw_labels` takes them back; the same `batch_id` again writes nothing twice. DataError
    where the predictions are not all of one model, no class has a threshold, there are no held-out labels, or the batch
    is somebody else's or was withdrawn.
    """
    if pseudo.scores is None:
        raise DataError("which predictions? Name the table `label.pseudo.scores`")
    what = f"scores {pseudo.scores}"
    rows, scored = read_scores(spark, pseudo.scores, pseudo.key)
    require_columns(rows, ["label", "probability"], what)
    model = _find_model(rows, what)
    create_labels_table(spark, config.table)
    if batch_id is not None:
        _require_own_batch(spark, config, batch_id, model)
    held_out = _read_held_out(spark, config, pseudo)
    thresholds = _fit_thresholds(rows, held_out, config, pseudo)
    batch = batch_id or f"pseudo-{uuid.uuid4().hex[:12]}"
    events = _choose(spark, rows, thresholds, config)
    written = merge_labels(spark, config.table, _to_events(events, config, model, batch))
    logger.info(
        "%s labelled %d items as batch %s, by %s version %d", model, written.num_new, batch, what, scored.version
    )
    return PseudoLabels(written=written, batch_id=batch, model=model, thresholds=thresholds)


def _find_model(rows: DataFrame, what: str) -> str:
    """Which model predicted all of this, as its labels' annotator."""
    columns = [name for name in _MODEL_COLUMNS if name in rows.columns]
    if not columns:
        raise DataError(f"{what} do not say which model they are of: they need a column model_name")
    models = rows.select(*columns).distinct().limit(2).collect()
    if not models:
        raise DataError(f"{what} have no prediction without an error")
    if len(models) > 1:
        raise DataError(f"{what} are of several models: score all items with one, a threshold is one model's")
    name, *others = (str(value) for value in models[0] if value is not None)
    return "@".join((name, *(other[:12] for other in others[:2])))


def _require_own_batch(spark: SparkSession, config: LabelConfig, batch_id: str, model: str) -> None:
    """DataError where labels of a batch cannot join it: they would be known already, as another's or withdrawn."""
    events = read_events(spark, config.table)
    own = events.where(events["batch_id"] == batch_id).where("withdraws IS NULL")
    others = own.where(own["annotator"] != model).select("annotator").limit(1).collect()
    if others:
        raise DataError(f"batch {batch_id!r} holds labels of {others[0]['annotator']}: give {model}'s another batch id")
    standing = read_standing(spark, config.table)
    if not own.isEmpty() and standing.where(standing["batch_id"] == batch_id).isEmpty():
        raise DataError(f"batch {batch_id!r} was withdrawn, and what is withdrawn stays so: give another batch id")


def _read_held_out(spark: SparkSession, config: LabelConfig, pseudo: PseudoConfig) -> DataFrame:
    """item_key and the label that a person gave, of items that the model was not trained on."""
    from pyspark.sql import functions as F

    people: tuple[LabelSource, ...] = ("human",)
    labels = read_latest(spark, config.table, task=config.task, sources=people)
    if not pseudo.trust_confirmed:
        labels = labels.join(_find_suggested(spark, config), "item_key", "left_anti")
    labels = labels.select("item_key", F.col("labels")[0].alias("given"))
    if pseudo.held_out is None:
        return labels
    prepared = read_pinned(spark, pin_table(spark, pseudo.held_out))
    require_columns(prepared, [pseudo.held_out_key, "split"], f"table {pseudo.held_out}")
    kept = prepared.where(F.col("split").isin(*pseudo.splits))
    keys = kept.select(F.col(quote_column(pseudo.held_out_key)).cast("string").alias("item_key")).distinct()
    return labels.join(keys, "item_key", "left_semi")


def _find_suggested(spark: SparkSession, config: LabelConfig) -> DataFrame:
    """Items of which a person saw a suggestion, whatever they made of it.

    To leave out those alone whose suggestion was confirmed would leave those where the model is wrong.
    """
    events = read_events(spark, config.table).where("source = 'human'")
    seen = events.where(events["task"] == config.task).where("was_suggested OR coalesce(had_suggestion, false)")
    return seen.select("item_key").distinct()


def _fit_thresholds(
    rows: DataFrame, held_out: DataFrame, config: LabelConfig, pseudo: PseudoConfig
) -> tuple[PseudoThreshold, ...]:
    found = rows.join(held_out, "item_key").select("label", "probability", "given").toArrow()
    if not found.num_rows:
        raise DataError(
            f"no item of {pseudo.scores} has a person's label in {config.table} and is held out (splits "
            f"{', '.join(pseudo.splits)}): label some items of these splits first, without suggestions (those labelled "
            "with one do not count, unless label.pseudo.trust_confirmed is true)"
        )
    labels = np.array(found.column("label").to_pylist(), object)
    given = np.array(found.column("given").to_pylist(), object)
    probabilities = found.column("probability").to_numpy().astype(np.float64)
    names = config.classes or tuple(sorted({*labels.tolist()}))
    thresholds = tuple(
        _fit_one(name, probabilities[labels == name], (given == name)[labels == name], pseudo) for name in names
    )
    if all(threshold.threshold is None for threshold in thresholds):
        fewest = count_fewest(pseudo.precision, 1 - pseudo.confidence)
        most = max(thresholds, key=lambda threshold: threshold.num_held_out)
        raise DataError(
            f"no class is right in {pseudo.precision:.0%} of held-out items with {pseudo.confidence:.0%} confidence: "
            f"label more held-out items, without suggestions (a class needs {fewest} at the very least, and "
            f"{most.label!r} has most, {most.num_held_out}), or lower label.pseudo.precision"
        )
    return thresholds


def _fit_one(name: str, probabilities: np.ndarray, is_right: np.ndarray, pseudo: PseudoConfig) -> PseudoThreshold:
    fitted = fit_threshold(probabilities, is_right, pseudo.precision, pseudo.confidence)
    if fitted is None:
        return PseudoThreshold(label=name, threshold=None, num_held_out=len(probabilities))
    return PseudoThreshold(
        label=name,
        threshold=fitted.threshold,
        num_held_out=len(probabilities),
        num_above=fitted.num_above,
        num_right=fitted.num_right,
        precision_low=fitted.precision_low,
    )


def _choose(
    spark: SparkSession, rows: DataFrame, thresholds: tuple[PseudoThreshold, ...], config: LabelConfig
) -> DataFrame:
    """item_key, label and probability of what is labelled."""
    from pyspark.sql import functions as F

    known = [(one.label, one.threshold) for one in thresholds if one.threshold is not None]
    least = spark.createDataFrame(known, "label string, least double")
    sure = rows.join(F.broadcast(least), "label").where("probability >= least")
    labelled = read_standing(spark, config.table, task=config.task).where("source <> 'model'").select("item_key")
    return sure.join(labelled.distinct(), "item_key", "left_anti").select("item_key", "label", "probability")


def _to_events(rows: DataFrame, config: LabelConfig, model: str, batch: str) -> DataFrame:
    """Rows of LABELS_SCHEMA, with ids that follow from the batch and the item."""
    from pyspark.sql import functions as F
    from pyspark.sql.types import StructType

    kinds = {field.name: field.dataType for field in StructType.fromDDL(LABELS_SCHEMA)}
    salt = hashlib.sha256(batch.encode()).hexdigest()
    columns = {
        "label_id": F.sha2(F.concat(F.lit(salt), "item_key"), 256),
        "item_key": F.col("item_key"),
        "task": F.lit(config.task),
        "labels": F.array("label"),
        "boxes": F.array(),
        "polygons": F.array(),
        "annotator": F.lit(model),
        "source": F.lit("model"),
        "confidence": F.least(F.col("probability"), F.lit(1.0)),
        "was_suggested": F.lit(False),
        "had_suggestion": F.lit(None),
        "labelled_at": F.current_timestamp(),
        "batch_id": F.lit(batch),
        "withdraws": F.lit(None),
    }
    return rows.select(*(columns[name].cast(kinds[name]).alias(name) for name in LabelEvent.model_fields))
