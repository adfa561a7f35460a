"""What scoring may cost, how late it may be, and how many rows may fail."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from dbx_dl.config.section import Section


class OperationsConfig(Section):
    """Rows scored, errors by reason, latency, model versions and cost, by window.

    `max_error_share` fires when the share of rows with an error is above it beyond doubt (with this `confidence`).
    `source_time` is the column with the moment at which a row came to be: latency is from there to `scored_at`, and
    fires when more than one row in 20 waited longer than `max_latency_seconds`, beyond doubt. `cost_per_node_hour` and
    `num_nodes` make a cost per million rows of the time that scoring took. The `max_reasons` most frequent reasons of
    errors are told one by one, the others together.
    """

    max_error_share: float | None = Field(default=0.05, ge=0, lt=1)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    source_time: str | None = Field(default=None, min_length=1)
    max_latency_seconds: float | None = Field(default=None, gt=0)
    cost_per_node_hour: float | None = Field(default=None, ge=0)
    num_nodes: int = Field(default=1, gt=0)
    max_reasons: int = Field(default=10, gt=0)

    @model_validator(mode="after")
    def _has_what_it_limits(self) -> Self:
        if self.max_latency_seconds is not None and self.source_time is None:
            raise ValueError("`max_latency_seconds` needs `source_time`, the column that latency is counted from")
        return self
