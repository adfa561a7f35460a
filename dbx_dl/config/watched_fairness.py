"""Which groups of scored rows a model's decisions are compared between."""

from __future__ import annotations

from pydantic import Field

from dbx_dl.config.fairness import FairnessConfig


class WatchedFairnessConfig(FairnessConfig):
    """Rates by group as `registry.fairness` has them, of the rows that were scored since.

    Rates that need the truth (true and false positives, calibration) are of the rows that have a label by now. Of a
    column with more than `max_groups` values the largest groups of the look are compared and all others told
    together. A limit fires when the `confidence` of the intervals leaves no doubt that it is passed, however many
    pairs of groups there are; one that is passed within chance is a warning.
    """

    max_groups: int = Field(default=20, ge=2, le=200)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
