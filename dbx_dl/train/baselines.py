"""What a training's metrics stand beside: those that need no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.metrics.recommendation import baseline_metrics

if TYPE_CHECKING:
    from dbx_dl.contracts import PreparedTable


def measure_baseline(prepared: PreparedTable) -> dict[str, float]:
    """What the most chosen items would reach on the test split, named `popularity_<metric>`; of items only."""
    ranking, counts = prepared.target.ranking, prepared.statistics.popularity.get("test", ())
    if prepared.target.task != "recommendation" or ranking is None:
        return {}
    found = baseline_metrics(counts, prepared.split_rows.get("test", 0), ranking.top_k)
    return {f"popularity_{name}": value for name, value in found.items()}
