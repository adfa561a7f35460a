"""Which rows of a scored table monitoring looks at together."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from dbx_dl.config.section import Section

WindowKind = Literal["whole", "time", "versions", "commits"]
_KEYS: dict[WindowKind, tuple[str, ...]] = {
    "whole": (),
    "time": ("column", "hours", "since", "until", "max_windows"),
    "versions": ("first_version", "last_version"),
    "commits": (),
}


class WindowsConfig(Section):
    """Windows are `by` one of these.

    whole: all rows of the table as it is. time: spans of `hours` hours, counted from midnight UTC, of `column`, a
    timestamp or date of the scored table or of the source; from `since` on and before `until` (without offset: UTC);
    of more than `max_windows` the latest are looked at. versions: the rows that the table's versions `first_version` to
    `last_version` (the latest, if not given) wrote and that are still there. commits: the rows that came since the last
    look; which version that was at stands in the table of findings.
    """

    by: WindowKind = "whole"
    column: str = Field(default="scored_at", min_length=1)
    hours: float = Field(default=24, gt=0, le=24 * 3660, allow_inf_nan=False)
    since: datetime | None = None
    until: datetime | None = None
    max_windows: int = Field(default=30, gt=0, le=1000)
    first_version: int | None = Field(default=None, ge=0)
    last_version: int | None = Field(default=None, ge=0)

    @field_validator("since", "until")
    @classmethod
    def _are_of_utc(cls, moment: datetime | None) -> datetime | None:
        if moment is None or moment.tzinfo is not None:
            return moment
        return moment.replace(tzinfo=UTC)

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        odd = sorted(name for name in self.model_fields_set - {"by", *_KEYS[self.by]} if not self._is_default(name))
        if odd:
            owner = next(kind for kind, names in _KEYS.items() if odd[0] in names)
            raise ValueError(f"`{odd[0]}` goes with `by: {owner}`, not with `by: {self.by}`")
        if self.by == "versions" and self.first_version is None:
            raise ValueError("`by: versions` needs `first_version`")
        ends = (self.first_version, self.last_version)
        if ends[0] is not None and ends[1] is not None and ends[0] > ends[1]:
            raise ValueError(f"`first_version` {ends[0]} comes after `last_version` {ends[1]}")
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise ValueError("`since` must be before `until`")
        return self

    def _is_default(self, name: str) -> bool:
        return bool(getattr(self, name) == type(self).model_fields[name].default)
