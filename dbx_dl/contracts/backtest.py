"""What forecasts were worth at the origins of a split."""

from __future__ import annotations

from dbx_dl.contracts.contract import Contract
from dbx_dl.contracts.tables import Split, TableVersion


class BacktestPart(Contract):
    """Errors of the windows with one origin or one horizon, in the label's unit; None without a baseline."""

    part: str
    num_rows: int
    mae: float
    rmse: float
    naive_mae: float | None = None
    mae_ratio: float | None = None


class Backtest(Contract):
    """A model's errors over all windows of a split, by steps ahead, and by origin in the order of time."""

    model: str
    table: TableVersion
    split: Split
    whole: BacktestPart
    by_horizon: tuple[BacktestPart, ...]
    by_origin: tuple[BacktestPart, ...]

    def tabulate(self) -> tuple[tuple[str, ...], ...]:
        """A table of text: a header, the whole, then by horizon and by origin."""
        header = ("windows", "rows", "MAE", "RMSE", "seasonal naive MAE", "ratio")
        parts = [(self.whole.part, self.whole)]
        parts += [(f"{part.part} ahead", part) for part in self.by_horizon]
        parts += [(f"from {part.part}", part) for part in self.by_origin]
        return (header, *(_show(name, part) for name, part in parts))


def _show(name: str, part: BacktestPart) -> tuple[str, ...]:
    numbers = (part.mae, part.rmse, part.naive_mae, part.mae_ratio)
    return (name, str(part.num_rows), *("–" if number is None else f"{number:.4g}" for number in numbers))
