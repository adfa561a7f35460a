"""Lists of boxes hold what is kept of candidates, in the types that Spark and MLflow expect, and can be read back."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from dbx_dl.contracts import ImageSpec, Target
from dbx_dl.metrics.boxes import box_metrics, keep_boxes
from dbx_dl.register.model_folder import describe_signature
from dbx_dl.score.outputs.box_lists import BOX_LISTS, BoxLists, read_boxes
from dbx_dl.score.outputs.structs import prediction_fields, to_structs
from tests.onnx_models import make_metadata

NAMES = ("cat", "dog")
IMAGES = ImageSpec(height=8, width=8, channels=1)
METADATA = make_metadata(IMAGES, NAMES).model_copy(
    update={"target": Target(task="boxes", column="label", label_names=NAMES, grid=(2, 2), max_boxes=3)}
)


def draw_candidates(num_rows: int) -> np.ndarray:
    random = np.random.default_rng(6)
    found = random.uniform(size=(num_rows, 4, 7))
    found[..., 3:5] *= 0.4
    found[..., 0] **= 4
    return found.astype(np.float32)


def test_boxes_become_lists_and_candidates_again() -> None:
    candidates = draw_candidates(20)
    lists = BoxLists("boxes", NAMES).build(candidates, {"boxes"})["boxes"]
    kept = keep_boxes(candidates)
    assert len(lists) == 20 and len(lists.flatten()) == len(kept.rows) > 10
    first = lists.to_pylist()[kept.rows[0]][0]
    assert first["label"] == NAMES[kept.labels[0]] and first["probability"] == kept.probabilities[0]
    again = keep_boxes(read_boxes(pa.chunked_array([lists]), NAMES))
    for name in ("rows", "labels", "probabilities", "boxes"):
        np.testing.assert_array_equal(getattr(again, name), getattr(kept, name))
    truth = np.zeros((20, 2, 5), np.float32)
    truth[:, 0] = [1, 0.2, 0.2, 0.4, 0.4]
    assert box_metrics(truth, read_boxes(pa.chunked_array([lists]), NAMES)) == box_metrics(truth, candidates)


def test_rows_without_boxes_have_empty_lists_and_errors_have_none() -> None:
    candidates = draw_candidates(3)
    candidates[1, :, 0] = 0
    structs = to_structs({"boxes": candidates}, {2: "truncated: …"}, METADATA)
    rows = structs.to_pylist()
    assert rows[0]["boxes"] and rows[1] == {"boxes": [], "error": None}
    assert rows[2] == {"boxes": None, "error": "truncated: …"}
    assert read_boxes(pa.chunked_array([structs.field("boxes")[1:2]]), NAMES).shape == (1, 0, 7)


def test_fields_and_signature_say_what_a_box_has() -> None:
    assert prediction_fields(METADATA) == {"boxes": BOX_LISTS, "error": "string"}
    boxes, error = describe_signature(METADATA).outputs.to_dict()
    assert (boxes["name"], boxes["type"], error["name"]) == ("boxes", "array", "error")
    assert set(boxes["items"]["properties"]) == {"label", "probability", "x", "y", "width", "height"}
