"""Masks are PNG images beside shares by label, and can be read back."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
from PIL import Image

from dbx_dl.contracts import ImageSpec, Target
from dbx_dl.metrics.masks import choose_labels
from dbx_dl.register.model_folder import describe_signature
from dbx_dl.score.outputs.masks import MaskImages, read_masks
from dbx_dl.score.outputs.structs import prediction_fields, to_structs
from tests.onnx_models import make_metadata

NAMES = ("cat", "dog")
METADATA = make_metadata(ImageSpec(height=3, width=4, channels=1), NAMES).model_copy(
    update={"target": Target(task="segmentation", column="label", label_names=NAMES, grid=(3, 4))}
)
PROBABILITIES = np.random.default_rng(6).dirichlet(np.ones(3), (5, 3, 4)).astype(np.float32)


def test_masks_become_images_and_masks_again() -> None:
    masks = choose_labels(PROBABILITIES)
    built = MaskImages("mask", NAMES).build(PROBABILITIES, {"mask", "areas"})
    np.testing.assert_array_equal(read_masks(pa.chunked_array([built["mask"]]), (3, 4)), masks)
    assert Image.open(io.BytesIO(built["mask"][0].as_py())).size == (4, 3)
    for row, areas in enumerate(built["areas"].to_pylist()):
        assert dict(areas) == {name: float((masks[row] == place).mean()) for place, name in enumerate(NAMES, start=1)}


def test_rows_with_errors_have_none() -> None:
    rows = to_structs({"mask": PROBABILITIES}, {2: "truncated: …"}, METADATA).to_pylist()
    assert rows[2] == {"mask": None, "areas": None, "error": "truncated: …"} and rows[1]["error"] is None
    empty = to_structs({"mask": PROBABILITIES[:0]}, {}, METADATA)
    assert len(empty) == 0 and read_masks(pa.chunked_array([empty.field("mask")]), (3, 4)).shape == (0, 3, 4)


def test_fields_and_signature() -> None:
    assert prediction_fields(METADATA) == {"mask": "binary", "areas": "map<string,double>", "error": "string"}
    mask, areas, _ = describe_signature(METADATA).outputs.to_dict()
    assert (mask["type"], areas["type"]) == ("binary", "map")
