"""What a promotion compared, what it found, and who is champion since."""

from __future__ import annotations

from pydantic import Field

from dbx_dl.contracts.contract import Contract
from dbx_dl.contracts.fairness import Fairness
from dbx_dl.contracts.tables import TableVersion

_MISSING = "–"


class Estimate(Contract):
    """A value measured on rows, and the interval around it; no interval where it is undefined."""

    value: float
    low: float | None = None
    high: float | None = None


class Latency(Contract):
    """How long the promotion's driver took with one thread: a row within a large batch, and a call with one row."""

    ms_per_row: float
    ms_per_call: float


class MeasuredGroup(Contract):
    """A metric on the test rows with one value in a column; None where it is undefined there."""

    column: str
    group: str
    metric: str
    num_rows: int
    value: float | None


class MeasuredModel(Contract):
    """One version on the promotion's rows; `differences` are its metrics less the present champion's, paired by row."""

    version: int
    sha256: str
    metrics: dict[str, Estimate]
    differences: dict[str, Estimate] = Field(default_factory=dict)
    groups: tuple[MeasuredGroup, ...] = ()
    fairness: Fairness | None = None
    latency: Latency | None = None


class Check(Contract):
    """One condition for a version and how it turned out; `is_met` is None where there was too little to judge."""

    version: int
    is_met: bool | None
    detail: str


class Promotion(Contract):
    """Who is champion after a comparison on the same pinned rows, and why.

    `values` holds the deciding metric of every version that was measured, `models` all that was measured of it, on
    `num_rows` test rows of `table`. `present_version` was champion when the comparison began, `challenger_version` is
    the candidate that the reason is about, `record` the artifact with this value at that candidate's MLflow run.
    """

    name: str
    metric: str
    values: dict[int, float]
    champion_version: int | None
    previous_version: int | None
    reason: str
    present_version: int | None = None
    challenger_version: int | None = None
    table: TableVersion | None = None
    num_rows: int = 0
    confidence: float = 0.95
    num_resamples: int = 0
    seed: int = 0
    models: tuple[MeasuredModel, ...] = ()
    checks: tuple[Check, ...] = ()
    decided_at: str = ""
    record: str | None = None

    @property
    def has_new_champion(self) -> bool:
        """Whether another version is champion than before the comparison."""
        return self.champion_version is not None and self.champion_version != self.present_version

    def compare(self) -> tuple[tuple[str, ...], ...]:
        """The comparison as a table of text: a header, then a row for each metric, group and latency."""
        if not self.models:
            return ()
        names = list(self.models[0].metrics)
        header = ("", *(self._title(model) for model in self.models))
        rows = [(name, *(_show_metric(model, name) for model in self.models)) for name in names]
        for place, group in enumerate(self.models[0].groups):
            title = f"{group.metric}, {group.column} = {group.group} ({group.num_rows} rows)"
            rows.append((title, *(_show(model.groups[place].value) for model in self.models)))
        for field, title in (("ms_per_row", "ms a row"), ("ms_per_call", "ms a call")):
            times = [getattr(model.latency, field, None) for model in self.models]
            rows.append((title, *(_MISSING if time is None else f"{time:.3g}" for time in times)))
        return (header, *rows)

    def compare_groups(self) -> tuple[tuple[str, ...], ...]:
        """How each version treats the groups of `registry.fairness`: a header, then a row per group and version."""
        measured = [(model, model.fairness.tabulate()) for model in self.models if model.fairness is not None]
        if not measured:
            return ()
        rows = [(self._title(model), *row) for model, (_, *rows) in measured for row in rows]
        return (("", *measured[0][1][0]), *rows)

    def _title(self, model: MeasuredModel) -> str:
        return f"version {model.version}" + (" (champion so far)" if model.version == self.present_version else "")


class Rollback(Contract):
    """Who is champion again, and who was until then."""

    name: str
    champion_version: int
    rolled_back_version: int


class ListedVersion(Contract):
    """What a registry knows of one version of a model; texts are empty where it does not know."""

    name: str
    version: int
    aliases: tuple[str, ...]
    metrics: dict[str, float]
    table: str
    table_version: str
    framework: str
    network: str
    sha256: str
    run_id: str
    created_at: str
    decision: str


def _show(value: float | None) -> str:
    return _MISSING if value is None else f"{value:.4f}"


def _show_metric(model: MeasuredModel, name: str) -> str:
    if name not in model.metrics:
        return _MISSING
    text = _show_estimate(model.metrics[name])
    difference = model.differences.get(name)
    return text if difference is None else f"{text}, {_show_estimate(difference, sign='+')} to the champion"


def _show_estimate(estimate: Estimate, sign: str = "") -> str:
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:{sign}.4f}"
    return f"{estimate.value:{sign}.4f} [{estimate.low:{sign}.4f}, {estimate.high:{sign}.4f}]"
