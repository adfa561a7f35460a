"""How a model treats groups of rows, beside each other."""

from __future__ import annotations

from pydantic import Field

from dbx_dl.contracts.contract import Contract


class GroupRates(Contract):
    """Shares of the rows with one value in a column, between 0 and 1; None where a group has no such rows.

    `base_rate`: rows whose label is the favourable one. `selection_rate`: rows that are predicted so.
    `true_positive_rate` and `false_positive_rate`: the selected ones among rows whose label is favourable, and among
    the others. `mean_probability` is what the model gives the favourable label; `calibration_error` how far its
    probabilities are from what happens, on average.
    """

    column: str
    group: str
    num_rows: int
    base_rate: float | None = None
    selection_rate: float | None = None
    true_positive_rate: float | None = None
    false_positive_rate: float | None = None
    mean_probability: float | None = None
    calibration_error: float | None = None


class Fairness(Contract):
    """Every group's rates, and per column the gaps between its groups, by the names of `metrics.fairness.GAPS`."""

    favourable: str
    groups: tuple[GroupRates, ...]
    gaps: dict[str, dict[str, float]] = Field(default_factory=dict)

    def tabulate(self) -> tuple[tuple[str, ...], ...]:
        """The groups as a table of text, a header first."""
        titles = ("base rate", "selection rate", "TPR", "FPR", "mean probability", "calibration error")
        header = (f"predicted {self.favourable!r} by group", "rows", *titles)
        return (header, *(_show(group) for group in self.groups))


def _show(group: GroupRates) -> tuple[str, ...]:
    rates = (
        group.base_rate,
        group.selection_rate,
        group.true_positive_rate,
        group.false_positive_rate,
        group.mean_probability,
        group.calibration_error,
    )
    shown = ("–" if rate is None else f"{rate:.4f}" for rate in rates)
    return (f"{group.column} = {group.group}", str(group.num_rows), *shown)
