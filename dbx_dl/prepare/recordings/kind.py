"""What preparing files asks of their kind, answered for recordings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbx_dl.contracts import AudioSpec
from dbx_dl.prepare.recordings.checks import RecordingCheck
from dbx_dl.prepare.recordings.statistics import measure_recordings, recording_sums

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from dbx_dl.config import PrepareAudioConfig
    from dbx_dl.contracts import Distributions, PreparedTable, TableStatistics, Target
    from dbx_dl.prepare.outcomes import Outcome


class RecordingKind:
    """Recordings; see `images.kind.FileKind`."""

    noun = "recording"
    columns = (
        "key",
        "path",
        "content",
        "label",
        "label_index",
        "seconds",
        "sample_rate",
        "channels",
        "encoding",
        "format",
        "size_bytes",
        "sha256",
        "split",
        "modified_at",
        "prepared_at",
        "peak",
        "level",
    )
    measures = ("seconds", "sample_rate", "peak")

    def make_spec(self, config: PrepareAudioConfig) -> AudioSpec:
        """One channel of so many samples."""
        return AudioSpec(sample_rate=config.sample_rate, num_samples=config.num_samples)

    def make_check(self, config: PrepareAudioConfig) -> RecordingCheck:
        """Stored as they came."""
        return RecordingCheck(self.make_spec(config), config.max_file_bytes)

    def list_settings(self, config: PrepareAudioConfig) -> dict[str, Any]:
        """All that decides about samples and splits."""
        names = {"seconds", "sample_rate", "max_file_bytes", "split", "task", "label_text"}
        return {"kind": "audio", **config.model_dump(mode="json", include=names)}

    def list_sums(self, config: PrepareAudioConfig) -> dict[str, Column]:
        """Lengths, and how many recordings are special."""
        return recording_sums(config)

    def measure(self, config: PrepareAudioConfig, outcome: Outcome, num_duplicates: int) -> TableStatistics:
        """Lengths, and what looks wrong."""
        return measure_recordings(config, outcome, num_duplicates)

    def distribute(
        self, config: PrepareAudioConfig, train: DataFrame, earlier: PreparedTable | None
    ) -> Distributions | None:
        """Not watched."""
        del config, train, earlier
        return None

    def aim(self, config: PrepareAudioConfig, target: Target) -> Target:
        """As it is."""
        del config
        return target


RECORDINGS = RecordingKind()
