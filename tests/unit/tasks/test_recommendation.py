"""Items best first: predicted, measured, moved and scored, in NumPy and in the graph alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pyarrow as pa
import pytest
from onnx import TensorProto, helper

from dbx_dl.config import TrainConfig
from dbx_dl.contracts import HistoryFeature, HistorySpec, IdFeature, ItemColumn, PreparedTable, Ranking, Target
from dbx_dl.errors import ConfigError
from dbx_dl.export.onnx_model import write_model
from dbx_dl.feed.targets import LabelReader
from dbx_dl.frameworks.requests import check_objective, network_request, objective_request
from dbx_dl.score.outputs.item_lists import ItemKind
from dbx_dl.tasks import TaskSettings, task_of
from dbx_dl.tasks.retargeting import aim
from tests.onnx_models import make_metadata
from tests.prepared_tables import describe

NAMES = ("ant", "bee", "cat", "dog")
TARGET = Target(
    task="recommendation",
    column="label",
    label_names=NAMES,
    ranking=Ranking(top_k=3, item_columns=(ItemColumn(column="legs", vocabulary=("4", "6"), ids=(2, 2, 1, 0)),)),
)
TASK = task_of(TARGET)
SPEC = HistorySpec(
    users=(IdFeature(column="user", vocabulary=("ann", "bob")),),
    history=HistoryFeature(column="history", max_length=3, vocabulary=NAMES),
)
# Ties go to the item that comes first; the second row may have one item, the third none.
LOGITS = np.array([[1, 3, 1, 2], [-1e4, -1e4, 0.5, -1e4], [-1e4] * 4], np.float32)


def make_table() -> PreparedTable:
    prepared = describe(Path("t"), 0, {"train": 9}, SPEC, NAMES)
    return prepared.model_copy(update={"target": TARGET})


def test_the_best_items_come_first_with_their_shares() -> None:
    predictions = TASK.predict(LOGITS, TaskSettings())
    assert predictions[..., 0].tolist() == [[1, 3, 0], [2, -1, -1], [-1, -1, -1]]
    shares = np.exp([3.0, 2.0, 1.0]) / np.exp([1.0, 3.0, 1.0, 2.0]).sum()
    np.testing.assert_allclose(predictions[0, :, 1], shares, rtol=1e-6)
    assert predictions[1:, :, 1].tolist() == [[1, 0, 0], [0, 0, 0]]
    assert TASK.row_shape(TARGET) == predictions.shape[1:]
    few = task_of(TARGET.model_copy(update={"ranking": Ranking(top_k=9)}))
    assert few.row_shape(TARGET) == few.predict(LOGITS, TaskSettings()).shape[1:] == (4, 2)


def test_moving_is_towards_the_chosen_item() -> None:
    labels, settings = np.array([3, 2, 0]), TaskSettings()
    predictions = TASK.predict(np.array([[0, 1, 0, 1], [0, 0, 1, 1], [2, 1, 0, 0]], np.float32), settings)
    ends = [TASK.measure(labels, TASK.move(labels, predictions, step, settings))["ndcg"] for step in (-1e-5, 1e-5)]
    # Of the first two rows, the chosen item ties with another: it may be first or second.
    assert ends == pytest.approx([(2 / np.log2(3) + 1) / 3, 1.0])
    raised = predictions + np.array([0, 0.25])
    assert TASK.scale_differences(predictions, raised, settings).max() == 0.25
    swapped = predictions[:, [1, 0, 2]]
    assert TASK.is_same_choice(swapped, predictions).all()  # type: ignore[union-attr]


def test_other_items_are_differences_but_for_ties() -> None:
    settings, expected = TaskSettings(), np.array([[[1, 0.5], [0, 0.2], [3, 0.2]]])

    def miss(items: list[int], scores: tuple[float, ...] = (0.5, 0.2, 0.2)) -> list[float]:
        found = np.stack([np.array([items], float), np.array([scores])], axis=2)
        differences = TASK.scale_differences(found, expected, settings)
        assert differences.shape == found.shape
        np.testing.assert_allclose(differences[..., 1], np.abs(found[..., 1] - expected[..., 1]))
        return [round(float(size), 6) for size in differences[0, :, 0]]

    # Equal scores may change places, and what is not listed may tie with the last one.
    assert miss([1, 0, 3]) == miss([1, 3, 0]) == miss([1, 0, 2]) == [0, 0, 0]
    # Scores by rank are all right here, and the items are not.
    assert miss([0, 1, 3]) == [0.6, 1, 0]
    assert miss([2, 0, 3]) == [0.6, 0, 0]
    assert miss([-1, 0, 3]) == [1, 0, 0]
    few = np.array([[[1, 1.0], [-1, 0.0]]])
    sizes = TASK.scale_differences(np.array([[[1, 1.0], [2, 0.0]]]), few, settings)
    assert sizes[0, :, 0].tolist() == [0, 1]
    assert TASK.scale_differences(few, few, settings).max() == 0


def test_the_file_gives_what_the_task_predicts(tmp_path: Path) -> None:
    nodes = [helper.make_node("Cast", ["inputs"], ["logits"], to=TensorProto.FLOAT)]
    taken = helper.make_tensor_value_info("inputs", TensorProto.INT32, ["N", 4])
    given = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 4])
    network = helper.make_model(
        helper.make_graph(nodes, "n", [taken], [given]), opset_imports=[helper.make_opsetid("", 18)], ir_version=10
    )
    metadata = make_metadata(SPEC, NAMES).model_copy(update={"target": TARGET})
    write_model(network, metadata, tmp_path / "m.onnx", 10**9)
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"])
    assert session.get_outputs()[0].shape == ["N", 3, 2]
    texts = {"user": ["bob", "eve", ""], "history": ["ant\x1fcat", "dog\x1fant\x1fdog\x1feel", ""]}
    (found,) = session.run(["items"], {name: np.array(values, object) for name, values in texts.items()})
    # The user's id and the ids of the last three items, newest first, are the logits here.
    ids = np.array([[2, 4, 2, 0], [0, 1, 5, 2], [0, 0, 0, 0]], np.float32)
    np.testing.assert_allclose(found, TASK.predict(ids, TaskSettings()), atol=1e-6)


def test_scores_are_names_and_are_read_back() -> None:
    predictions = TASK.predict(LOGITS, TaskSettings()).astype(np.float32)
    part = ItemKind().make("items", TARGET)
    fields = part.build(predictions, tuple(part.fields))
    assert fields["items"].to_pylist() == [["bee", "dog", "ant"], ["cat"], []]
    assert [len(row) for row in fields["scores"].to_pylist()] == [3, 1, 0]
    np.testing.assert_array_equal(ItemKind().read(pa.table(fields), TARGET), predictions)
    assert part.build(part.no_rows(), tuple(part.fields))["items"].to_pylist() == []
    for top_k, read in ((2, predictions[:, :2]), (4, np.pad(predictions, [(0, 0), (0, 1), (0, 0)]))):
        target = TARGET.model_copy(update={"ranking": Ranking(top_k=top_k)})
        found = ItemKind().read(pa.table(fields), target)
        np.testing.assert_array_equal(found[:, :3], read[:, :3])
        assert found.shape == (3, top_k, 2) and (found[:, 3:, 0] == -1).all()


def test_a_table_asks_for_a_network_of_its_users_and_items() -> None:
    config = TrainConfig.model_validate({"network": "two_tower", "loss": "bpr", "top_items": 2, "negatives": 5})
    aimed = aim(make_table(), config)
    assert aimed.target.ranking is not None and aimed.target.ranking.top_k == 2
    request = network_request(aimed, "two_tower", {}, 0)
    assert (request.input_shape, request.num_outputs, request.num_tokens) == ((4,), 4, 6)
    catalog = request.catalog
    assert catalog is not None and (catalog.num_user_columns, catalog.num_user_ids) == (1, 3)
    assert (catalog.item_ids, catalog.num_item_ids, catalog.excludes_seen) == (((2, 2, 1, 0),), (3,), True)
    objective = objective_request(aimed, config)
    assert (objective.loss, objective.negatives, objective.ranking) == ("bpr", 5, aimed.target.ranking)
    check_objective(aimed, config)
    with pytest.raises(ConfigError, match="choose one of cross_entropy, sampled_softmax, bpr"):
        check_objective(aimed, config.model_copy(update={"loss": "hinge"}))


def test_labels_are_places_of_items() -> None:
    reader = LabelReader(TARGET)
    labels = reader.read(pa.table({"label_index": pa.array([3, 0], pa.int32())}), "it")
    assert (labels.tolist(), labels.dtype, reader.row_shape) == ([3, 0], np.int64, ())
