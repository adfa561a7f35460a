"""One run of the whole path."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from dbx_dl.config.card import CardConfig
from dbx_dl.config.explain import ExplainConfig
from dbx_dl.config.label import LabelConfig
from dbx_dl.config.models import ExportConfig, ScoreConfig
from dbx_dl.config.monitor import MonitorConfig
from dbx_dl.config.places import SparkConfig, TrackingConfig
from dbx_dl.config.prepare import PrepareConfig
from dbx_dl.config.register import RegisterConfig
from dbx_dl.config.search import SearchConfig
from dbx_dl.config.section import Section
from dbx_dl.config.train import TrainConfig

FrameworkName = Literal["keras", "torch"]


class RunConfig(Section):
    """One run of the whole path; stages keep their contracts, weights and ONNX files under `directory`.

    `name` is the run's, on its page and in messages. Each of the `frameworks` is trained, exported and registered.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    directory: str = Field(min_length=1)
    frameworks: tuple[FrameworkName, ...] = Field(default=("keras",), min_length=1)
    spark: SparkConfig = SparkConfig()
    tracking: TrackingConfig = TrackingConfig()
    label: LabelConfig | None = None
    prepare: PrepareConfig
    train: TrainConfig
    search: SearchConfig | None = None
    export: ExportConfig = ExportConfig()
    registry: RegisterConfig
    score: ScoreConfig
    explain: ExplainConfig | None = None
    card: CardConfig = CardConfig()
    monitor: MonitorConfig = MonitorConfig()

    @model_validator(mode="after")
    def _names_frameworks_once(self) -> Self:
        if len(set(self.frameworks)) < len(self.frameworks):
            raise ValueError(f"frameworks: one stands twice in {', '.join(self.frameworks)}: keep one of them")
        return self
