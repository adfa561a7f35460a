"""Which alerts of monitoring say that a model should be trained anew."""

from __future__ import annotations

from pydantic import Field

from dbx_dl.config.section import Section
from dbx_dl.contracts import Area


class RetrainConfig(Section):
    """Training is called for where `min_alerts` findings of these `areas` are alerts.

    Only the last `num_windows` windows that had enough rows to be judged in such an area count, so that what was wrong
    last month does not call again. Windows of earlier looks against the same baseline count among them, and at least
    one of the alerts has to be of the look itself. With `metrics` only findings of these metrics count (`psi`,
    `accuracy`, …).
    """

    areas: tuple[Area, ...] = ("drift", "quality")
    metrics: tuple[str, ...] = ()
    min_alerts: int = Field(default=1, gt=0)
    num_windows: int = Field(default=1, gt=0)
