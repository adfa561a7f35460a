"""Permutation importance of a model's columns on held-out rows, shuffled and scored by Spark's workers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from dbx_dl.contracts import FeatureImportance, Importances
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.explain.methods.permutation import (
    list_deals,
    rate_importance,
    shuffle_feature,
    sort_importance,
    weigh_pairs,
)
from dbx_dl.explain.overall.held_out import HeldOutRows, draw_held_out
from dbx_dl.explain.overall.parts import SharedWork, do_parts
from dbx_dl.explain.players import list_players
from dbx_dl.metrics.comparison import is_lower_better
from dbx_dl.metrics.weighted import draw_weights
from dbx_dl.runtime.tables import suggest_name
from dbx_dl.score.model.model_file import fetch_model
from dbx_dl.score.model.session import open_session
from dbx_dl.score.udf import scorer_of
from dbx_dl.tasks import TASKS, task_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pyspark.sql import SparkSession

    from dbx_dl.config import ImportanceConfig
    from dbx_dl.contracts import ModelMetadata, PreparedTable, Target
    from dbx_dl.explain.methods.permutation import Importance
    from dbx_dl.explain.methods.rows import Floats, Player, Rows
    from dbx_dl.score.model.model_file import ModelFile
    from dbx_dl.score.model.plan import ScorePlan
    from dbx_dl.score.model.session import ModelSession


@dataclass(frozen=True)
class Shuffling:
    """By how much the metric falls with deals of columns, of all rows and of resamples; for None the metric itself."""

    labels: NDArray[Any]
    target: Target
    metric: str
    num_resamples: int
    seed: int

    def __call__(self, session: ModelSession, rows: dict[str, NDArray[Any]], parts: Sequence[Any]) -> list[Any]:
        def predict(some: Rows) -> Floats:
            size = session.plan.max_rows
            starts = range(0, len(self.labels), size)
            batches = [{name: array[start : start + size] for name, array in some.items()} for start in starts]
            return np.concatenate([session.predict(batch) for batch in batches])

        known, players = predict(rows), list_players(session.plan, "permutation importance")
        found = []
        for part in parts:
            if part is None:
                found.append(self._measure(known, np.arange(len(known)), is_paired=False))
                continue
            player, repeat = part
            falls = shuffle_feature(rows, known, players[player], repeat, predict, self._measure, self.seed)
            found.append(falls)
        return [each.tolist() for each in found]

    def _measure(self, predictions: Floats, donors: NDArray[np.int64], *, is_paired: bool = True) -> Floats:
        num_rows = len(self.labels)
        found = []
        # One block after the other: all of them together are resamples times rows.
        for block in chain([np.ones((1, num_rows))], draw_weights(num_rows, self.num_resamples, self.seed)):
            found.append(self._weigh(predictions, weigh_pairs(block, donors) if is_paired else block))
        return np.concatenate(found)

    def _weigh(self, predictions: Floats, weights_bn: Floats) -> Floats:
        """The metric under each weighting; NaN where few rows leave none that is drawn with its donor."""
        found = np.full(len(weights_bn), np.nan)
        is_drawn = weights_bn.sum(axis=1) > 0
        weighed = task_of(self.target).weigh(self.labels, predictions, weights_bn[is_drawn], [self.metric])
        found[is_drawn] = weighed[self.metric]
        return found


def measure_importance(
    spark: SparkSession,
    model: str,
    prepared: PreparedTable,
    config: ImportanceConfig,
    *,
    seed: int = 0,
    tracking_uri: str | None = None,
) -> Importances:
    """By how much the metric is worse on test rows of a prepared table when a column is shuffled, with intervals.

    At most `config.max_rows` rows, drawn by `seed`. Columns that say the same of a row make each other look less
    important than they are together. ConfigError for a metric of another task, or a model that takes no columns;
    DataError without rows, or when the model is of another table or cannot take one of its rows.
    """
    scorer = scorer_of(spark, fetch_model(model, tracking_uri))
    metadata = scorer.metadata if scorer.is_own else None
    players, metric = _find_players(scorer.plan, metadata, scorer.model, prepared, config)
    rows = draw_held_out(prepared, config.max_rows, seed)
    work = Shuffling(rows.labels, prepared.target, metric, config.num_resamples, seed)
    parts = (None, *list_deals(players, config.num_repeats))
    found = [
        np.array(each) for each in do_parts(spark, SharedWork(scorer.shipped, rows.stream, rows.num_rows, parts, work))
    ]
    value, falls = float(found[0][0]), np.stack(found[1:]).reshape(len(players), config.num_repeats, -1)
    rated = [
        rate_importance(
            player.name,
            falls[number],
            is_higher_better=not is_lower_better(metric),
            confidence=config.confidence,
            seed=seed,
        )
        for number, player in enumerate(players)
    ]
    return _describe(prepared, scorer.model, metric, value, rows, rated, config, seed)


def check_importance(
    model: str, prepared: PreparedTable, config: ImportanceConfig, tracking_uri: str | None = None
) -> None:
    """The errors of settings and models that `measure_importance` would raise, without Spark and before any work."""
    file = fetch_model(model, tracking_uri)
    session = open_session(file.path, file.sha256)
    _find_players(session.plan, session.metadata if session.is_own else None, file, prepared, config)


def _find_players(
    plan: ScorePlan, metadata: ModelMetadata | None, model: ModelFile, prepared: PreparedTable, config: ImportanceConfig
) -> tuple[tuple[Player, ...], str]:
    """The columns that are shuffled, and the metric."""
    metric = choose_metric(prepared, config.metric)
    if metadata is None:
        raise ConfigError(
            f"permutation importance is for models of dbx_dl, which say what they predict; {model.name} is of another "
            "origin: leave out explain.importance"
        )
    require_same_target(metadata.target, prepared, model)
    return list_players(plan, "permutation importance"), metric


def choose_metric(prepared: PreparedTable, wanted: str | None) -> str:
    """The metric that is asked for, else the task's own; ConfigError where it is none of the task's."""
    task = TASKS.get(prepared.target.task)
    if task is None or task.label_kind not in ("class", "label_set", "number"):
        raise ConfigError(
            f"permutation importance is for classes, labels and numbers, table {prepared.table.name} is of the task "
            f"{prepared.target.task}: leave out explain.importance"
        )
    metric = wanted or task.default_metric
    if metric not in task.metrics:
        hint = suggest_name(metric, task.metrics)
        raise ConfigError(f"explain.importance.metric {metric!r} is none of the task {task.name}; {hint}")
    return metric


def require_same_target(known: Target, prepared: PreparedTable, model: ModelFile) -> None:
    """DataError for a model of another task or of other labels than the table."""
    if (known.task, known.label_names) != (prepared.target.task, prepared.target.label_names):
        raise DataError(
            f"model {model.name} is of the task {known.task} with {len(known.label_names)} labels, table "
            f"{prepared.table.name} of {prepared.target.task} with {len(prepared.target.label_names)}: explain the "
            "model on the table that it learned"
        )


def _describe(
    prepared: PreparedTable,
    model: ModelFile,
    metric: str,
    value: float,
    rows: HeldOutRows,
    rated: list[Importance],
    config: ImportanceConfig,
    seed: int,
) -> Importances:
    features = tuple(
        FeatureImportance(feature=each.feature, value=each.value, low=_known(each.low), high=_known(each.high))
        for each in sort_importance(rated)
    )
    return Importances(
        table=prepared.table,
        model_name=model.name,
        model_version=model.version,
        model_sha256=model.sha256,
        metric=metric,
        value=value,
        num_rows=rows.num_rows,
        num_repeats=config.num_repeats,
        confidence=config.confidence,
        seed=seed,
        features=features,
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value
