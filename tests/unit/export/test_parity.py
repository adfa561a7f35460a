"""The gates: wrong exports are caught, each by name."""

from pathlib import Path

import numpy as np
import onnx
import pyarrow as pa
import pytest
from onnx import helper, numpy_helper

from dbx_dl.contracts import ImageSpec
from dbx_dl.errors import ExportError
from dbx_dl.export.onnx_model import write_model
from dbx_dl.export.parity import check_batch_sizes, measure_parity
from dbx_dl.score.session import ModelSession, open_model
from tests.onnx_models import make_metadata, make_network, make_weights
from tests.prepared_tables import IMAGES, draw_image, encode_png

NAMES = ("dark", "bright")
WEIGHTS = make_weights(IMAGES, 2)


def open_network(path: Path, network: onnx.ModelProto, inputs: ImageSpec = IMAGES) -> ModelSession:
    write_model(network, make_metadata(inputs, NAMES), path)
    return open_model(path)


def raw_rows(num_rows: int) -> tuple[pa.RecordBatch, list[str], np.ndarray]:
    """Raw rows, keys, and the logits of the network with WEIGHTS."""
    images = [draw_image(row, row % 2) for row in range(num_rows)]
    contents = pa.array([encode_png(pixels) for pixels in images], pa.binary())
    logits_nc = np.stack(images).reshape(num_rows, -1).astype(np.float32) / 255 @ WEIGHTS
    return pa.RecordBatch.from_arrays([contents], ["content"]), [f"{row}.png" for row in range(num_rows)], logits_nc


def test_the_right_file_passes(tmp_path: Path) -> None:
    rows, keys, logits_nc = raw_rows(20)
    session = open_network(tmp_path / "m.onnx", make_network(IMAGES, WEIGHTS))
    check_batch_sizes(session, rows, 1e-4)
    parity = measure_parity(session, rows, keys, logits_nc, 1e-4)
    assert parity.num_rows == 20 and parity.share_equal_classes == 1.0
    assert 0 <= parity.max_abs_difference < 1e-5


def test_few_rows_still_test_every_batch_size(tmp_path: Path) -> None:
    session = open_network(tmp_path / "m.onnx", make_network(IMAGES, WEIGHTS))
    check_batch_sizes(session, raw_rows(1)[0], 1e-4)
    network = make_network(IMAGES, WEIGHTS)
    network.graph.initializer.append(numpy_helper.from_array(np.array([1, 30]), "frozen"))
    network.graph.node[2].CopyFrom(helper.make_node("Reshape", ["scaled", "frozen"], ["flat"]))
    frozen = open_network(tmp_path / "frozen.onnx", network)
    with pytest.raises(ExportError, match="fails on a batch of 2 rows"):
        check_batch_sizes(frozen, raw_rows(1)[0], 1e-4)


def test_rows_that_depend_on_each_other_are_caught(tmp_path: Path) -> None:
    network = make_network(IMAGES, WEIGHTS)
    network.graph.node[3].output[0] = "product"
    network.graph.initializer.append(numpy_helper.from_array(np.array([0]), "axis"))
    network.graph.node.extend(
        [
            helper.make_node("ReduceMean", ["product", "axis"], ["mean"], keepdims=1),
            helper.make_node("Sub", ["product", "mean"], ["logits"]),
        ]
    )
    session = open_network(tmp_path / "m.onnx", network)
    with pytest.raises(ExportError, match="in batches of 2 than for single rows"):
        check_batch_sizes(session, raw_rows(4)[0], 1e-4)


@pytest.mark.parametrize("wrong", ["scale", "flipped", "swapped labels"])
def test_a_wrong_export_is_caught_and_named(tmp_path: Path, wrong: str) -> None:
    weights = WEIGHTS[:, ::-1] if wrong == "swapped labels" else WEIGHTS
    weights = weights[::-1] if wrong == "flipped" else weights
    network = make_network(IMAGES, np.ascontiguousarray(weights))
    if wrong == "scale":
        network.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.float32(127.5), "scale"))
    session = open_network(tmp_path / "m.onnx", network)
    rows, keys, logits_nc = raw_rows(6)
    with pytest.raises(
        ExportError, match=r"row '0.png', label '(dark|bright)': \S+ instead of \S+ .*6 of 6 rows differ"
    ):
        measure_parity(session, rows, keys, logits_nc, 1e-4)


def test_the_first_differing_row_is_named(tmp_path: Path) -> None:
    session = open_network(tmp_path / "m.onnx", make_network(IMAGES, WEIGHTS))
    rows, keys, logits_nc = raw_rows(6)
    logits_nc[4, 1] += 3
    with pytest.raises(ExportError, match=r"row '4.png'.*1 of 6 rows differ"):
        measure_parity(session, rows, keys, logits_nc, 1e-4)
    logits_nc[2] = np.nan
    with pytest.raises(ExportError, match=r"row '2.png'.*instead of nan.*2 of 6 rows differ"):
        measure_parity(session, rows, keys, logits_nc, 1e-4)


def test_a_row_that_cannot_be_scored_fails_the_gate(tmp_path: Path) -> None:
    session = open_network(tmp_path / "m.onnx", make_network(IMAGES, WEIGHTS))
    rows = pa.RecordBatch.from_arrays([pa.array([encode_png(draw_image(0, 0)), b"x"], pa.binary())], ["content"])
    with pytest.raises(ExportError, match="cannot score held-out row 1: not_an_image"):
        measure_parity(session, rows, ["a", "b"], np.zeros((2, 2), np.float32), 1e-4)
