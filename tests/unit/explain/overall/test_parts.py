"""What Spark's workers do for importance and dependence, with a real ONNX file and a real Delta table."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dbx_dl.contracts import PreparedTable
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.explain.arrow_streams import read_stream, write_stream
from dbx_dl.explain.methods.permutation import list_deals
from dbx_dl.explain.overall.dependence import Drawing
from dbx_dl.explain.overall.held_out import draw_held_out
from dbx_dl.explain.overall.importance import Shuffling, choose_metric
from dbx_dl.explain.overall.parts import SharedWork, answer_parts
from dbx_dl.explain.players import list_players
from dbx_dl.explain.scores import find_scores
from dbx_dl.export.onnx_model import write_model
from dbx_dl.score.model.session import digest_file, open_model
from dbx_dl.score.worker import ShippedModel
from tests.onnx_models import make_metadata, make_network
from tests.prepared_tables import write_feature_table
from tests.registered_models import GOOD


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedTable:
    return write_feature_table(tmp_path_factory.mktemp("table") / "t", {"train": 30, "test": 80})


@pytest.fixture(scope="module")
def model(prepared: PreparedTable, tmp_path_factory: pytest.TempPathFactory) -> ShippedModel:
    """A model that is right on every row: the sign of x + y."""
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    write_model(
        make_network(prepared.inputs, GOOD), make_metadata(prepared.inputs, ("down", "up"), prepared.table), path
    )
    return ShippedModel(str(path), digest_file(path))


def answer(shared: SharedWork) -> list[Any]:
    return [json.loads(text) for text in answer_parts(shared, list(range(len(shared.parts))))]


def test_held_out_rows_are_drawn_by_the_seed_and_keep_their_labels(prepared: PreparedTable) -> None:
    first, again, other = (draw_held_out(prepared, 20, seed) for seed in (1, 1, 2))
    assert first.stream == again.stream != other.stream and first.num_rows == 20
    everything = draw_held_out(prepared, 1000, 0)
    assert everything.num_rows == 80 and 0 < everything.labels.mean() < 1
    with pytest.raises(DataError, match="has no rows to look at"):
        draw_held_out(prepared.model_copy(update={"split_rows": {}}), 10, 0)


def test_shuffling_what_decides_costs_accuracy(prepared: PreparedTable, model: ShippedModel) -> None:
    rows = draw_held_out(prepared, 1000, 0)
    work = Shuffling(rows.labels, prepared.target, "accuracy", num_resamples=20, seed=3)
    players = list_players(open_model(model.name).plan, "importance")
    parts = (None, *list_deals(players, 2))
    found = np.array(answer(SharedWork(model, rows.stream, rows.num_rows, parts, work)))
    assert found.shape == (1 + 3 * 2, 1 + 20)
    # The file is right on all rows in their own order, so on all resamples; without x or y it is not.
    np.testing.assert_allclose(found[0], 1.0)
    assert (found[1:5, 0] > 0.05).all() and (found[1:5].std(axis=1) > 0).all()
    np.testing.assert_array_equal(found[5:], 0.0)


def test_curves_rise_with_what_decides(prepared: PreparedTable, model: ShippedModel) -> None:
    rows = draw_held_out(prepared, 40, 0)
    work = Drawing(find_scores(open_model(model.name).plan, None, "m"), num_points=5, num_curves=3)
    x, _, colour = answer(SharedWork(model, rows.stream, rows.num_rows, (0, 1, 2), work))
    assert x["feature"] == "x" and len(x["points"]) == 5 and sorted(x["points"]) == x["points"]
    assert x["means"]["up"] == sorted(x["means"]["up"]) and np.shape(x["rows"]["up"]) == (3, 5)
    assert colour["points"] == ["blue", "red"] and len(set(colour["means"]["up"])) == 1


def test_a_column_without_values_has_no_points_and_costs_no_other_curve(
    prepared: PreparedTable, model: ShippedModel
) -> None:
    rows = draw_held_out(prepared, 10, 0)
    (table,) = [pa.Table.from_batches(read_stream(rows.stream))]
    place = table.column_names.index("y")
    stream = write_stream(table.set_column(place, "y", pa.nulls(table.num_rows, table.schema.field("y").type)))
    work = Drawing(find_scores(open_model(model.name).plan, None, "m"), num_points=5, num_curves=2)
    x, y, _ = answer(SharedWork(model, stream, rows.num_rows, (0, 1, 2), work))
    assert len(x["points"]) == 5 and y == {"feature": "y", "points": [], "means": {}, "rows": {}}


def test_rows_that_the_model_cannot_take_and_metrics_of_other_tasks_are_told(
    prepared: PreparedTable, model: ShippedModel
) -> None:
    rows = draw_held_out(prepared, 10, 0)
    work = Shuffling(rows.labels, prepared.target, "accuracy", num_resamples=2, seed=0)
    with pytest.raises(DataError, match="cannot take 2 of 12 rows of its own table"):
        answer(SharedWork(model, rows.stream, 12, (None,), work))
    assert choose_metric(prepared, None) == "accuracy" and choose_metric(prepared, "auc") == "auc"
    with pytest.raises(ConfigError, match="'rmse' is none of the task multiclass"):
        choose_metric(prepared, "rmse")
    boxes = prepared.model_copy(update={"target": prepared.target.model_copy(update={"task": "boxes"})})
    with pytest.raises(ConfigError, match=r"of the task boxes: leave out explain.importance"):
        choose_metric(boxes, None)
