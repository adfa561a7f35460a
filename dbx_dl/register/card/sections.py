"""What a model card says, section by section, from what a run left.

The sections are those of Mitchell et al., "Model Cards for Model Reporting", 2019.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.metrics.comparison import is_lower_better

if TYPE_CHECKING:
    from dbx_dl.config import CardConfig
    from dbx_dl.contracts import Check, Finding, Importances, MeasuredModel, Promotion, RegisteredModel

Table = tuple[tuple[str, ...], ...]
_SHOWN_CLASSES, _SHOWN_ROWS = 50, 30
_NOT_SAID = "Not said by who trained it: see `card` in the run's config."
# Of fewer test rows an interval is the least that is to be looked at.
_FEW_ROWS = 500


@dataclass(frozen=True)
class CardSection:
    """A titled part of a card: sentences, and tables with a caption, whose first row is a header."""

    title: str
    lines: tuple[str, ...] = ()
    tables: tuple[tuple[str, Table], ...] = ()


@dataclass(frozen=True)
class CardFacts:
    """A version, and what is known of it; `measured` is what its promotion measured of it, if there was one."""

    registered: RegisteredModel
    config: CardConfig
    promotion: Promotion | None = None
    importances: Importances | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def measured(self) -> MeasuredModel | None:
        """This version among the promotion's models, of this very file."""
        models = () if self.promotion is None or self.promotion.name != self.registered.name else self.promotion.models
        own = (self.registered.version, self.registered.onnx.file.sha256)
        return next((model for model in models if (model.version, model.sha256) == own), None)


def list_sections(facts: CardFacts) -> tuple[CardSection, ...]:
    """The card's sections, in order; those of which a run knows nothing say so, or are left out."""
    sections = (
        _describe_model(facts),
        _describe_use(facts),
        _describe_training_data(facts),
        _describe_training(facts),
        _describe_evaluation(facts),
        _describe_groups(facts),
        _describe_importance(facts),
        _describe_findings(facts),
        _describe_ethics(facts),
        _describe_limits(facts),
        _describe_usage(facts),
    )
    return tuple(section for section in sections if section is not None)


def _describe_model(facts: CardFacts) -> CardSection:
    model, onnx = facts.registered, facts.registered.onnx
    trained = onnx.trained
    target = trained.prepared.target
    options = ", ".join(f"{name}: {value}" for name, value in sorted(trained.network_options.items())) or "defaults"
    rows: Table = (
        ("", ""),
        ("model", f"{model.name}, version {model.version}"),
        ("task", target.task),
        ("network", f"{trained.network} ({options})"),
        ("framework", f"{trained.framework} {trained.versions.get(trained.framework, '')}".strip()),
        ("ONNX file", f"{onnx.size_bytes / 1e6:.2f} MB, opset {onnx.opset}, SHA-256 {onnx.file.sha256}"),
        ("takes", ", ".join(trained.prepared.inputs.columns)),
        ("MLflow run", trained.run_id),
    )
    contact = () if facts.config.contact is None else (f"Contact: {facts.config.contact}",)
    return CardSection("Model details", contact, (("", rows),))


def _describe_use(facts: CardFacts) -> CardSection:
    config = facts.config
    use = config.intended_use or _NOT_SAID
    scope = () if config.out_of_scope is None else (f"Out of scope: {config.out_of_scope}",)
    return CardSection("Intended use", (use, *scope))


