"""What is watched of a scored table after it was scored, and what comes of it."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from dbx_dl.config.drift import DriftConfig
from dbx_dl.config.late_labels import LateLabelsConfig
from dbx_dl.config.operations import OperationsConfig
from dbx_dl.config.quality import QualityConfig
from dbx_dl.config.retrain import RetrainConfig
from dbx_dl.config.section import Section
from dbx_dl.config.watched_fairness import WatchedFairnessConfig
from dbx_dl.config.windows import WindowsConfig
from dbx_dl.contracts import Area


class MonitorConfig(Section):
    """How the predictions in `source`, without it `score.table`, are watched.

    `areas` are what is measured: drift against the table that the model was trained on; quality, where `labels` says
    where late labels come from; fairness, where `fairness` names groups; operations. `windows` say which rows are
    looked at together. Findings go to the Delta table `table`, without it the source's name with `_findings`, a page
    to `report`, without it `monitor.html` in the run's directory; an MLflow run gets both. `retrain` says which
    findings call for a training.

    `baseline` is the prepared table (a path or name) that is compared with, and `baseline_version` its version; without
    it that is the one which the model of the newest predictions was trained on.
    """

    source: str | None = Field(default=None, min_length=1)
    table: str | None = Field(default=None, min_length=1)
    report: str | None = Field(default=None, min_length=1)
    areas: tuple[Area, ...] = Field(default=("drift", "quality", "fairness", "operations"), min_length=1)
    windows: WindowsConfig = WindowsConfig()
    baseline: str | None = Field(default=None, min_length=1)
    baseline_version: int | None = Field(default=None, ge=0)
    drift: DriftConfig = DriftConfig()
    labels: LateLabelsConfig | None = None
    quality: QualityConfig = QualityConfig()
    fairness: WatchedFairnessConfig | None = None
    operations: OperationsConfig = OperationsConfig()
    retrain: RetrainConfig = RetrainConfig()

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.baseline_version is not None and self.baseline is None:
            raise ValueError("`baseline_version` goes with `baseline`, the table that it is a version of")
        if self.source is not None and self.source == self.table:
            raise ValueError(f"`table` {self.table!r} is the scored table itself: findings need a table of their own")
        if "quality" in self.model_fields_set and self.labels is None and self.quality != QualityConfig():
            raise ValueError("`quality` needs `labels`, the table with the truth about rows that were scored")
        return self
