"""What training needs to know of a table of recordings, from narrow columns alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.contracts import RecordingStatistics, TableStatistics
from dbx_dl.prepare.class_weights import weigh_classes

if TYPE_CHECKING:
    from pyspark.sql import Column

    from dbx_dl.config import PrepareAudioConfig
    from dbx_dl.prepare.outcomes import Outcome

# -60 dB, and the largest of 16 bits.
_SILENT_PEAK, _FULL_PEAK = 1e-3, 32767 / 32768
_SHARE_TOLD = 0.01


def recording_sums(config: PrepareAudioConfig) -> dict[str, Column]:
    """What has to be summed over rows for `measure_recordings`."""
    from pyspark.sql import functions as F

    seconds, peak = F.col("seconds"), F.col("peak")
    flags = {
        "cut": seconds > config.seconds + 0.5 / config.sample_rate,
        "padded": seconds < config.seconds / 2,
        "resampled": F.col("sample_rate") != config.sample_rate,
        "silent": peak < _SILENT_PEAK,
        "clipped": peak >= _FULL_PEAK,
    }
    return {"seconds": seconds, **{name: flag.cast("int") for name, flag in flags.items()}}


def measure_recordings(config: PrepareAudioConfig, outcome: Outcome, num_duplicates: int) -> TableStatistics:
    """Statistics from an outcome with `recording_sums`."""
    num_rows, sums = max(1, outcome.num_good), outcome.sums
    found = RecordingStatistics(
        mean_seconds=sums["seconds"] / num_rows,
        num_cut=int(sums["cut"]),
        num_padded=int(sums["padded"]),
        num_resampled=int(sums["resampled"]),
        num_silent=int(sums["silent"]),
        num_clipped=int(sums["clipped"]),
    )
    return TableStatistics(
        class_rows=outcome.class_rows,
        class_weights=weigh_classes(outcome.class_rows["train"]),
        num_duplicates=num_duplicates,
        recordings=found,
        warnings=tuple(_list_warnings(config, found, num_rows, num_duplicates)),
    )


def _list_warnings(
    config: PrepareAudioConfig, found: RecordingStatistics, num_rows: int, num_duplicates: int
) -> list[str]:
    """Sentences about what looks wrong; of clipping and padding only where it is more than a few."""
    few = _SHARE_TOLD * num_rows
    told = [
        (found.num_cut > 0, f"{found.num_cut} recordings are longer than {config.seconds:g} s: their beginning counts"),
        (
            found.num_padded > few,
            f"{found.num_padded} of {num_rows} recordings are less than half as long as `seconds` says: they end in "
            "silence",
        ),
        (found.num_silent > 0, f"{found.num_silent} recordings are silent (below -60 dB)"),
        (
            found.num_clipped > few,
            f"{found.num_clipped} of {num_rows} recordings reach full scale: clipped?",
        ),
        (
            num_duplicates > 0,
            f"{num_duplicates} recordings have the bytes of another one: `duplicates: drop` leaves them out",
        ),
    ]
    return [sentence for is_told, sentence in told if is_told]
