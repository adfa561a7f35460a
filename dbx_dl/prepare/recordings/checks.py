"""Every recording decoded once: how long it is, how loud, or why it is not usable."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbx_dl.prepare.outcomes import DETAIL, REASON
from dbx_dl.transforms.audio import open_audio

if TYPE_CHECKING:
    from dbx_dl.contracts import AudioSpec

CHECKED_COLUMNS = (
    "content binary, seconds double, sample_rate int, channels int, encoding string, format string, size_bytes long, "
    f"sha256 string, peak double, level double, {REASON} string, {DETAIL} string"
)


@dataclass(frozen=True)
class RecordingCheck:
    """The check of recordings, see `images.checks.FileCheck`; they are stored as they came.

    Good ones have the file's own length in seconds, sample_rate, channels, encoding, format, size_bytes and sha256, and
    of the samples that a model takes the peak (1 is full scale, before anything is clipped) and the root mean square
    `level` up to the end of the recording.
    """

    spec: AudioSpec
    max_file_bytes: int
    columns: str = CHECKED_COLUMNS

    def describe(self, data: bytes) -> dict[str, Any]:
        """See `FileCheck`."""
        import numpy as np

        opened = open_audio(data, self.spec)
        sound = opened.sound[: self.spec.num_samples]
        return {
            "content": data,
            "seconds": opened.info.seconds,
            "sample_rate": opened.info.sample_rate,
            "channels": opened.info.channels,
            "encoding": opened.info.encoding,
            "format": opened.info.format,
            "sha256": hashlib.sha256(data).hexdigest(),
            "peak": float(np.abs(sound).max()),
            "level": float(np.sqrt(np.mean(sound**2))),
        }
