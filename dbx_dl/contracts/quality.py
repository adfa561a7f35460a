"""What a model reached on the test split, which its quality on scored rows is compared with."""

from __future__ import annotations

from pydantic import Field

from dbx_dl.contracts.contract import Contract
from dbx_dl.contracts.models import OnnxModel
from dbx_dl.contracts.promotion import Estimate, MeasuredModel


class QualityBaseline(Contract):
    """Metrics of the test split, with intervals where they are known, and its rows (0 where they are not known)."""

    metrics: dict[str, Estimate] = Field(default_factory=dict)
    num_rows: int = 0

    @classmethod
    def of_model(cls, model: OnnxModel) -> QualityBaseline:
        """What was measured of an exported file."""
        metrics = {name: Estimate(value=value) for name, value in model.metrics.items()}
        return cls(metrics=metrics, num_rows=model.trained.prepared.split_rows.get("test", 0))

    @classmethod
    def of_measured(cls, model: MeasuredModel, num_rows: int) -> QualityBaseline:
        """What a promotion measured of a version, with intervals, on `num_rows`."""
        return cls(metrics=model.metrics, num_rows=num_rows)
