"""Recordings of any source become a Delta table of checked bytes with labels and splits, and stay up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.config import PrepareAudioConfig
from dbx_dl.prepare.images.prepare import bring_in
from dbx_dl.prepare.images.sources.formats import find_files
from dbx_dl.prepare.recordings.kind import RECORDINGS
from dbx_dl.prepare.settings import require_section
from dbx_dl.runtime.connect import is_connect
from dbx_dl.transforms.audio import load_decoder

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dbx_dl.contracts import PreparedTable


def prepare_audio(spark: SparkSession, config: PrepareAudioConfig) -> PreparedTable:
    """Check every recording of `config.source` and bring the table `config.table` up to date with the usable ones.

    Columns: key, path, content (the bytes as they came), label, label_index, seconds, sample_rate, channels, encoding
    and format (of the file), size_bytes, sha256, split, modified_at, prepared_at, peak and level (of the samples that
    a model takes), and the source's own columns. Unusable recordings go to `<table>_rejects` with a reason
    (`transforms.audio.UndecodableAudioError` and the sources list the codes). What `prepare_images` says of updates and
    errors holds here too. SetupError, before any job, where recordings cannot be decoded; on Spark Connect, whose
    client decodes nothing, the executors tell.
    """
    require_section(config, PrepareAudioConfig)
    if not is_connect(spark):
        load_decoder()
    return bring_in(spark, config, lambda: find_files(spark, config.source), RECORDINGS)
