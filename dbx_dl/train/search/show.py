"""A search for people: the table of its trials, and its figures."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dbx_dl.train.search.trials import describe_values

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dbx_dl.contracts import SearchResult

logger = logging.getLogger(__name__)

MISSING = "–"


def tabulate_trials(result: SearchResult) -> list[tuple[str, ...]]:
    """Cells of the trials' table, its header first: one row per trial; ★ marks the best."""
    rows: list[tuple[str, ...]] = [("trial", "", result.metric.replace("_", "\n", 1), "epochs", "seconds", "settings")]
    for trial in result.trials:
        number = f"{trial.number} ★" if trial.number == result.best_number else str(trial.number)
        value = MISSING if trial.value is None else f"{trial.value:.4f}"
        settings = describe_values(trial.values)
        rows.append((number, trial.state, value, str(trial.num_epochs), f"{trial.seconds:.0f}", settings))
    return rows


def draw_figures(result: SearchResult) -> dict[str, Figure]:
    """The search's history and its settings' importance, by name; none without matplotlib, and the log says so."""
    try:
        from dbx_dl import figures

        drawn = {"search_history": figures.search_history(result.trials, result.metric, result.direction)}
        if result.importances:
            drawn["setting_importance"] = figures.setting_importance(result.importances)
    except ImportError as error:
        logger.warning("no figures are logged: %s; pip install 'dbx_dl[report]'", error)
        return {}
    return drawn
