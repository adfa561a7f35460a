"""What explanations of a model found: a table by row, and what matters overall."""

from __future__ import annotations

from pydantic import Field, StrictFloat, StrictStr

from dbx_dl.contracts.contract import Contract
from dbx_dl.contracts.tables import TableVersion


class ExplainedTable(Contract):
    """Explanations written to a Delta table, one for each row that was drawn of `source`.

    `largest_gap` is the largest absolute part of a score that contributions leave unexplained; None where a method
    does not promise to explain all of it.
    """

    table: TableVersion
    source: str
    model_name: str
    model_version: int | None
    model_sha256: str
    method: str
    num_rows: int
    num_errors: int
    error_reasons: dict[str, int]
    largest_gap: float | None
    seconds: float


class FeatureImportance(Contract):
    """By how much a metric is worse when a feature is shuffled among the rows, and the interval of that."""

    feature: str
    value: float
    low: float | None = None
    high: float | None = None


class Importances(Contract):
    """The importance of a model's columns by `metric` on `num_rows` test rows of `table`, the greatest first.

    `value` is the metric with all columns as they are.
    """

    table: TableVersion
    model_name: str
    model_version: int | None
    model_sha256: str
    metric: str
    value: float
    num_rows: int
    num_repeats: int
    confidence: float
    seed: int
    features: tuple[FeatureImportance, ...]

    def tabulate(self) -> tuple[tuple[str, ...], ...]:
        """The columns as a table of text, a header first."""
        header = ("column", f"{self.metric} is worse by", f"{self.confidence:.0%} interval")
        return (header, *(_show(each) for each in self.features))


class DependenceCurve(Contract):
    """Mean predictions, by label or name of a number, at points of one feature; `rows` are those of single rows."""

    feature: str
    # Strict: a category such as "02134" or "nan" is no number.
    points: tuple[StrictFloat, ...] | tuple[StrictStr, ...]
    means: dict[str, tuple[float, ...]]
    rows: dict[str, tuple[tuple[float, ...], ...]] = Field(default_factory=dict)


class Dependences(Contract):
    """How a model's predictions depend on single columns, on average over `num_rows` test rows of `table`."""

    table: TableVersion
    model_name: str
    model_version: int | None
    model_sha256: str
    num_rows: int
    curves: tuple[DependenceCurve, ...]


class ModelCard(Contract):
    """A model card: where it lies as Markdown and as a page, and as artifacts of which version and run."""

    name: str
    version: int
    markdown: str
    page: str
    run_id: str
    artifact: str


def _show(each: FeatureImportance) -> tuple[str, str, str]:
    interval = "–" if each.low is None or each.high is None else f"{each.low:.4f} to {each.high:.4f}"
    return each.feature, f"{each.value:.4f}", interval