def _describe_training_data(facts: CardFacts) -> CardSection:
    prepared = facts.registered.onnx.trained.prepared
    table, rejected = prepared.table, prepared.num_rejects
    splits = ", ".join(f"{count:,} {split}" for split, count in prepared.split_rows.items())
    lines = [f"Delta table `{table.name}`, version {table.version}, from `{prepared.source}`: rows {splits}."]
    if rejected:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(prepared.reject_reasons.items()))
        lines.append(f"{rejected:,} rows of the source could not be used: {reasons}.")
    if prepared.statistics.num_duplicates:
        lines.append(f"{prepared.statistics.num_duplicates:,} rows are duplicates of others.")
    lines += [f"Found when it was prepared: {warning}" for warning in prepared.statistics.warnings]
    tables = []
    if prepared.class_rows:
        total = max(1, sum(prepared.class_rows.values()))
        ranked = sorted(prepared.class_rows.items(), key=lambda item: -item[1])
        shown = [(name, f"{count:,}", f"{count / total:.1%}") for name, count in ranked[:_SHOWN_CLASSES]]
        more = [(f"{len(ranked) - _SHOWN_CLASSES} more", "", "")] if len(ranked) > _SHOWN_CLASSES else []
        tables.append(("Rows by class", (("class", "rows", "share"), *shown, *more)))
    return CardSection("Training data", tuple(lines), tuple(tables))


def _describe_training(facts: CardFacts) -> CardSection:
    trained = facts.registered.onnx.trained
    lines = [
        f"{len(trained.history)} epochs on {trained.num_ranks} rank(s), {trained.batch_size} rows a batch and rank, "
        f"seed {trained.seed}; the weights are those of epoch {trained.best_epoch}."
    ]
    if trained.num_restarts:
        lines.append(f"Training was interrupted and went on {trained.num_restarts} time(s).")
    if trained.calibration is not None:
        lines.append(f"Probabilities are calibrated by the method {trained.calibration.method} on validation rows.")
    if trained.threshold is not None:
        found = trained.threshold
        lines.append(f"Rows get the label {found.label!r} from a probability of {found.probability:.3f} on.")
    return CardSection("Training", tuple(lines))


def _describe_evaluation(facts: CardFacts) -> CardSection:
    onnx, promotion, measured = facts.registered.onnx, facts.promotion, facts.measured
    lines = [
        f"The ONNX file differs from the trained network by at most {onnx.parity.max_abs_difference:.2g} on "
        f"{onnx.parity.num_rows} held-out rows."
    ]
    if measured is None or promotion is None:
        lines.append("No promotion measured this version: metrics are those of the export, without intervals.")
        plain = tuple((_name_metric(name), f"{value:.4f}") for name, value in sorted(onnx.metrics.items()))
        return CardSection("Metrics", tuple(lines), (("On the test split", (("metric", "value"), *plain)),))
    table = promotion.table
    place = "test rows" if table is None else f"test rows of `{table.name}` version {table.version}"
    lines.append(f"Measured on {promotion.num_rows:,} {place}. What the promotion said: {promotion.reason}.")
    title = f"{promotion.confidence:.0%} interval"
    rows = tuple(
        (_name_metric(name), f"{found.value:.4f}", _show_interval(found.low, found.high))
        for name, found in measured.metrics.items()
    )
    tables: list[tuple[str, Table]] = [("On the test split", (("metric", "value", title), *rows))]
    words = {True: "met", False: "missed", None: "not judged"}
    checks = tuple((words[check.is_met], check.detail) for check in _checks(facts))
    if checks:
        tables.append(("Conditions for a champion", (("", "condition"), *checks)))
    return CardSection("Metrics", tuple(lines), tuple(tables))


def _describe_groups(facts: CardFacts) -> CardSection | None:
    measured = facts.measured
    if measured is None or (not measured.groups and measured.fairness is None):
        said = "No groups of rows were compared: see `registry.groups` and `registry.fairness`."
        return CardSection("Groups", (said,))
    tables: list[tuple[str, Table]] = []
    if measured.groups:
        rows = tuple(
            (f"{g.column} = {g.group}", _name_metric(g.metric), f"{g.num_rows:,}", _show(g.value))
            for g in measured.groups
        )
        tables.append(("Metrics by group", _cut((("group", "metric", "rows", "value"), *rows))))
    if measured.fairness is not None:
        tables.append(("Rates by group", _cut(measured.fairness.tabulate())))
        gaps = tuple(
            (column, name.replace("_", " "), f"{value:.4f}")
            for column, found in measured.fairness.gaps.items()
            for name, value in found.items()
        )
        if gaps:
            tables.append(("Gaps between groups", (("column", "difference or ratio", "value"), *gaps)))
    return CardSection("Groups", (), tuple(tables))


