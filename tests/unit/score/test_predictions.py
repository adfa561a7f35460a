"""Raw rows to prediction structs: values, nulls, bad rows, slices, bounded batches."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from onnx import numpy_helper

from dbx_dl.contracts import FeatureSpec, HashedFeature, ImageSpec, NumericFeature, TaskName
from dbx_dl.errors import DataError
from dbx_dl.export.onnx_model import write_model
from dbx_dl.metrics import sigmoid, softmax
from dbx_dl.score import predictions
from dbx_dl.score.inputs.binding import count_batch_rows, name_arrays
from dbx_dl.score.model.plan import MAX_BATCH_BYTES, MAX_BATCH_ROWS
from dbx_dl.score.model.session import ModelSession, open_model
from dbx_dl.score.outputs.structs import prediction_fields
from dbx_dl.score.predictions import predict_structs
from dbx_dl.score.worker import to_pandas
from dbx_dl.transforms.columns import TabularEncoder
from tests.onnx_models import make_metadata, make_network, make_weights, write_linear_model
from tests.plain_encoding import ALL_KINDS, encode_plainly, make_cells, to_table
from tests.prepared_tables import IMAGES, SPEC, draw_image, encode_png

SCORE_TYPE = pa.struct(
    [
        pa.field("label", pa.string()),
        pa.field("probability", pa.float64()),
        pa.field("probabilities", pa.list_(pa.field("element", pa.float32()))),
        pa.field("error", pa.string()),
    ]
)


def score(session: ModelSession, batch: pa.RecordBatch) -> list[dict]:
    return [row for part in predict_structs(session, batch) for row in part.to_pylist()]


def table_batch() -> pa.RecordBatch:
    columns = {"x": [1.0, None, float("nan"), float("inf")], "y": [0.5, 1, None, 2], "colour": ["red", None, "?", ""]}
    return pa.RecordBatch.from_pydict(columns)


def test_table_rows_are_encoded_and_nulls_are_legal(tmp_path: Path) -> None:
    weights = write_linear_model(tmp_path / "m.onnx", SPEC)
    expected = softmax(TabularEncoder(SPEC).encode(table_batch()) @ weights)
    rows = score(open_model(tmp_path / "m.onnx"), table_batch())
    np.testing.assert_allclose([row["probabilities"] for row in rows], expected, atol=1e-6)
    assert [row["label"] for row in rows] == [("down", "up")[k] for k in expected.argmax(axis=1)]
    assert [row["probability"] for row in rows] == [max(row["probabilities"]) for row in rows]
    assert {row["error"] for row in rows} == {None}


def test_every_kind_of_column_is_encoded(tmp_path: Path) -> None:
    weights = write_linear_model(tmp_path / "m.onnx", ALL_KINDS)
    cells = make_cells(200)
    expected = softmax(encode_plainly(ALL_KINDS, cells).astype(np.float32) @ weights)
    (batch,) = to_table(ALL_KINDS, cells).to_batches()
    rows = score(open_model(tmp_path / "m.onnx"), batch)
    np.testing.assert_allclose([row["probabilities"] for row in rows], expected, atol=1e-5)
    assert {row["error"] for row in rows} == {None}


def test_bad_images_cost_their_own_row_only(tmp_path: Path) -> None:
    weights = write_linear_model(tmp_path / "m.onnx", IMAGES)
    good = [encode_png(draw_image(row, row % 2)) for row in range(2)]
    content = pa.array([None, good[0], good[1][:-30], b"", good[1], b"text"], pa.binary())
    session = open_model(tmp_path / "m.onnx")
    rows = score(session, pa.RecordBatch.from_arrays([content], ["content"]))
    errors = [row["error"] and row["error"].split(":")[0] for row in rows]
    assert errors == ["null", None, "truncated", "empty", None, "not_an_image"]
    pixels = np.stack([draw_image(row, row % 2) for row in range(2)]).reshape(2, -1)
    expected = softmax(pixels.astype(np.float32) / 255 @ weights)
    np.testing.assert_allclose([rows[1]["probabilities"], rows[4]["probabilities"]], expected, atol=1e-6)
    for row in (0, 2, 3, 5):
        assert [rows[row][name] for name in ("label", "probability", "probabilities")] == [None, None, None]


def test_a_batch_without_one_good_row(tmp_path: Path) -> None:
    write_linear_model(tmp_path / "m.onnx", IMAGES)
    batch = pa.RecordBatch.from_arrays([pa.array([None, b"x"], pa.binary())], ["content"])
    rows = score(open_model(tmp_path / "m.onnx"), batch)
    assert [row["label"] for row in rows] == [None, None] and all(row["error"] for row in rows)


def test_output_that_is_not_finite_is_an_error_of_its_row(tmp_path: Path) -> None:
    spec = FeatureSpec(features=(NumericFeature(column="x", fill=0, center=0, scale=1),))
    network = make_network(spec, make_weights(spec, 2))
    network.graph.node[1].op_type = "Pow"  # a negative number to the power of 0.5
    network.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.float32(0.5), "scale"))
    write_model(network, make_metadata(spec, ("a", "b")), tmp_path / "m.onnx")
    rows = score(open_model(tmp_path / "m.onnx"), pa.RecordBatch.from_pydict({"x": [4.0, -4.0, 9.0]}))
    assert [row["label"] is None for row in rows] == [False, True, False]
    assert rows[1]["error"].startswith("not_finite: ") and rows[1]["probabilities"] is None


def test_structs_have_exactly_the_type_that_spark_expects(tmp_path: Path) -> None:
    write_linear_model(tmp_path / "m.onnx", SPEC)
    session = open_model(tmp_path / "m.onnx")
    (part,) = predict_structs(session, table_batch())
    assert part.type == SCORE_TYPE
    ddl = "label string, probability double, probabilities array<float>, error string"
    assert ", ".join(f"{name} {kind}" for name, kind in prediction_fields(session.metadata).items()) == ddl


NUMBERS = pa.struct([pa.field("value", pa.float64()), pa.field("error", pa.string())])
SETS = pa.struct([pa.field("labels", pa.list_(pa.field("element", pa.string()))), SCORE_TYPE[2], SCORE_TYPE[3]])


def test_label_sets_hold_the_labels_from_one_half_on(tmp_path: Path) -> None:
    weights = write_linear_model(tmp_path / "m.onnx", SPEC, ("a", "b", "c"), task="multilabel")
    (part,) = predict_structs(open_model(tmp_path / "m.onnx"), table_batch())
    assert part.type == SETS
    expected = sigmoid(TabularEncoder(SPEC).encode(table_batch()) @ weights)
    np.testing.assert_allclose([row["probabilities"] for row in part.to_pylist()], expected, atol=1e-6)
    found = [row["labels"] for row in part.to_pylist()]
    assert found == [[name for name, p in zip("abc", row, strict=True) if p >= 0.5] for row in expected]
    assert 0 < sum(map(len, found)) < expected.size


def test_numbers_come_in_the_labels_own_unit(tmp_path: Path) -> None:
    scaling = {"label_center": 1.7e9, "label_scale": 3.0}
    weights = write_linear_model(tmp_path / "m.onnx", SPEC, (), task="regression", **scaling)
    (part,) = predict_structs(open_model(tmp_path / "m.onnx"), table_batch())
    assert part.type == NUMBERS
    logits_n = (TabularEncoder(SPEC).encode(table_batch()) @ weights)[:, 0].astype(np.float64)
    found = [row["value"] - 1.7e9 for row in part.to_pylist()]
    np.testing.assert_allclose(found, logits_n * 3, atol=1e-5)


def test_counts_are_rates_and_never_infinite(tmp_path: Path) -> None:
    weights = write_linear_model(tmp_path / "m.onnx", SPEC, (), task="count")
    batch = pa.RecordBatch.from_pydict({"x": [0.5, 1e6], "y": [0.0, 0.0], "colour": ["red", "red"]})
    rows = score(open_model(tmp_path / "m.onnx"), batch)
    expected = np.exp(np.minimum((TabularEncoder(SPEC).encode(batch) @ weights)[:, 0].astype(np.float64), 700.0))
    np.testing.assert_allclose([row["value"] for row in rows], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("task", "names"), [("multilabel", ("a", "b")), ("regression", ()), ("multiclass", ("a", "b"))]
)
def test_bad_rows_are_null_in_every_task_and_embeddings_come_along(
    tmp_path: Path, task: TaskName, names: tuple[str, ...]
) -> None:
    write_linear_model(tmp_path / "m.onnx", IMAGES, names, task=task, embeddings="flat")
    session = open_model(tmp_path / "m.onnx")
    content = pa.array([None, encode_png(draw_image(0, 1)), b"x"], pa.binary())
    batch = pa.RecordBatch.from_arrays([content], ["content"])
    (part,) = predict_structs(session, batch)
    assert [field.name for field in part.type] == list(prediction_fields(session.metadata))
    rows = part.to_pylist()
    fields = [name for name in rows[0] if name != "error"]
    assert [rows[place][name] for place in (0, 2) for name in fields] == [None] * 2 * len(fields)
    assert rows[0]["error"] and rows[1]["error"] is None and None not in [rows[1][name] for name in fields]
    np.testing.assert_allclose(rows[1]["embedding"], draw_image(0, 1).reshape(-1) / 255, rtol=1e-6)
    (nothing,) = predict_structs(session, batch.slice(0, 1))
    assert nothing.type == part.type and nothing.to_pylist()[0]["embedding"] is None


def test_small_batches_give_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_linear_model(tmp_path / "m.onnx", SPEC)
    session = open_model(tmp_path / "m.onnx")
    rng = np.random.default_rng(0)
    batch = pa.RecordBatch.from_pydict({"x": rng.normal(size=50), "y": rng.normal(size=50), "colour": ["red"] * 50})
    whole = score(session, batch)
    monkeypatch.setattr(predictions, "count_batch_rows", lambda inputs: 7)
    assert [len(part) for part in predict_structs(session, batch)] == [*[7] * 7, 1]
    small = score(session, batch)
    assert [row["label"] for row in small] == [row["label"] for row in whole]
    np.testing.assert_allclose(
        [row["probabilities"] for row in small], [row["probabilities"] for row in whole], atol=1e-6
    )


def test_batches_are_bounded_by_rows_and_bytes() -> None:
    assert count_batch_rows(IMAGES) == MAX_BATCH_ROWS
    large = ImageSpec(height=1024, width=1024, channels=3)
    assert count_batch_rows(large) == MAX_BATCH_BYTES // (1024 * 1024 * 3)
    assert count_batch_rows(ImageSpec(height=10_000, width=10_000, channels=3)) == 1
    assert count_batch_rows(SPEC) == count_batch_rows(ALL_KINDS) == MAX_BATCH_ROWS
    wide = FeatureSpec(features=(HashedFeature(column="x", num_buckets=2**16 - 1),))
    assert count_batch_rows(wide) == MAX_BATCH_BYTES // 2**19


def test_columns_by_position_or_by_struct_field() -> None:
    arrays = [pa.array([1.0]), pa.array([2.0]), pa.array(["red"])]
    assert name_arrays(arrays, SPEC.columns).schema.names == ["x", "y", "colour"]
    struct = pa.StructArray.from_arrays(arrays[::-1], ["colour", "y", "x"])
    assert name_arrays([struct], SPEC.columns).to_pylist() == [{"colour": "red", "y": 2.0, "x": 1.0}]
    with pytest.raises(DataError, match=r"takes 3 columns \(x, y, colour\), 2 were given"):
        name_arrays(arrays[:2], SPEC.columns)


def test_a_null_struct_is_a_row_of_nulls() -> None:
    struct = pa.StructArray.from_arrays(
        [pa.array([1.0, 5.0]), pa.array([2.0, 5.0]), pa.array(["red", "red"])],
        ["x", "y", "colour"],
        mask=pa.array([False, True]),
    )
    assert name_arrays([struct], SPEC.columns).to_pylist()[1] == {"x": None, "y": None, "colour": None}


def test_pandas_form_keeps_arrays_and_nulls(tmp_path: Path) -> None:
    write_linear_model(tmp_path / "m.onnx", IMAGES)
    content = pa.array([None, encode_png(draw_image(1, 1))], pa.binary())
    (part,) = predict_structs(open_model(tmp_path / "m.onnx"), pa.RecordBatch.from_arrays([content], ["content"]))
    frame = to_pandas(part)
    assert frame["probabilities"][0] is None and frame["probabilities"][1].dtype == np.float32
    assert frame["error"].isna().tolist() == [False, True]
