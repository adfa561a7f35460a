"""Sessions are checked, cached, and refuse files that are not ours."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from dbx_dl.errors import DataError
from dbx_dl.metrics import softmax
from dbx_dl.score.model.session import digest_file, open_model
from tests.onnx_models import make_network, make_weights, write_linear_model
from tests.prepared_tables import IMAGES, SPEC


def test_a_session_gives_the_networks_probabilities(tmp_path: Path) -> None:
    weights = write_linear_model(tmp_path / "m.onnx", IMAGES)
    session = open_model(tmp_path / "m.onnx")
    pixels_nhwc = np.random.default_rng(0).integers(0, 256, (3, 6, 5, 1), np.uint8)
    expected = softmax(pixels_nhwc.reshape(3, -1).astype(np.float32) / 255 @ weights)
    np.testing.assert_allclose(session.predict({"pixels": pixels_nhwc}), expected, atol=1e-6)
    assert session.label_names == ("down", "up")
    assert session.metadata.inputs == IMAGES


def test_one_session_per_content_and_threads(tmp_path: Path) -> None:
    write_linear_model(tmp_path / "a.onnx", SPEC)
    (tmp_path / "b.onnx").write_bytes((tmp_path / "a.onnx").read_bytes())
    write_linear_model(tmp_path / "other.onnx", SPEC, seed=1)
    first = open_model(tmp_path / "a.onnx")
    assert open_model(tmp_path / "b.onnx") is first
    assert open_model(tmp_path / "b.onnx", digest_file(tmp_path / "b.onnx")) is first
    assert open_model(tmp_path / "a.onnx", num_threads=2) is not first
    assert open_model(tmp_path / "other.onnx") is not first


def test_another_file_than_expected_is_refused(tmp_path: Path) -> None:
    write_linear_model(tmp_path / "m.onnx", SPEC)
    with pytest.raises(DataError, match=r"SHA-256 is .* expected 0000"):
        open_model(tmp_path / "m.onnx", "0" * 64)


def test_files_of_others_and_absent_files_are_refused(tmp_path: Path) -> None:
    onnx.save_model(make_network(SPEC, make_weights(SPEC, 2)), str(tmp_path / "foreign.onnx"))
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(DataError, match="not exported by dbx_dl"):
        open_model(tmp_path / "foreign.onnx")
    with pytest.raises(DataError, match="cannot be loaded as an ONNX model"):
        open_model(tmp_path / "text.onnx")
    with pytest.raises(DataError, match="cannot read the model file"):
        open_model(tmp_path / "absent.onnx")


def test_metadata_of_another_version_is_refused(tmp_path: Path) -> None:
    model = make_network(SPEC, make_weights(SPEC, 2))
    onnx.helper.set_model_props(model, {"dbx_dl": '{"inputs": 1}'})
    onnx.save_model(model, str(tmp_path / "m.onnx"))
    with pytest.raises(DataError, match="another version of dbx_dl"):
        open_model(tmp_path / "m.onnx")
