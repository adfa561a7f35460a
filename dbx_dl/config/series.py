"""How observations of series become windows to forecast from."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from dbx_dl.config.section import Section

# Columns that windows have beside the series' own.
ORIGIN, AT, HORIZON, LAGS, SEASONAL_NAIVE = "origin", "at", "horizon", "lags", "seasonal_naive"
_ADDED = {ORIGIN, AT, HORIZON, LAGS, SEASONAL_NAIVE}


class SeriesConfig(Section):
    """A source of observations: one row for each `step` of `time` of each series, which the columns `by` tell apart.

    Every step is an origin from which the next `horizons` steps are forecast, or each `stride`-th. A window is a row
    for an origin and a horizon: `lags` holds the last `num_lags` values up to the origin, oldest first, `at` is the
    time that is forecast, and the columns `known` are those of that time (prices, events), which a source may hold for
    times to come, with a null `value`. With `season`, a number of steps, `seasonal_naive` is the last value known at
    the same place in its season, the baseline. Windows with a gap in their lags are left out. Steps are UTC's: cast
    timestamps of local midnights to dates first.
    """

    by: tuple[str, ...] = ()
    time: str
    value: str
    step: Literal["hour", "day", "week", "month"] = "day"
    horizons: int = Field(default=1, gt=0)
    num_lags: int = Field(gt=0)
    stride: int = Field(default=1, gt=0)
    season: int | None = Field(default=None, gt=0)
    known: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        if self.season is not None and self.season > self.num_lags:
            raise ValueError(f"season {self.season} is longer than num_lags {self.num_lags}: the lags must hold one")
        own = [name.lower() for name in (*self.by, self.time, self.value, *self.known)]
        twice = [name for i, name in enumerate(own) if name in own[:i]]
        if twice:
            raise ValueError(f"{twice[0]!r} is named twice among by, time, value and known")
        taken = _ADDED & {name.lower() for name in (*self.by, self.value, *self.known)}
        if taken:
            raise ValueError(f"{min(taken)!r} is a column that windows have themselves: rename it")
        return self

    def require_new(self, key: str) -> None:
        """ValueError where the column of the windows' keys has a name that windows have already."""
        if key.lower() in _ADDED | {name.lower() for name in (*self.by, self.value, *self.known)}:
            raise ValueError(f"key {key!r} is a column of the windows: name a new one, which will hold their keys")
