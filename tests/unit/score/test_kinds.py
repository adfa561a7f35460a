"""Kinds of prediction: every task has one, whose fields and what is read back agree with the task."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from dbx_dl.contracts import ImageSpec, ModelMetadata, TableVersion, Target, TextFeature
from dbx_dl.errors import ConfigError
from dbx_dl.score.model.own_models import plan_own
from dbx_dl.score.outputs.class_scores import ClassChoices
from dbx_dl.score.outputs.kinds import KINDS, kind_of
from dbx_dl.tasks import TASKS, TaskSettings, task_of

WORDS = TextFeature(column="label", pattern=r"\w+", max_length=4, vocabulary=("x", "y", "z"))
IMAGE = ImageSpec(column="content", height=4, width=6, channels=1)


def make_target(name: str) -> Target:
    return Target(
        task=name,  # type: ignore[arg-type]
        column="label",
        label_names=("a", "b", "c"),
        num_frames=5,
        image=IMAGE,
        grid=(4, 6),
        max_boxes=3,
        text=WORDS,
        num_clusters=4,
    )


def make_metadata(target: Target) -> ModelMetadata:
    table = TableVersion(name="t", path="t", version=1)
    return ModelMetadata(
        inputs=IMAGE, target=target, table=table, framework="torch", network="n", run_id="r", opset=18, versions={}
    )


def draw_sequences() -> np.ndarray:
    """Outputs (7, 8) of no to four tokens, with probability 1 behind their ends."""
    random, lengths = np.random.default_rng(3), np.array([[0], [1], [2], [3], [4], [2], [4]])
    steps = np.arange(4)
    ids = np.where(steps < lengths, random.integers(1, WORDS.num_tokens, (7, 4)), 0)
    shares = np.where(steps <= lengths, random.uniform(0.1, 0.9, (7, 4)), 1.0)
    return np.concatenate([ids, shares], axis=1).astype(np.float32)


def test_every_task_has_a_kind() -> None:
    assert {task.output_kind for task in TASKS.values()} == set(KINDS)


@pytest.mark.parametrize("name", sorted(TASKS))
def test_what_is_scored_is_read_back_as_the_task_predicts_it(name: str) -> None:
    target = make_target(name)
    task, kind = task_of(target), kind_of(target)
    outputs = np.random.default_rng(3).normal(size=(7, task.count_outputs(target))).astype(np.float32)
    if name == "sequence":
        outputs = draw_sequences()
    predicted = task.predict(outputs, TaskSettings()).astype(task.file_dtype)
    assert predicted.shape == (7, *task.row_shape(target))
    (part,) = plan_own(make_metadata(target)).parts
    columns = part.build(predicted, tuple(part.fields))
    assert set(kind.list_columns(target)) <= set(columns) == set(part.fields)
    found = kind.read(pa.table(columns), target)
    if name == "boxes":
        # Boxes that are doubtful, or overlap likelier ones, are not kept.
        assert found.shape[0] == 7 and found.shape[1] <= predicted.shape[1] and found.shape[2] == 5 + 3
    elif name == "segmentation":
        np.testing.assert_array_equal(found, predicted.argmax(axis=3))
    elif name == "sequence":
        np.testing.assert_allclose(found, predicted, rtol=1e-6)
    else:
        np.testing.assert_array_equal(found, predicted)


@pytest.mark.parametrize("name", sorted(name for name in TASKS if TASKS[name].output_kind != "probabilities"))
def test_choices_need_labels_of_rows(name: str) -> None:
    with pytest.raises(ConfigError, match=r"^the model predicts .*: there are no labels for top_k"):
        plan_own(make_metadata(make_target(name)), ClassChoices(top_k=2))
