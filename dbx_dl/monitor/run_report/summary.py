"""A run's numbers as a small table of text, one column per run and framework; terminal and report show the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dbx_dl.contracts import RegisteredModel
from dbx_dl.monitor.run_report.outcome import RunOutcome

MISSING = "–"


@dataclass(frozen=True)
class Summary:
    """Cells of the summary: `columns` are (run, framework), each of `rows` starts with its name."""

    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, ...], ...]


def summarize(outcomes: Sequence[RunOutcome]) -> Summary:
    """The summary of runs, one column per run and framework: prepared, trained, exported, registered, scored."""
    pairs = [(outcome, model) for outcome in outcomes for model in outcome.registered]
    cells = [_describe(outcome, model) for outcome, model in pairs]
    names = list(cells[0]) if cells else []
    return Summary(
        columns=tuple((outcome.config.name, model.onnx.trained.framework) for outcome, model in pairs),
        rows=tuple((name, *(column[name] for column in cells)) for name in names),
    )


def format_metric(outcome: RunOutcome, value: float | None) -> str:
    """The run's metric with its value, such as `accuracy 0.9852`."""
    name = {"auc": "AUC", "log_loss": "log loss"}.get(outcome.metric, outcome.metric)
    return f"{name} {MISSING if value is None else f'{value:.4f}'}"


def _describe(outcome: RunOutcome, model: RegisteredModel) -> dict[str, str]:
    trained = model.onnx.trained
    return {
        "prepared": f"{outcome.prepared.num_rows:,} {outcome.row_noun}",
        "rejected": f"{outcome.prepared.num_rejects:,}",
        "on test split": format_metric(outcome, outcome.metric_value(model)),
        "epochs": f"{len(trained.history)}, best {trained.best_epoch}",
        "trained": f"{trained.rows_per_second:,.0f} {outcome.row_noun}/s",
        "ranks": f"{trained.num_ranks}",
        "ONNX parity": f"{model.onnx.parity.max_abs_difference:.1e}",
        "version": f"v{model.version}" + (" ★ champion" if outcome.is_champion(model) else ""),
        **_describe_scores(outcome, model),
    }


def _describe_scores(outcome: RunOutcome, model: RegisteredModel) -> dict[str, str]:
    """Scores stand under the model that made them; under the run's first one when an older champion did."""
    scored, models = outcome.scored, outcome.registered
    is_ours = scored.model_version in {other.version for other in models}
    if model.version != (scored.model_version if is_ours else models[0].version):
        return {"scored": MISSING, "speed": MISSING, "errors": MISSING}
    older = f"v{scored.model_version}" if scored.model_version else "a file"
    what = outcome.row_noun if is_ours else f"by {older}"
    return {
        "scored": f"{scored.num_rows:,} {what}",
        "speed": f"{scored.rows_per_second:,.0f} {outcome.row_noun}/s",
        "errors": f"{scored.num_errors:,}",
    }