def _describe_importance(facts: CardFacts) -> CardSection | None:
    found = facts.importances
    if found is None or found.model_sha256 != facts.registered.onnx.file.sha256:
        return None
    metric = found.metric.replace("_", " ")
    line = f"By how much {metric} is worse on {found.num_rows:,} held-out rows when a column is shuffled."
    header, *rows = found.tabulate()
    return CardSection("What decides", (line,), (("", _cut((header, *rows))),))


def _describe_findings(facts: CardFacts) -> CardSection | None:
    """What monitoring warned of; nothing where nobody looked."""
    if not facts.findings:
        return None
    told = [found for found in facts.findings if found.status in ("alert", "warning")]
    line = f"Of {len(facts.findings):,} figures {len(told):,} are a warning or an alert."
    if not told:
        return CardSection("Since it is scored", (line,))
    rows = tuple(
        (
            found.status,
            found.window,
            " ".join(part for part in (found.area, found.column, found.part) if part),
            found.metric.replace("_", " "),
            _show(found.value),
            _show_interval(found.low, found.high),
        )
        for found in sorted(told, key=lambda found: found.status)
    )
    header = ("", "window", "of what", "figure", "value", "interval")
    return CardSection("Since it is scored", (line,), (("", _cut((header, *rows))),))


def _describe_ethics(facts: CardFacts) -> CardSection:
    return CardSection("Ethical considerations", (facts.config.ethical_considerations or _NOT_SAID,))


def _describe_limits(facts: CardFacts) -> CardSection:
    prepared = facts.registered.onnx.trained.prepared
    num_test = prepared.split_rows.get("test", 0)
    lines = [
        "Metrics are of rows drawn like the training data: of others, as of later times or other places, they say "
        "nothing."
    ]
    if num_test < _FEW_ROWS:
        lines.append(f"There are {num_test:,} test rows: look at intervals rather than at values.")
    rare = [name for name, count in prepared.class_rows.items() if count < 50]
    if rare:
        shown = ", ".join(rare[:10]) + (" and more" if len(rare) > 10 else "")
        lines.append(f"Of these classes there are fewer than 50 rows: {shown}.")
    unsure = [c.detail for c in _checks(facts) if c.is_met is None]
    lines += [f"Not judged: {detail}." for detail in unsure]
    return CardSection("Limits", (*lines, *facts.config.caveats))


def _describe_usage(facts: CardFacts) -> CardSection:
    model = facts.registered
    return CardSection(
        "How to use",
        (
            f'In Python: dbx_dl.score_udf(spark, "{model.uri}") is a function of columns.',
            f"In a run: score.model: {model.uri}, then dbx-dl score --config run.yml.",
            "The file takes raw columns: what prepares them is inside. A row that cannot be scored gets an error.",
        ),
    )


def _checks(facts: CardFacts) -> tuple[Check, ...]:
    """What the promotion asked of this version."""
    found = () if facts.promotion is None else facts.promotion.checks
    return tuple(check for check in found if check.version == facts.registered.version)


def _cut(table: Table) -> Table:
    """A table's first rows, and how many there are besides."""
    header, *rows = table
    if len(rows) <= _SHOWN_ROWS:
        return table
    rest = (f"and {len(rows) - _SHOWN_ROWS} more", *("" for _ in header[1:]))
    return (header, *rows[:_SHOWN_ROWS], rest)


def _name_metric(name: str) -> str:
    return name.replace("_", " ") + (" (less is better)" if is_lower_better(name) else "")


def _show_interval(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{low:.4f} to {high:.4f}"


def _show(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
