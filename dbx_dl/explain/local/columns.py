"""Rows of columns explained by sampled Shapley values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dbx_dl.explain.explained import ExplainedRows
from dbx_dl.explain.methods.rows import count_rows
from dbx_dl.explain.methods.shapley import draw_walks, sample_shapley
from dbx_dl.explain.players import list_players

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from dbx_dl.explain.local.opened import OpenedModel


def explain_columns(opened: OpenedModel, batch: pa.RecordBatch, rows: Mapping[str, NDArray[Any]]) -> ExplainedRows:
    """Contributions of the columns; they sum up to the score less the mean score of the background rows."""
    del batch
    assert opened.background is not None
    players, options = list_players(opened.session.plan, "shapley"), opened.options
    walks = draw_walks(len(players), count_rows(opened.background), options.shapley.num_permutations, options.seed)
    places = opened.scorer.choose(rows)
    shares = sample_shapley(rows, opened.background, players, places, opened.scorer, walks)
    names = [player.name for player in players]
    contributions = [dict(zip(names, row.tolist(), strict=True)) for row in shares.contributions]
    gaps = shares.scores - shares.base - shares.contributions.sum(axis=1)
    return ExplainedRows(opened.name(places), shares.scores, shares.base, gaps, contributions)
