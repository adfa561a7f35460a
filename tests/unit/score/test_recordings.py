"""A model of recordings scores bytes: decoded in threads, null and broken ones with an error of their own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pyarrow as pa
import pytest

from dbx_dl.config import PrepareAudioConfig, ScoreConfig, TrackingConfig
from dbx_dl.errors import ConfigError, SetupError
from dbx_dl.export.inspection import inspect_model, list_facts
from dbx_dl.metrics import softmax
from dbx_dl.prepare.images.checks import make_checker
from dbx_dl.prepare.recordings.checks import RecordingCheck
from dbx_dl.prepare.recordings.prepare import prepare_audio
from dbx_dl.register.model_folder import describe_signature
from dbx_dl.score.executors import check_decoder
from dbx_dl.score.inputs.audio_binding import RecordingBinding
from dbx_dl.score.inputs.binding import count_batch_rows
from dbx_dl.score.mlflow_flavor import OnnxPredictor
from dbx_dl.score.model.own_models import plan_own
from dbx_dl.score.model.session import ModelSession, open_model
from dbx_dl.score.predictions import predict_structs
from dbx_dl.score.tables.stream import score_stream
from dbx_dl.transforms.audio import decode_audio
from tests.onnx_models import write_linear_model
from tests.prepared_tables import RECORDINGS
from tests.recordings import encode_sound, make_tone

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FILES = [encode_sound(make_tone(200 + 50 * row, 16000, 0.2), 16000, ("WAV", "FLAC")[row % 2]) for row in range(40)]
SAMPLES = np.stack([decode_audio(data, RECORDINGS) for data in FILES])


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelSession, np.ndarray]:
    """A linear model on samples, and the probabilities that it must give for FILES."""
    path = tmp_path_factory.mktemp("model") / "m.onnx"
    weights = write_linear_model(path, RECORDINGS)
    return open_model(path), softmax(SAMPLES.astype(np.float32) @ weights)


def test_bytes_are_scored_and_bad_rows_have_errors(scored: tuple[ModelSession, np.ndarray]) -> None:
    session, expected = scored
    content = [*FILES, None, b"", b"hello", FILES[0][:300]]
    batch = pa.RecordBatch.from_pydict({"content": pa.array(content, pa.binary())})
    rows = [row for part in predict_structs(session, batch) for row in part.to_pylist()]
    np.testing.assert_allclose([row["probabilities"] for row in rows[:40]], expected, atol=1e-4)
    assert [row["error"] for row in rows[:40]] == [None] * 40
    starts = ("null: column 'content'", "empty: ", "not_audio: ", "truncated: ")
    assert [row["error"].startswith(start) for row, start in zip(rows[40:], starts, strict=True)] == [True] * 4
    assert {row["label"] for row in rows[40:]} == {None}


def test_threads_decode_the_same(scored: tuple[ModelSession, np.ndarray]) -> None:
    batch = pa.RecordBatch.from_pydict({"content": pa.array([*FILES, b"", *FILES], pa.binary())})
    plan = plan_own(scored[0].metadata).with_threads(3)
    (binding,) = plan.bindings
    assert isinstance(binding, RecordingBinding) and binding.num_threads == 3
    assert plan.is_slow_to_bind and plan.max_tuned_rows == plan.max_rows
    bound = binding.bind(batch)
    assert list(bound.errors) == [40] and len(bound.rows) == 80
    np.testing.assert_array_equal(bound.inputs["samples"], np.concatenate([SAMPLES, SAMPLES]))
    assert count_batch_rows(RECORDINGS) == 4096


def test_a_machine_without_the_decoder_is_told(
    monkeypatch: pytest.MonkeyPatch, scored: tuple[ModelSession, np.ndarray]
) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    batch = pa.RecordBatch.from_pydict({"content": pa.array(FILES[:1], pa.binary())})
    with pytest.raises(SetupError, match="recordings cannot be decoded here"):
        list(predict_structs(scored[0], batch))
    with pytest.raises(SetupError, match=r"dbx_dl\[audio\]"):
        check_decoder(cast("SparkSession", None), scored[0].plan)
    with pytest.raises(SetupError, match=r"dbx_dl\[audio\]"):
        prepare_audio(cast("SparkSession", None), PrepareAudioConfig(source="in", table="out", seconds=1))
    rows = [{"content": FILES[0], "reason": None, "detail": None}]
    with pytest.raises(SetupError):
        list(make_checker(RecordingCheck(RECORDINGS, 10**6), [])([pa.RecordBatch.from_pylist(rows)]))


def test_what_the_file_and_mlflow_say_of_it(tmp_path: Path, scored: tuple[ModelSession, np.ndarray]) -> None:
    session, expected = scored
    write_linear_model(tmp_path / "m.onnx", RECORDINGS)
    facts = inspect_model(tmp_path / "m.onnx")
    (samples,) = facts.inputs
    assert (samples.name, samples.dtype, samples.shape) == ("samples", "int16", (None, 800))
    assert dict(list_facts(facts))["takes"] == "recordings of column 'content', 800 samples of 8,000 Hz"
    (column,) = describe_signature(session.metadata).inputs.inputs
    assert (column.name, str(column.type)) == ("content", "DataType.binary")
    frame = OnnxPredictor(session).predict({"content": FILES[:3]})
    np.testing.assert_allclose(np.stack(frame["probabilities"]), expected[:3], atol=1e-4)


def test_a_stream_may_be_of_recordings() -> None:
    config = ScoreConfig(
        source="in",
        source_format="audio",
        model="m.onnx",
        table="out",
        write="replace",
        stream={"checkpoint": "c"},  # type: ignore[arg-type]
    )
    with pytest.raises(ConfigError, match="`write: replace` cannot be streamed"):
        score_stream(cast("SparkSession", None), config, tracking=TrackingConfig())
