"""Options for the predictions of models of dbx_dl: more fields, fewer fields, and what does not go with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dbx_dl.config.score_options import ScoreOptions
from dbx_dl.contracts import Threshold
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.score.model.own_models import plan_own
from dbx_dl.score.model.planning import plan_model
from dbx_dl.score.model.session import open_session
from dbx_dl.score.predictions import predict_structs
from dbx_dl.score.udf import map_columns
from tests.onnx_models import write_linear_model
from tests.prepared_tables import SPEC

BATCH = pa.RecordBatch.from_pydict({"x": [1.0, -2.0], "y": [0.5, 3.0], "colour": ["red", None]})


def score(path: Path, **options: Any) -> list[dict[str, Any]]:
    session = open_session(path)
    session = session.with_plan(plan_model(session, ScoreOptions(**options)))
    return [row for part in predict_structs(session, BATCH) for row in part.to_pylist()]


def test_choices_stand_beside_the_tasks_fields(tmp_path: Path) -> None:
    write_linear_model(tmp_path / "m.onnx", SPEC)
    plain = score(tmp_path / "m.onnx")
    rows = score(tmp_path / "m.onnx", top_k=5, probability_of="up", probabilities="map")
    for row, before in zip(rows, plain, strict=True):
        assert list(row) == ["label", "probability", "probabilities", "top_k", "probability_of_up", "error"]
        numbers = dict(zip(("down", "up"), before["probabilities"], strict=True))
        assert dict(row["probabilities"]) == numbers and row["probability_of_up"] == numbers["up"]
        assert row["top_k"] == [
            {"label": name, "probability": numbers[name]} for name in sorted(numbers, key=lambda name: -numbers[name])
        ]
    assert [list(row) for row in score(tmp_path / "m.onnx", fields=["probability", "label"])] == [
        ["label", "probability", "error"]
    ] * 2


def test_a_threshold_decides_about_its_label(tmp_path: Path) -> None:
    write_linear_model(tmp_path / "m.onnx", SPEC)
    before = score(tmp_path / "m.onnx")
    session = open_session(tmp_path / "m.onnx")
    for least in (0.0, 1.0, before[0]["probabilities"][0]):
        threshold = Threshold(label="down", probability=least, precision=1.0, recall=1.0, f1=1.0)
        plan = plan_own(session.metadata.model_copy(update={"threshold": threshold}))
        rows = [row for part in predict_structs(session.with_plan(plan), BATCH) for row in part.to_pylist()]
        for row in rows:
            down, up = row["probabilities"]
            assert (row["label"], row["probability"]) == (("down", down) if down >= least else ("up", up))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": ["a", "b"]}, "labels is for files of others"),
        ({"image": {}}, "image is for files of others"),
        ({"probability_of": "Up"}, "no label 'Up'; its labels are down, up"),
        ({"fields": ["value"]}, "no field 'value'; it has 'label', 'probability', 'probabilities', 'error'"),
    ],
)
def test_what_a_model_says_itself_is_not_asked_for(tmp_path: Path, options: dict, message: str) -> None:
    write_linear_model(tmp_path / "m.onnx", SPEC)
    with pytest.raises((ConfigError, DataError), match=message):
        score(tmp_path / "m.onnx", **options)


def test_numbers_have_no_labels(tmp_path: Path) -> None:
    write_linear_model(tmp_path / "m.onnx", SPEC, (), task="regression")
    with pytest.raises(ConfigError, match="the model predicts numbers"):
        score(tmp_path / "m.onnx", top_k=1)


def test_a_tables_columns_may_have_other_names() -> None:
    assert map_columns(SPEC.columns, ScoreOptions(inputs={"y": "width"})) == ("x", "width", "colour")
    with pytest.raises(ConfigError, match="'z' is no column of the model"):
        map_columns(SPEC.columns, ScoreOptions(inputs={"z": "width"}))
