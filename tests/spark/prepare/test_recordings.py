"""Recordings of folders and tables become a prepared table, are kept up to date, and are drawn."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import deltalake
import numpy as np
import pytest

from dbx_dl.config import PrepareAudioConfig
from dbx_dl.contracts import AudioSpec, PreparedTable, RecordingStatistics
from dbx_dl.errors import DataError
from dbx_dl.prepare.images.samples import draw_file_samples
from dbx_dl.prepare.recordings.prepare import prepare_audio
from tests.recordings import encode_sound, make_tone
from tests.spark.prepare.sources import write_files

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOW, HIGH = (encode_sound(make_tone(hertz, seconds=0.2)) for hertz in (300, 2000))
FILES = {
    **{f"low/{number}.wav": encode_sound(make_tone(300 + number, seconds=0.2)) for number in range(6)},
    **{f"high/{number}.flac": encode_sound(make_tone(2000, 16000, 0.2), 16000, "FLAC") for number in range(2)},
    "high/long.wav": encode_sound(make_tone(2000, seconds=1)),
    "high/silent.wav": encode_sound(np.zeros(1600)),
    "high/clipped.wav": encode_sound(make_tone(2000, seconds=0.2, peak=1.5)),
    "high/cut.wav": LOW[:200],
    "low/note.wav": b"hello",
    "top.wav": LOW,
}


def configure(place: Path, **changes: Any) -> PrepareAudioConfig:
    values = {"source": str(place / "in"), "table": str(place / "out"), "seconds": 0.2, "sample_rate": 8000}
    return PrepareAudioConfig.model_validate({**values, "duplicates": "report", **changes})


def read_rows(prepared: PreparedTable) -> dict[str, dict[str, Any]]:
    table = deltalake.DeltaTable(prepared.table.path, version=prepared.table.version)
    return {row["key"]: row for row in table.to_pyarrow_table().to_pylist()}


def test_a_folder_is_prepared_and_brought_up_to_date(spark: SparkSession, tmp_path: Path) -> None:
    write_files(tmp_path / "in", FILES)
    first = prepare_audio(spark, configure(tmp_path))
    assert first.inputs == AudioSpec(sample_rate=8000, num_samples=1600)
    assert (first.target.task, first.target.label_names) == ("binary", ("high", "low"))
    assert first.reject_reasons == {"truncated": 1, "not_audio": 1, "no_label": 1}
    rows = read_rows(first)
    assert {key: row["content"] for key, row in rows.items()} == {key: FILES[key] for key in rows}
    assert len(rows) == len(FILES) - 3
    flac = rows["high/0.flac"]
    assert (flac["format"], flac["sample_rate"], flac["seconds"]) == ("FLAC", 16000, 0.2)
    assert flac["peak"] == pytest.approx(0.5, abs=0.02) and rows["high/silent.wav"]["peak"] == 0
    found = first.statistics.recordings
    assert found is not None and found.mean_seconds == pytest.approx((10 * 0.2 + 1) / 11)
    counts = found.model_dump(exclude={"mean_seconds"})
    assert counts == {"num_cut": 1, "num_padded": 0, "num_resampled": 2, "num_silent": 1, "num_clipped": 1}
    assert [sentence.split()[0] for sentence in first.statistics.warnings] == ["1", "1", "1", "1"]
    assert first.statistics.num_duplicates == 1
    assert draw_file_samples(spark, first, tmp_path / "drawn.png").stat().st_size > 1000
    assert prepare_audio(spark, configure(tmp_path)) == first

    changed = tmp_path / "in" / "high" / "long.wav"
    changed.write_bytes(HIGH)
    os.utime(changed, (changed.stat().st_mtime + 5,) * 2)
    second = prepare_audio(spark, configure(tmp_path))
    assert isinstance(second.statistics.recordings, RecordingStatistics)
    assert (second.num_rows, second.statistics.recordings.num_cut) == (11, 0)
    assert {key: row["split"] for key, row in read_rows(second).items()} == {k: r["split"] for k, r in rows.items()}
    with pytest.raises(DataError, match=r"was prepared with seconds = 0\.2, not 0\.5"):
        prepare_audio(spark, configure(tmp_path, seconds=0.5))


@pytest.mark.matrix
def test_a_table_is_prepared_with_several_labels(spark: SparkSession, tmp_path: Path) -> None:
    rows = [("a", LOW, ["low"], 1.7), ("b", HIGH, ["high"], 1.8), ("c", LOW, ["high", "low"], 1.6), ("d", b"", [], 1.5)]
    frame = spark.createDataFrame(rows, "path string, content binary, label array<string>, height double")
    frame.write.format("delta").save(str(tmp_path / "rows"))
    source = {"format": "table", "table": str(tmp_path / "rows")}
    split = {"train": 0.9, "validation": 0.05, "test": 0.05}
    prepared = prepare_audio(spark, configure(tmp_path, source=source, split=split, duplicates="drop"))
    assert (prepared.target.task, prepared.target.label_names) == ("multilabel", ("high", "low"))
    assert prepared.reject_reasons == {"empty": 1, "duplicate_content": 1}
    assert {key: row["height"] for key, row in read_rows(prepared).items()} == {"a": 1.7, "b": 1.8}
    taken = frame.withColumnRenamed("height", "peak")
    taken.write.format("delta").save(str(tmp_path / "taken"))
    with pytest.raises(DataError, match="'peak', but this name is taken"):
        other = {"source": {**source, "table": str(tmp_path / "taken")}, "table": str(tmp_path / "other")}
        prepare_audio(spark, configure(tmp_path, **other))
