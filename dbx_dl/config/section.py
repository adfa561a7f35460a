"""What every part of a run config is: a frozen value that refuses unknown keys."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

Scalar = str | int | float | bool
NULL_TOKENS = ("", "?", "NA", "NaN", "null")


class Section(BaseModel):
    """A frozen part of a run config; no number is infinite or NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
