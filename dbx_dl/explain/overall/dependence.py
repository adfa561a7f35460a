"""Partial dependence of a model's predictions on its columns, on held-out rows, drawn by Spark's workers."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from dbx_dl.contracts import DependenceCurve, Dependences
from dbx_dl.errors import ConfigError
from dbx_dl.explain.methods.dependence import choose_points, draw_curve
from dbx_dl.explain.overall.held_out import draw_held_out
from dbx_dl.explain.overall.parts import SharedWork, do_parts
from dbx_dl.explain.players import list_players
from dbx_dl.explain.scores import ExplainedScores, RowScorer, find_scores
from dbx_dl.runtime.tables import suggest_name
from dbx_dl.score.model.model_file import fetch_model
from dbx_dl.score.model.session import open_session
from dbx_dl.score.udf import scorer_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pyspark.sql import SparkSession

    from dbx_dl.config import DependenceConfig
    from dbx_dl.contracts import PreparedTable
    from dbx_dl.explain.methods.rows import Player
    from dbx_dl.score.model.plan import ScorePlan
    from dbx_dl.score.model.session import ModelSession

logger = logging.getLogger(__name__)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Drawing:
    """The curve of one column, as values that JSON can hold."""

    scores: ExplainedScores
    num_points: int
    num_curves: int

    def __call__(self, session: ModelSession, rows: dict[str, NDArray[Any]], parts: Sequence[Any]) -> list[Any]:
        players = list_players(session.plan, "partial dependence")
        return [self._draw(session, rows, players[part]) for part in parts]

    def _draw(self, session: ModelSession, rows: dict[str, NDArray[Any]], player: Player) -> dict[str, Any]:
        points = choose_points(_read_values(rows, player), self.num_points)
        if not len(points):
            return {"feature": player.name, "points": [], "means": {}, "rows": {}}
        curve = draw_curve(rows, player, points, RowScorer(session, self.scores), has_rows=self.num_curves > 0)
        means = curve.means_gk.T.tolist()
        single = [] if curve.rows_gnk is None else curve.rows_gnk[:, : self.num_curves].transpose(2, 1, 0).tolist()
        return {
            "feature": player.name,
            "points": _show_points(points, player),
            "means": dict(zip(self.scores.names, means, strict=True)),
            "rows": dict(zip(self.scores.names, single, strict=False)),
        }


def measure_dependence(
    spark: SparkSession,
    model: str,
    prepared: PreparedTable,
    config: DependenceConfig,
    *,
    columns: Sequence[str] = (),
    seed: int = 0,
    tracking_uri: str | None = None,
) -> Dependences:
    """What a model predicts on average when a column has the same value in all rows, over its values.

    For `config.columns`, else the first `config.num_columns` of `columns` (or of the model's own). Held-out rows are
    drawn by `seed`. A value is put into rows in which it may never be together with the others: where columns depend on
    each other a curve tells of rows that do not exist. ConfigError for an unknown column or one without values, or a
    model that takes no columns; DataError without rows.
    """
    scorer = scorer_of(spark, fetch_model(model, tracking_uri))
    scores, chosen = _choose_curves(scorer.plan, scorer.model.name, prepared, config, columns)
    rows = draw_held_out(prepared, config.max_rows, seed)
    drawing = Drawing(scores, config.num_points, config.num_curves)
    found = do_parts(spark, SharedWork(scorer.shipped, rows.stream, rows.num_rows, tuple(chosen), drawing))
    without = [each["feature"] for each in found if not each["points"]]
    if without:
        logger.warning("no curves of %s: they hold arrays, or nothing but missing values", ", ".join(without))
    return Dependences(
        table=prepared.table,
        model_name=scorer.model.name,
        model_version=scorer.model.version,
        model_sha256=scorer.model.sha256,
        num_rows=rows.num_rows,
        curves=tuple(DependenceCurve.model_validate(each) for each in found if each["points"]),
    )


def check_dependence(
    model: str, prepared: PreparedTable, config: DependenceConfig, tracking_uri: str | None = None
) -> None:
    """The errors of settings and models that `measure_dependence` would raise, without Spark and before any work."""
    file = fetch_model(model, tracking_uri)
    _choose_curves(open_session(file.path, file.sha256).plan, file.name, prepared, config, ())


def _choose_curves(
    plan: ScorePlan, model: str, prepared: PreparedTable, config: DependenceConfig, columns: Sequence[str]
) -> tuple[ExplainedScores, list[int]]:
    """The scores, and the numbers of the columns that have a curve."""
    players = list_players(plan, "partial dependence")
    for name in plan.columns:
        if name not in prepared.inputs.columns:
            raise ConfigError(
                f"partial dependence: model {model} takes {name!r}, which table {prepared.table.name} was not "
                "prepared with: leave out explain.dependence"
            )
    return find_scores(plan, None, model), _choose(players, config, columns)


def _choose(players: Sequence[Player], config: DependenceConfig, columns: Sequence[str]) -> list[int]:
    names = [player.name for player in players]
    for name in config.columns:
        if name not in names:
            raise ConfigError(
                f"explain.dependence.columns: the model has no column {name!r}; {suggest_name(name, names)}"
            )
    wanted = config.columns or tuple(columns or names)[: config.num_columns]
    return [names.index(name) for name in wanted]


def _read_values(rows: dict[str, NDArray[Any]], player: Player) -> NDArray[Any]:
    """The column's values, those that are missing left out; none of a column of arrays, which have no order."""
    values = rows[player.inputs[0]]
    if player.place is not None:
        return np.asarray(values[:, player.place])
    if values.ndim > 1 and values.shape[1] > 1:
        return np.empty(0)
    is_there = ~rows[player.inputs[1]] if len(player.inputs) > 1 else np.ones(len(values), bool)
    return np.asarray(values.reshape(-1)[is_there])


def _show_points(points: NDArray[Any], player: Player) -> list[Any]:
    """Points as numbers, categories, or moments of UTC."""
    if len(player.inputs) > 1:
        return [(_EPOCH + timedelta(microseconds=int(point))).isoformat(timespec="minutes") for point in points]
    return [str(point) for point in points] if points.dtype.kind in "OUSb" else [float(point) for point in points]
