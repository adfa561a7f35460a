"""The check of recordings that runs on the executors, on Arrow batches without Spark, and what is told of them."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pytest

from dbx_dl.config import PrepareAudioConfig
from dbx_dl.contracts import AudioSpec, TableStatistics
from dbx_dl.prepare.images.checks import make_checker
from dbx_dl.prepare.outcomes import Outcome
from dbx_dl.prepare.recordings.checks import CHECKED_COLUMNS
from dbx_dl.prepare.recordings.kind import RECORDINGS
from tests.recordings import encode_sound, make_tone

CONFIG = PrepareAudioConfig(source="in", table="out", seconds=0.5, sample_rate=8000, max_file_bytes=20_000)
GOOD = encode_sound(make_tone(440, 16000, 0.25, 0.5), 16000, "FLAC", "PCM_24")
FILES = {
    "good.flac": GOOD,
    "empty.wav": b"",
    "text.wav": b"hello",
    "cut.wav": encode_sound(make_tone(440))[:500],
    "long.wav": encode_sound(make_tone(440, seconds=3)),
}
VERDICTS = (None, "empty", "not_audio", "truncated", "file_too_large")


def test_recordings_are_measured_or_rejected() -> None:
    rows = [{"key": key, "content": data, "reason": None, "detail": None} for key, data in FILES.items()]
    fields = {"key": pa.string(), "content": pa.binary(), "reason": pa.string(), "detail": pa.string()}
    batch = pa.RecordBatch.from_pylist(rows, schema=pa.schema(list(fields.items())))
    (checked,) = make_checker(RECORDINGS.make_check(CONFIG), ["key"])([batch])
    assert checked.schema.names == ["key", *(column.split()[0] for column in CHECKED_COLUMNS.split(", "))]
    found = checked.to_pylist()
    assert tuple(row["_reason"] for row in found) == VERDICTS
    assert all(row["content"] is None and row["_detail"] for row in found[1:])
    good = found[0]
    assert (good["content"], good["sha256"]) == (GOOD, hashlib.sha256(GOOD).hexdigest())
    assert (good["seconds"], good["sample_rate"], good["channels"]) == (0.25, 16000, 1)
    assert (good["format"], good["encoding"], good["size_bytes"]) == ("FLAC", "PCM_24", len(GOOD))
    assert good["peak"] == pytest.approx(0.5, rel=0.01)
    assert good["level"] == pytest.approx(0.5 / np.sqrt(2), rel=0.01)


def measure(**sums: float) -> TableStatistics:
    splits = {"train": 100, "validation": 0, "test": 0}
    zeros = dict.fromkeys(("cut", "padded", "resampled", "silent", "clipped"), 0.0) | {"seconds": 50.0}
    rows = {"train": {"a": 60, "b": 40}}
    return RECORDINGS.measure(CONFIG, Outcome(splits, rows, {}, {}, sums=zeros | sums), 0)  # type: ignore[arg-type]


def test_what_looks_wrong_is_told() -> None:
    plain = measure()
    assert plain.warnings == () and plain.recordings is not None
    assert plain.recordings.mean_seconds == 0.5 and plain.class_rows == {"train": {"a": 60, "b": 40}}
    told = measure(cut=2, padded=30, silent=1, clipped=9, resampled=100)
    assert [sentence.split()[0] for sentence in told.warnings] == ["2", "30", "1", "9"]
    assert measure(clipped=1, padded=1).warnings == ()
    assert TableStatistics.model_validate_json(told.model_dump_json()) == told
    assert "recordings" not in TableStatistics().model_dump()


def test_a_spec_follows_from_the_config() -> None:
    assert RECORDINGS.make_spec(CONFIG) == AudioSpec(sample_rate=8000, num_samples=4000)
    assert RECORDINGS.list_settings(CONFIG)["seconds"] == 0.5
    with pytest.raises(ValueError, match="hold no sample"):
        PrepareAudioConfig(source="in", table="out", seconds=1e-9)
    with pytest.raises(ValueError, match=r"split\.files"):
        PrepareAudioConfig(source="in", table="out", seconds=1, split={"files": {"a": "test"}})
    with pytest.raises(ValueError, match="format"):
        PrepareAudioConfig(source={"format": "coco", "annotations": "a", "root": "b"}, table="out", seconds=1)
