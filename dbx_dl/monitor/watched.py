"""What one look at a scored table is given: settings, the model and what it was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dbx_dl.runtime.tables import suffix_table

if TYPE_CHECKING:
    from pathlib import Path

    from dbx_dl.config import MonitorConfig, ScoreConfig, TrackingConfig
    from dbx_dl.contracts import PreparedTable, QualityBaseline
    from dbx_dl.monitor.watched_model import WatchedModel

FINDINGS_SUFFIX = "_findings"


@dataclass(frozen=True)
class Watched:
    """A scored table, watched by `run`; `prepared` is the baseline, `report` where the page goes (None: no page).

    `quality` is what the model reached on its test split, `quality_by_version` what other versions of it did on theirs.
    """

    run: str
    config: MonitorConfig
    score: ScoreConfig
    tracking: TrackingConfig
    model: WatchedModel
    prepared: PreparedTable
    quality: QualityBaseline | None = None
    quality_by_version: Mapping[int, QualityBaseline] = field(default_factory=dict)
    report: Path | None = None

    @property
    def source(self) -> str:
        """The scored table's name or path."""
        return self.config.source or self.score.table

    @property
    def findings_table(self) -> str:
        """The name or path of the table of findings."""
        return self.config.table or suffix_table(self.source, FINDINGS_SUFFIX)

    @property
    def extra_columns(self) -> tuple[str, ...]:
        """Columns of the source that are asked for beside the model's inputs."""
        config = self.config
        names: list[str | None] = []
        if config.fairness is not None and "fairness" in config.areas:
            names += config.fairness.read_columns
        if config.labels is not None and config.quality.slices is not None and "quality" in config.areas:
            names += (*config.quality.slices.columns, *config.quality.slices.told_columns)
        if "operations" in config.areas:
            names.append(config.operations.source_time)
        return tuple(dict.fromkeys(name for name in names if name is not None))
