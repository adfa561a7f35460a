"""How well a model must still do on rows whose truth is known by now."""

from __future__ import annotations

from pydantic import Field, FiniteFloat

from dbx_dl.config.register import MetricName
from dbx_dl.config.section import Section
from dbx_dl.config.slices import SlicesConfig


class QualityConfig(Section):
    """Metrics of scored rows against late labels, beside those of the test split when the model was made.

    `metrics` are judged (without any the task's own, see `dbx-dl tasks`), all others of the task are told. A judged
    metric fires when it is worse than the test split's by more than `tolerance` (of errors and losses but a
    likelihood, that share of the test split's), or worse than its value in `limits`, and the `confidence` of the
    interval leaves no doubt; `false_alarms` is the share of the judged figures of a look that may fire by chance.
    `max_calibration_error` is how far probabilities may be from what happens, on average.

    Windows with fewer than `min_rows` labelled rows are told, not judged. Of a window with more than `max_rows` that
    many are drawn, by a hash of the key; intervals are over `num_resamples` drawn with `seed`. Area under the curve of
    more than two classes has an interval only where it is among `metrics`. `slices` looks for parts of the rows where
    the model errs more (null: does not).
    """

    metrics: tuple[MetricName, ...] = ()
    tolerance: FiniteFloat = Field(default=0.02, ge=0)
    limits: dict[MetricName, FiniteFloat] = Field(default_factory=dict)
    max_calibration_error: float | None = Field(default=None, gt=0, lt=1)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    false_alarms: float = Field(default=0.05, gt=0, lt=1)
    min_rows: int = Field(default=50, ge=2)
    max_rows: int = Field(default=20_000, ge=100)
    num_resamples: int = Field(default=500, ge=100)
    seed: int = Field(default=0, ge=0)
    slices: SlicesConfig | None = SlicesConfig()
