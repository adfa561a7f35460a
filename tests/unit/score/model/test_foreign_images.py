"""Image models of others: layouts, scaling and sizes from the file's shape or the options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dbx_dl.config.score_options import ScoreOptions
from dbx_dl.contracts import ImageSpec
from dbx_dl.errors import ConfigError
from dbx_dl.score.inputs.file_decoding import decode_rows
from dbx_dl.score.model.planning import plan_model
from dbx_dl.score.model.session import ModelSession, open_session
from dbx_dl.score.predictions import predict_batches, predict_structs
from tests import foreign_models as foreign
from tests.foreign_models import FLOAT, UINT8
from tests.image_bytes import encode_pixels
from tests.onnx_models import write_linear_model
from tests.prepared_tables import IMAGES, draw_image, encode_png


def open_with(path: str, **image: Any) -> ModelSession:
    session = open_session(path)
    return session.with_plan(plan_model(session, ScoreOptions.model_validate({"image": image})))


def to_batch(contents: list[Any], name: str = "content") -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(contents, pa.binary())], [name])


def draw_colours(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (6, 5, 3), np.uint8)


def test_pixels_reach_the_input_in_its_layout_order_and_range(tmp_path: Path) -> None:
    path = foreign.write_picture_means(tmp_path / "m.onnx", [3, 6, 5])
    images = [draw_colours(seed) for seed in range(3)]
    batch = to_batch([encode_pixels(pixels) for pixels in images], "picture")
    means = np.stack([pixels.reshape(-1, 3).mean(axis=0) for pixels in images])
    plain = [
        row["channels"]
        for part in predict_structs(open_with(path, column="picture"), batch)
        for row in part.to_pylist()
    ]
    np.testing.assert_allclose(plain, means / 255, rtol=1e-5)
    options = {"channel_order": "bgr", "scale": 1.0, "mean": (1.0, 2.0, 3.0), "std": (4.0, 5.0, 6.0)}
    (part,) = predict_structs(open_with(path, column="picture", **options), batch)
    expected = (means[:, ::-1] - [1, 2, 3]) / [4, 5, 6]
    np.testing.assert_allclose([row["channels"] for row in part.to_pylist()], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("shape", "dtype", "image", "expected"),
    [
        ([6, 5, 3], UINT8, {}, (6, 5, 3)),
        ([6, 5], FLOAT, {"scale": 1.0}, (6, 5)),
        ([3, "h", "w"], FLOAT, {"height": 6, "width": 5, "scale": 1.0}, (3, 6, 5)),
        ([1, 6, 3], FLOAT, {"layout": "nchw", "scale": 1.0}, (1, 6, 3)),
    ],
)
def test_sizes_and_layout_from_the_shape_or_the_options(
    tmp_path: Path, shape: list, dtype: int, image: dict, expected: tuple[int, ...]
) -> None:
    session = open_with(foreign.write_identity(tmp_path / "m.onnx", dtype, shape), **image)
    binding = session.plan.bindings[0]
    pixels = draw_colours(1)
    bound = binding.bind(to_batch([encode_pixels(pixels)]))
    found = bound.inputs["x"]
    assert found.shape == (1, *expected) and found.flags["C_CONTIGUOUS"]
    if expected == (6, 5, 3):
        np.testing.assert_array_equal(found[0], pixels)
    elif expected == (3, 6, 5):
        np.testing.assert_array_equal(found[0], pixels.transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("shape", "image", "message"),
    [
        ([3, 6, 3], {}, "image.layout must be given"),
        ([3, "h", 5], {}, "image.height must be given"),
        ([3, 6, 5], {"width": 4}, "image.width is 4, but the model's input is x: float32"),
        ([3, 6, 5], {"mean": (1.0,), "std": (1.0, 2.0)}, "one number per channel"),
        ([4, 6, 5], {"layout": "nchw"}, "images have 1 or 3 channels"),
        ([6], {}, "the model has no input for images"),
    ],
)
def test_what_shape_and_options_leave_open_is_asked_for(tmp_path: Path, shape: list, image: dict, message: str) -> None:
    path = foreign.write_identity(tmp_path / "m.onnx", FLOAT, shape)
    with pytest.raises((ConfigError, ValueError), match=message):
        open_with(path, **image)


def test_threads_decode_what_one_thread_decodes() -> None:
    contents = [encode_png(draw_image(row, row % 2)) for row in range(40)]
    contents[3], contents[25], contents[39] = None, b"", b"text"
    column = pa.array(contents, pa.binary())
    one, several = (np.zeros((40, 6, 5, 1), np.uint8) for _ in range(2))
    errors = decode_rows(column, IMAGES, one)
    assert decode_rows(column, IMAGES, several, num_threads=3) == errors and sorted(errors) == [3, 25, 39]
    np.testing.assert_array_equal(one, several)


def test_decoding_goes_on_beside_the_model_in_the_order_of_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_linear_model(tmp_path / "m.onnx", IMAGES)
    session = open_session(tmp_path / "m.onnx")
    session = session.with_plan(session.plan)
    contents = [encode_png(draw_image(row, row % 2)) for row in range(30)]
    (whole,) = predict_structs(session, to_batch(contents))
    taken: list[int] = []

    def give_batches() -> Any:
        for start in range(0, 30, 10):
            taken.append(start)
            yield to_batch(contents[start : start + 10])

    found = []
    for part in predict_batches(session, give_batches()):
        found += part.to_pylist()
        assert len(taken) == min(3, len(found) // 10 + 1)  # the next is being decoded already
    assert [row["label"] for row in found] == [row["label"] for row in whole.to_pylist()]


def test_a_large_image_is_not_taken_in_thousands() -> None:
    spec = ImageSpec(height=1024, width=1024, channels=3)
    from dbx_dl.score.inputs.image_binding import ImageBinding, PixelScaling
    from dbx_dl.score.model.plan import ScorePlan

    plan = ScorePlan((ImageBinding("x", spec, PixelScaling(dtype="float32")),), ())
    assert plan.max_rows == 16 * 2**20 // (4 * 3 * 1024 * 1024)
