"""What the driver hands to the ranks, and what they hand back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dbx_dl.config import FrameworkName, TrainConfig
from dbx_dl.contracts import Calibration, Contract, EpochMetrics, FileDigest, PreparedTable, Threshold


class TrainingJob(Contract):
    """Everything that a rank process needs to know; training goes on from the checkpoint in `start`, if any.

    `launch` counts from 1, see `RunDirectory`.
    """

    prepared: PreparedTable
    config: TrainConfig
    framework: FrameworkName
    directory: str
    start: str | None = None
    launch: int = 1


class TrainingResult(Contract):
    """What rank 0 writes when training has ended; `metrics` are the test split's at the best epoch."""

    history: tuple[EpochMetrics, ...]
    best_epoch: int
    metrics: dict[str, float]
    rows_per_second: float
    weights: FileDigest
    versions: dict[str, str]
    calibration: Calibration | None = None
    threshold: Threshold | None = None


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings become dotted names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= flatten(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat
