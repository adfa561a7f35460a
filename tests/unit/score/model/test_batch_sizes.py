"""How many rows go in at once: tried out, chosen once, and of no influence on the predictions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from dbx_dl.errors import DataError
from dbx_dl.score.model.batch_sizes import BatchSizer, choose_size, cut_evenly, list_sizes
from dbx_dl.score.model.session import open_session
from dbx_dl.score.outputs.error_limit import INPUT_ERROR_FIELD, InputErrors, limit_errors
from dbx_dl.score.predictions import cut_pieces, predict_structs
from tests import foreign_models as foreign
from tests.foreign_models import INT64
from tests.onnx_models import write_linear_model
from tests.prepared_tables import SPEC


def tune(sizer: BatchSizer, seconds_per_call: float, seconds_per_row: float) -> list[int]:
    tried = []
    while sizer.chosen is None:
        tried.append(sizer.next_size())
        sizer.record(tried[-1], seconds_per_call + seconds_per_row * tried[-1])
    return tried


def test_sizes_are_tried_and_the_fastest_is_kept() -> None:
    assert list_sizes(4096) == [256, 1024, 2048, 4096] and list_sizes(3) == [1, 3]
    dear_calls, dear_rows = BatchSizer(4096, 2**30), BatchSizer(4096, 2**30)
    warm_up, trials = [256], [256, 1024, 2048, 4096] * 2
    assert sorted(tune(dear_calls, 1.0, 1e-6)) == sorted(warm_up + trials)
    assert dear_calls.chosen == dear_calls.next_size() == 4096
    tune(dear_rows, 0.0, 1e-6)
    assert dear_rows.chosen == 4096, "of equally fast sizes the largest"
    assert choose_size({256: 100.0, 1024: 94.0, 4096: 80.0}) == 256


def test_small_pieces_say_nothing_of_a_large_size() -> None:
    sizer = BatchSizer(64, 2**30)
    for _ in range(20):
        sizer.record(8, 1e-9)
        sizer.record(32, 1e-9)
    assert sizer.chosen is None and sizer.next_size() == 4


def test_batches_are_cut_into_pieces_of_about_one_size() -> None:
    assert [cut_evenly(10_000, 8192), cut_evenly(10_000, 4096), cut_evenly(5, 8)] == [5000, 3334, 5]
    left, pieces = 10_000, []
    while left:
        pieces.append(cut_evenly(left, 3000))
        left -= pieces[-1]
    assert pieces == [2500] * 4


def test_outputs_bound_the_size() -> None:
    sizer = BatchSizer(4096, 2**20)
    sizer.record(sizer.next_size(), 0.1, 256 * 2**16)
    tune(sizer, 1.0, 0.0)
    assert sizer.chosen == 16


def test_a_tuned_session_gives_the_same_predictions_and_keeps_its_size(tmp_path: Path) -> None:
    write_linear_model(tmp_path / "m.onnx", SPEC)
    plain = open_session(tmp_path / "m.onnx")
    session = plain.tuned()
    rng = np.random.default_rng(0)
    rows = 40_000
    batch = pa.RecordBatch.from_pydict(
        {"x": rng.normal(size=rows), "y": rng.normal(size=rows), "colour": ["red"] * rows}
    )
    expected = pa.concat_arrays(list(predict_structs(plain, batch)))
    found = pa.concat_arrays(list(predict_structs(session, batch)))
    assert session.sizer is not None and session.sizer.chosen is not None and plain.sizer is None
    assert plain.tuned().sizer is session.sizer
    assert found.field("label") == expected.field("label")
    np.testing.assert_allclose(found.field("probability"), expected.field("probability"), atol=1e-6)


def test_long_rows_are_taken_in_smaller_pieces(tmp_path: Path) -> None:
    session = open_session(foreign.write_identity(tmp_path / "m.onnx", INT64, ["length"]))
    batch = pa.RecordBatch.from_pydict({"x": [list(range(2**16))] * 100})
    sizes = [piece.num_rows for piece in cut_pieces(session, [batch])]
    assert sum(sizes) == 100 and max(sizes) * 2**16 * 8 <= 16 * 2**20


def make_structs(errors: list[str | None]) -> pa.StructArray:
    return pa.StructArray.from_arrays([pa.array(errors, pa.string())], names=["error"])


def test_a_task_stops_when_too_many_of_its_rows_are_errors() -> None:
    parts = [make_structs(["null: x", None, None, None])] * 2 + [make_structs(["empty: y"] * 2 + [None] * 6)]
    assert len(list(limit_errors(iter(parts), None))) == len(list(limit_errors(iter(parts), 0.25))) == 3
    with pytest.raises(DataError, match=r"4 of the 16 rows .* of 0.2; such as: null: x \| empty: y"):
        list(limit_errors(iter(parts), 0.2))
    seen = []
    many = iter([make_structs([None] * 900), make_structs(["bad: z"] * 200), make_structs([None] * 10**4)])
    with pytest.raises(DataError, match="200 of the 1100 rows"):
        seen.extend(len(part) for part in limit_errors(many, 0.1))
    assert seen == [900], "the first check is at 1000 rows, and nothing is given out after it"


def test_errors_before_the_model_count_wherever_batches_are_cut() -> None:
    known = InputErrors()
    texts = [["bad", None, None], [None, "worse"], None]
    for part in texts:
        batch = pa.RecordBatch.from_pydict({"x": [1.0] * (3 if part is None else len(part))})
        if part is not None:
            batch = batch.append_column(INPUT_ERROR_FIELD, pa.array(part, pa.string()))
        assert known.take(batch).schema.names == ["x"]
    outcomes = pa.array([{"error": None}] * 4 + [{"error": "late"}] * 4, pa.struct({"error": pa.string()}))
    found = [known.add(outcomes[start:stop]).to_pylist() for start, stop in ((0, 2), (2, 2), (2, 7), (7, 8))]
    assert found == [["bad", None], [], [None, None, "worse", "late", "late"], ["late"]]
