"""What `mlflow.pyfunc` calls: DataFrames and arrays in, a DataFrame out."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dbx_dl.errors import DataError
from dbx_dl.metrics import softmax
from dbx_dl.score.mlflow_flavor import _load_pyfunc
from tests.onnx_models import write_linear_model
from tests.plain_encoding import ALL_KINDS, encode_plainly, make_cells, to_table
from tests.prepared_tables import IMAGES, SPEC, draw_image, encode_png


def test_tables_take_a_frame_with_more_columns_in_any_order(tmp_path: Path) -> None:
    write_linear_model(tmp_path / "m.onnx", SPEC)
    predictor = _load_pyfunc(str(tmp_path / "m.onnx"))
    frame = pd.DataFrame({"colour": ["red", None], "z": [0, 0], "y": [1, 2], "x": [0.5, None]}, index=[7, 9])
    found = predictor.predict(frame)
    assert list(found.columns) == ["label", "probability", "probabilities", "error"]
    assert found.index.tolist() == [7, 9] and found["label"].notna().all()
    plain = predictor.predict({"x": [0.5, None], "y": [1, 2], "colour": ["red", None]})
    assert plain["probability"].tolist() == found["probability"].tolist()
    with pytest.raises(DataError, match="missing are x"):
        predictor.predict(frame.drop(columns="x"))


def test_every_kind_of_column_in_a_frame(tmp_path: Path) -> None:
    weights = write_linear_model(tmp_path / "m.onnx", ALL_KINDS)
    cells = make_cells(40)
    expected = softmax(encode_plainly(ALL_KINDS, cells).astype(np.float32) @ weights)
    frame = to_table(ALL_KINDS, cells).to_pandas()
    predictor = _load_pyfunc(str(tmp_path / "m.onnx"))
    for given in (frame, frame.assign(when=frame["when"].dt.tz_localize(None))):
        found = predictor.predict(given)
        np.testing.assert_allclose(np.stack(found["probabilities"]), expected, atol=1e-5)


def test_images_take_bytes_or_pixels(tmp_path: Path) -> None:
    weights = write_linear_model(tmp_path / "m.onnx", IMAGES)
    predictor = _load_pyfunc(str(tmp_path / "m.onnx"))
    pixels_nhwc = np.stack([draw_image(row, row % 2) for row in range(3)])[..., None]
    expected = softmax(pixels_nhwc.reshape(3, -1).astype(np.float32) / 255 @ weights)
    contents = [encode_png(pixels[..., 0]) for pixels in pixels_nhwc]
    for given in (pixels_nhwc, {"pixels": pixels_nhwc}, pd.DataFrame({"content": contents})):
        found = predictor.predict(given)
        np.testing.assert_allclose(np.stack(found["probabilities"]), expected, atol=1e-6)
    broken = predictor.predict(pd.DataFrame({"content": [contents[0], b"x"]}))
    assert broken["label"].isna().tolist() == [False, True] and broken["error"][1].startswith("not_an_image")
    with pytest.raises(DataError, match=r"must be uint8 \(N, 6, 5, 1\), got float64"):
        predictor.predict(pixels_nhwc / 255)


def test_no_rows_give_an_empty_frame(tmp_path: Path) -> None:
    write_linear_model(tmp_path / "m.onnx", IMAGES)
    predictor = _load_pyfunc(str(tmp_path / "m.onnx"))
    for given in (np.empty((0, 6, 5, 1), np.uint8), pd.DataFrame({"content": []})):
        found = predictor.predict(given)
        assert list(found.columns) == ["label", "probability", "probabilities", "error"] and len(found) == 0
