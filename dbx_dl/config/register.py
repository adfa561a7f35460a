"""What a version is called in the registry, and what it must show to become champion."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, FiniteFloat, model_validator

from dbx_dl.config.fairness import FairnessConfig
from dbx_dl.config.section import Section

MetricName = Literal[
    "accuracy",
    "hit_rate",
    "ndcg",
    "mrr",
    "balanced_accuracy",
    "f1_macro",
    "f1_micro",
    "exact_match",
    "token_accuracy",
    "word_error_rate",
    "auc",
    "log_loss",
    "brier",
    "mae",
    "rmse",
    "r2",
    "poisson_deviance",
    "mape",
    "pinball",
    "coverage",
    "nll",
    "crps",
    "reconstruction_error",
    "energy_distance",
    "simplified_silhouette",
    "inertia",
    "adjusted_rand_index",
    "normalized_mutual_information",
    "map_50",
    "box_iou",
    "mean_iou",
    "pixel_accuracy",
]


class MetricLimit(Section):
    """What a metric must reach: `threshold`, and at most `max_loss` worse than the champion's, in the metric's unit."""

    threshold: FiniteFloat | None = None
    max_loss: FiniteFloat | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.threshold is None and self.max_loss is None:
            raise ValueError("needs a threshold, a max_loss, or both")
        return self


class GroupLimit(MetricLimit):
    """The same for every group of test rows with one value in `column`, by the registry's metric or one of its own.

    Groups of fewer than `min_rows` rows are told, not judged.
    """

    column: str
    metric: MetricName | None = None
    min_rows: int = Field(default=30, gt=0)


class LatencyLimit(Section):
    """How long the driver's one thread may take, in milliseconds: a row of a large batch, and a call with one row.

    These are `max_ms_per_row` and `max_ms_per_call`. `max_slowdown`: at most so many times the champion's time a row.
    """

    max_ms_per_row: float | None = Field(default=None, gt=0)
    max_ms_per_call: float | None = Field(default=None, gt=0)
    max_slowdown: float | None = Field(default=None, gt=0)


class RegisterConfig(Section):
    """The registry's model name, and what a version must show on the test split to become champion.

    It must reach `threshold` in `metric` (where none is named the task's own, see `dbx-dl tasks`) and
    beat the champion by more than nothing and by `min_gain`; with `certain_gain` the whole interval of the difference
    must. `limits` are for further metrics, `groups` and `fairness` for parts of the rows. Intervals have this
    `confidence`; those over `num_resamples` of the rows are drawn with `seed`. `ledger` is the Delta table (path or
    name) in which promotions of a model meet; one that all of them share is found for a database file and for Unity
    Catalog.
    """

    name: str = Field(min_length=1)
    metric: MetricName | None = None
    threshold: FiniteFloat | None = None
    min_gain: FiniteFloat = Field(default=0.0, ge=0)
    certain_gain: bool = False
    limits: dict[MetricName, MetricLimit] = Field(default_factory=dict)
    groups: tuple[GroupLimit, ...] = ()
    fairness: FairnessConfig | None = None
    latency: LatencyLimit = LatencyLimit()
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    num_resamples: int = Field(default=1000, ge=100)
    seed: int = Field(default=0, ge=0)
    ledger: str | None = None

    @model_validator(mode="after")
    def _names_groups_once(self) -> Self:
        named = [(group.column, group.metric or self.metric) for group in self.groups]
        if len(set(named)) < len(named):
            raise ValueError("groups name a column twice for one metric: keep one of them")
        return self
