"""The contracts of one finished run, together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dbx_dl.config import RunConfig
from dbx_dl.contracts import PreparedTable, Promotion, RegisteredModel, ScoredTable


@dataclass(frozen=True)
class RunOutcome:
    """Everything that a run's summary and report tell; `registered` holds one model per framework of the run."""

    config: RunConfig
    prepared: PreparedTable
    registered: tuple[RegisteredModel, ...]
    promotion: Promotion
    scored: ScoredTable

    @property
    def metric(self) -> str:
        """The metric by which the run's models are compared."""
        return self.promotion.metric

    @property
    def has_classes(self) -> bool:
        """Whether the run's models predict classes: they may have another task than the table."""
        return all(model.onnx.trained.prepared.target.is_classification for model in self.registered)

    @property
    def writes_texts(self) -> bool:
        """Whether the run's models write texts."""
        return all(model.onnx.trained.prepared.target.text is not None for model in self.registered)

    @property
    def has_clusters(self) -> bool:
        """Whether the run's models put rows into clusters."""
        return all(model.onnx.trained.prepared.target.task == "clustering" for model in self.registered)

    @property
    def row_noun(self) -> str:
        """What one row of this run is called."""
        return {"images": "images", "audio": "recordings"}.get(self.prepared.inputs.kind, "rows")

    def as_values(self) -> dict[str, Any]:
        """The contracts as values that JSON can hold, by stage."""
        values = {"prepared": self.prepared, "promotion": self.promotion, "scored": self.scored}
        registered = [model.model_dump(mode="json") for model in self.registered]
        by_stage = {stage: value.model_dump(mode="json") for stage, value in values.items()}
        return {"run": self.config.name, **by_stage, "registered": registered}

    def is_champion(self, model: RegisteredModel) -> bool:
        """Whether the model is the present champion."""
        return model.version == self.promotion.champion_version

    def metric_value(self, model: RegisteredModel) -> float | None:
        """The model's metric on the test split, as promotion measured it (else as the export gate did)."""
        return self.promotion.values.get(model.version, model.onnx.metrics.get(self.metric))
