"""Files of others: bound by what they say of themselves, with the outputs' own types, shapes and names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dbx_dl.config.score_options import ScoreOptions, parse_score_options
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.metrics import softmax
from dbx_dl.score.model.planning import plan_model
from dbx_dl.score.model.session import ModelSession, open_session
from dbx_dl.score.predictions import predict_structs
from tests import foreign_models as foreign
from tests.foreign_models import BOOL, DOUBLE, FLOAT, HALF, INT32, INT64, STRING, UINT8


def open_with(path: str | Path, **options: Any) -> ModelSession:
    session = open_session(path)
    return session.with_plan(plan_model(session, ScoreOptions(**options)))


def score(session: ModelSession, batch: pa.RecordBatch | dict[str, Any]) -> list[dict[str, Any]]:
    if isinstance(batch, dict):
        batch = pa.RecordBatch.from_pydict(batch)
    return [row for part in predict_structs(session, batch) for row in part.to_pylist()]


def test_several_inputs_and_outputs_of_many_types(tmp_path: Path) -> None:
    session = open_with(foreign.write_several(tmp_path / "m.onnx"))
    assert session.plan.columns == ("age", "name", "vector", "flag")
    assert session.plan.fields == {
        "age_32": "float",
        "scaled_vector": "array<float>",
        "pairs": "array<array<float>>",
        "error_": "string",
        "not": "boolean",
        "error": "string",
    }
    assert [want.text for want in session.plan.wants] == ["number", "text", "array of 3 numbers", "boolean"]
    rows = score(
        session,
        {"age": [2.0, 3], "name": ["ä", "b"], "vector": [[1, 2, 3], [0.5, 0, 0]], "flag": [True, False]},
    )
    assert rows[0] == {
        "age_32": 2.0,
        "scaled_vector": [2.0, 4.0, 6.0],
        "pairs": [[2.0, 2.0], [4.0, 4.0], [6.0, 6.0]],
        "error_": "ä",
        "not": False,
        "error": None,
    }
    assert rows[1]["scaled_vector"] == [1.5, 0, 0] and rows[1]["error_"] == "b"


@pytest.mark.parametrize(
    ("dtype", "given", "sql", "expected"),
    [
        (HALF, [0.5, 2], "float", [0.5, 2.0]),
        (FLOAT, [0.1], "float", [float(np.float32(0.1))]),
        (DOUBLE, [0.1, 2**53], "double", [0.1, 2.0**53]),
        (INT32, [-5, 7], "int", [-5, 7]),
        (INT64, [2**62, -1], "bigint", [2**62, -1]),
        (UINT8, [255, 0], "smallint", [255, 0]),
        (BOOL, [True, False], "boolean", [True, False]),
        (STRING, ["a", "", "ß"], "string", ["a", "", "ß"]),
    ],
)
def test_every_element_type_goes_through(tmp_path: Path, dtype: int, given: list, sql: str, expected: list) -> None:
    for shape, cells in (([], given), ([1], given), ([1], [[value] for value in given])):
        session = open_with(foreign.write_identity(tmp_path / f"{len(shape)}.onnx", dtype, shape))
        assert session.plan.fields == {"y": sql, "error": "string"}
        assert [row["y"] for row in score(session, {"x": cells})] == expected


def test_nested_and_flat_arrays_of_any_rank(tmp_path: Path) -> None:
    session = open_with(foreign.write_identity(tmp_path / "m.onnx", FLOAT, [2, 3]))
    nested = [[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [[0.0] * 3, [9.0] * 3]]
    flat = [[value for inner in row for value in inner] for row in nested]
    fixed = pa.array(flat, pa.list_(pa.float32(), 6))
    for cells in (nested, flat, fixed, pa.array(flat, pa.large_list(pa.float64()))):
        rows = score(session, {"x": cells})
        assert [row["y"] for row in rows] == nested
    sliced = pa.RecordBatch.from_pydict({"x": nested * 2}).slice(1, 2)
    assert [row["y"] for row in score(session, sliced)] == [nested[1], nested[0]]


def test_values_that_do_not_fit_cost_their_own_row_only(tmp_path: Path) -> None:
    session = open_with(foreign.write_sums(tmp_path / "m.onnx", [2, 3]))
    good = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    bad: list[Any] = [None, [[1.0] * 3], [[1.0] * 3, [1.0] * 2], [[1.0] * 3, None], [[1.0] * 3, [None, 1.0, 1.0]]]
    bad.append([[1.0] * 3, [float("nan"), 1.0, 1.0]])
    rows = score(session, {"x": [good, *bad, good]})
    assert [row["sum"] for row in rows] == [21.0, *[None] * 6, 21.0]
    reasons = [row["error"] and row["error"].split(":")[0] for row in rows]
    assert reasons == [None, "null", "wrong_shape", "wrong_shape", "null", "null", "not_finite", None]
    assert rows[3]["error"] == "wrong_shape: column 'x' holds an array of 2, the model takes 3"
    nothing = score(session, {"x": pa.array([None, None], pa.list_(pa.list_(pa.float32())))})
    assert [row["sum"] for row in nothing] == [None, None]


def test_numbers_out_of_range_and_nulls(tmp_path: Path) -> None:
    whole = open_with(foreign.write_identity(tmp_path / "i.onnx", INT32, []))
    rows = score(whole, {"x": pa.array([1, 2**31, None, -(2**31)], pa.int64())})
    assert [row["y"] for row in rows] == [1, None, None, -(2**31)]
    assert [row["error"] and row["error"].split(":")[0] for row in rows] == [None, "out_of_range", "null", None]
    path = foreign.write_identity(tmp_path / "f.onnx", FLOAT, [])
    assert [row["error"] is None for row in score(open_with(path), {"x": [1.0, None, 1e300]})] == [True, False, False]
    # A model that knows what NaN means gets it; what it makes of it must be a number all the same.
    nodes = [foreign.helper.make_node("IsNaN", ["x"], ["is_nan"])]
    path = foreign.write_foreign(tmp_path / "n.onnx", nodes, [("x", FLOAT, ["N"])], [("is_nan", BOOL, ["N"])])
    assert [row["is_nan"] for row in score(open_with(path, missing="nan"), {"x": [1.0, None]})] == [False, True]


def test_types_that_can_never_fit_fail_at_once(tmp_path: Path) -> None:
    session = open_with(foreign.write_identity(tmp_path / "m.onnx", INT64, []))
    with pytest.raises(DataError, match=r"column 'x' holds double, but the model takes whole numbers there"):
        score(session, {"x": [1.5]})
    with pytest.raises(DataError, match=r"column 'x' holds list<.*>, but the model takes integer there"):
        score(session, {"x": [[1]]})
    with pytest.raises(DataError, match="the model takes 'x', which the rows do not have"):
        score(session, {"z": [1]})


@pytest.mark.parametrize("num_rows", [1, 4, 6])
def test_a_frozen_batch_is_filled_up_and_cut(tmp_path: Path, num_rows: int) -> None:
    session = open_with(foreign.write_sums(tmp_path / "m.onnx", [2], rows=4))
    cells = [[float(row), 1.0] for row in range(num_rows)]
    assert [row["sum"] for row in score(session, {"x": cells})] == [row + 1.0 for row in range(num_rows)]
    with_null = score(session, {"x": [*cells, None]})
    assert with_null[-1]["error"].startswith("null: ") and [row["sum"] for row in with_null[:-1]] == [
        row + 1.0 for row in range(num_rows)
    ]


def test_free_lengths_may_differ_from_row_to_row(tmp_path: Path) -> None:
    flat = open_with(foreign.write_identity(tmp_path / "1.onnx", INT64, ["length"]))
    cells = [[1, 2], [3], [4, 5], None, [], [6, 7, 8]]
    rows = score(flat, {"x": cells})
    assert [row["y"] for row in rows] == cells
    assert [row["error"] is None for row in rows] == [True, True, True, False, True, True]
    nested = open_with(foreign.write_identity(tmp_path / "2.onnx", FLOAT, ["a", "b"]))
    cells2 = [[[1.0, 2.0]], [[3.0], [4.0]], [[1.0], [2.0, 3.0]]]
    rows = score(nested, {"x": cells2})
    assert [row["y"] for row in rows] == [*cells2[:2], None] and rows[2]["error"].startswith("wrong_shape")


def test_columns_are_mapped_and_packed(tmp_path: Path) -> None:
    path = foreign.write_sums(tmp_path / "m.onnx", [3])
    mapped = open_with(path, inputs={"x": "my vector"})
    assert mapped.plan.columns == ("my vector",)
    assert score(mapped, {"my vector": [[1.0, 2.0, 3.0]]})[0]["sum"] == 6.0
    packed = open_with(path, inputs={"x": ["a", "b", "c"]})
    rows = score(packed, {"c": [3, None], "b": [2.0, 1.0], "a": [True, False]})
    assert rows[0]["sum"] == 6.0 and rows[1]["error"] == "null: column 'c' is null"
    spread = open_with(path).plan.for_columns(3)
    assert spread.columns == ("x_0", "x_1", "x_2") and [want.text for want in spread.wants] == ["number"] * 3
    with pytest.raises(ConfigError, match=r"no input 'y'; .*valid inputs: x"):
        open_with(path, inputs={"y": "a"})
    with pytest.raises(ConfigError, match="2 columns do not make a row of the model's input x: float32"):
        open_with(path, inputs={"x": ["a", "b"]})


def test_maps_by_label(tmp_path: Path) -> None:
    for keys, sql in ((["a", "b", "c"], "string"), ([3, 5, 7], "bigint")):
        weights = foreign.write_classifier(tmp_path / f"{sql}.onnx", keys)
        session = open_with(tmp_path / f"{sql}.onnx")
        assert session.plan.fields == {"numbers": "array<float>", "scores": f"map<{sql},float>", "error": "string"}
        cells = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
        rows = score(session, {"x": cells.tolist()})
        expected = softmax(cells @ weights)
        for row, numbers in zip(rows, expected, strict=True):
            assert dict(row["scores"]) == pytest.approx(dict(zip(keys, numbers, strict=True)), abs=1e-6)


def test_labels_choices_and_maps_for_a_classifier_of_others(tmp_path: Path) -> None:
    weights = foreign.write_classifier(tmp_path / "m.onnx")
    names = ("cat", "dog", "old cow")
    options = {"labels": names, "activation": "softmax", "top_k": 2, "probability_of": "old cow"}
    session = open_with(tmp_path / "m.onnx", **options, probabilities="map")
    assert session.plan.fields == {
        "label": "string",
        "probability": "double",
        "probabilities": "map<string,float>",
        "top_k": "array<struct<label:string,probability:float>>",
        "probability_of_old_cow": "double",
        "error": "string",
    }
    cells = np.random.default_rng(1).normal(size=(6, 4)).astype(np.float32)
    rows = score(session, {"x": [*cells.tolist(), None]})
    for row, expected in zip(rows, softmax(cells @ weights), strict=False):
        order = np.argsort(-expected)[:2]
        assert row["label"] == names[order[0]] and row["probability"] == pytest.approx(expected.max(), abs=1e-6)
        assert dict(row["probabilities"]) == pytest.approx(dict(zip(names, expected, strict=True)), abs=1e-6)
        assert [best["label"] for best in row["top_k"]] == [names[k] for k in order]
        assert row["probability_of_old_cow"] == pytest.approx(expected[2], abs=1e-6)
    assert {value for name, value in rows[-1].items() if name != "error"} == {None}
    few = open_with(tmp_path / "m.onnx", **options, fields=["top_k"])
    assert list(few.plan.fields) == ["top_k", "error"] and list(score(few, {"x": cells.tolist()})[0]) == [
        "top_k",
        "error",
    ]


def test_labels_come_from_the_file_where_it_has_them(tmp_path: Path) -> None:
    foreign.write_classifier(tmp_path / "m.onnx", ["a", "b", "c"])
    session = open_with(tmp_path / "m.onnx", scores="scores", top_k=1)
    (row,) = score(session, {"x": [[1.0, 2.0, 3.0, 4.0]]})
    assert row["top_k"][0]["label"] == row["label"] == max(zip(row["probabilities"], "abc", strict=True))[1]
    numbered = open_with(tmp_path / "m.onnx", scores="numbers")
    assert score(numbered, {"x": [[1.0, 2.0, 3.0, 4.0]]})[0]["label"] == str("abc".index(row["label"]))


def test_one_number_for_two_labels(tmp_path: Path) -> None:
    path = foreign.write_identity(tmp_path / "m.onnx", FLOAT, [1])
    rows = score(open_with(path, labels=["no", "yes"]), {"x": [0.25, 0.75]})
    assert [row["label"] for row in rows] == ["no", "yes"] and rows[0]["probabilities"] == [0.75, 0.25]
    logits = score(open_with(path, labels=["no", "yes"], activation="sigmoid"), {"x": [-1.0, 0.0]})
    assert logits[0]["probability"] == pytest.approx(1 - 1 / (1 + np.e))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": ["a", "b"]}, "2 labels do not go with the model's output logits"),
        ({"probability_of": "x"}, "no label 'x'; its labels are 0, 1, 2"),
        ({"scores": "logit"}, "no output 'logit'; did you mean 'logits'"),
        ({"fields": ["logit"]}, "no field 'logit'; did you mean"),
        ({"image": {}}, "the model has no input for images: x: float32"),
    ],
)
def test_options_that_do_not_go_with_the_file(tmp_path: Path, options: dict, message: str) -> None:
    foreign.write_classifier(tmp_path / "m.onnx")
    with pytest.raises((ConfigError, DataError), match=message):
        open_with(tmp_path / "m.onnx", **options)


def test_options_are_checked_at_the_edge() -> None:
    for given, message in (
        ({"topk": 3}, "unknown key 'topk'; did you mean 'top_k'"),
        ({"top_k": 0}, r"top_k: Input should be greater than 0 \(got 0\)"),
        ({"image": {"hight": 3}}, "unknown key 'image.hight'; did you mean 'height'"),
        ({"labels": ["a", "a"]}, "`labels` holds a name twice"),
        ({"providers": []}, "providers: "),
    ):
        with pytest.raises(ConfigError, match=message):
            parse_score_options(given)


def test_outputs_that_are_no_columns_are_refused_unless_nobody_asks(tmp_path: Path) -> None:
    nodes = [
        foreign.helper.make_node("Identity", ["x"], ["y"]),
        foreign.helper.make_node("ReduceMean", ["x"], ["mean"], keepdims=0),
    ]
    path = foreign.write_foreign(
        tmp_path / "m.onnx", nodes, [("x", FLOAT, ["N"])], [("y", FLOAT, ["N"]), ("mean", FLOAT, [])]
    )
    with pytest.raises(DataError, match=r"output mean: float32 .* cannot be a column"):
        open_with(path)
    assert score(open_with(path, fields=["y"]), {"x": [1.0, 2.0]})[1]["y"] == 2.0


def test_rows_on_which_the_model_fails_are_found(tmp_path: Path) -> None:
    session = open_with(foreign.write_gather(tmp_path / "m.onnx"))
    rows = score(session, {"place": [3, 99, 5, 7, -50, 1, 2, 0]})
    assert [row["found"] for row in rows] == [30.0, None, 50.0, 70.0, None, 10.0, 20.0, 0.0]
    assert [row["error"][:7] for row in rows if row["error"]] == ["failed:"] * 2


def test_a_model_that_fails_on_every_row_is_not_asked_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = open_with(foreign.write_gather(tmp_path / "m.onnx"))
    calls: list[int] = []
    run = session.run
    monkeypatch.setattr(session, "run", lambda names, inputs: (calls.append(1), run(names, inputs))[1])
    rows = score(session, {"place": [99] * 1000})
    assert {row["error"][:7] for row in rows} == {"failed:"} and len(calls) < 300
    bad_first = score(session, {"place": [*[99] * 20, *[4] * 500, 99, *[4] * 479]})
    assert [place for place, row in enumerate(bad_first) if row["error"]] == [*range(20), 520]
