"""What networks are given to learn in `learning`: specs, targets, and random rows and labels of every kind and task."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dbx_dl.contracts import (
    AudioSpec,
    Batch,
    EmbeddingFeature,
    FeatureSpec,
    HistoryFeature,
    HistorySpec,
    IdFeature,
    ImageSpec,
    InputSpec,
    PreparedTable,
    Ranking,
    StepsFeature,
    StepsSpec,
    Target,
    TaskName,
    TextAndColumnsSpec,
    TextFeature,
    TextSpec,
)
from dbx_dl.frameworks.architectures.architecture import InputKind
from dbx_dl.tasks import task_of
from tests.prepared_tables import describe

NUM_ROWS, NOISE_SIZE = 32, 8
MAX_STEPS, NUM_ITEMS, SIDE = 7, 6, 8
NAMES = ("a", "b", "c")
WORDS = tuple(f"w{number:02d}" for number in range(18))
TEXT = TextFeature(column="text", pattern=r"\w+", max_length=MAX_STEPS, vocabulary=WORDS)


def describe_features(size: int) -> FeatureSpec:
    """Rows of so many numbers."""
    zeros, ones = (0.0,) * size, (1.0,) * size
    return FeatureSpec(features=(EmbeddingFeature(column="x", size=size, fill=zeros, center=zeros, scale=ones),))


INPUTS: dict[InputKind, InputSpec] = {
    "images": ImageSpec(height=SIDE, width=SIDE, channels=1),
    "table": describe_features(24),
    "text": TextSpec(text=TEXT),
    "text_and_columns": TextAndColumnsSpec(text=TEXT, table=describe_features(5)),
    "histories": HistorySpec(
        users=(IdFeature(column="user", vocabulary=("ann", "bob")),),
        history=HistoryFeature(column="history", max_length=MAX_STEPS, vocabulary=WORDS[:NUM_ITEMS]),
    ),
    "audio": AudioSpec(sample_rate=8000, num_samples=1000),
    "steps": StepsSpec(
        features=(StepsFeature(column="x", fill=0.0), StepsFeature(column="y", fill=0.0)), max_steps=MAX_STEPS
    ),
}


@dataclass(frozen=True)
class Case:
    """A network, the rows that it gets, and what it learns of them."""

    network: str
    kind: InputKind
    task: TaskName

    @property
    def name(self) -> str:
        """The three in a row."""
        return f"{self.network} {self.kind} {self.task}"


def describe_table(case: Case) -> PreparedTable:
    """The contract of a table of such rows, prepared for the task."""
    inputs = describe_features(19 * 19 * 48) if case.network == "go_policy" else INPUTS[case.kind]
    inputs = INPUTS["images"] if case.task == "generation" else inputs
    return describe(Path("t"), 0, {"train": NUM_ROWS}, inputs, ()).model_copy(update={"target": aim(case)})


def aim(case: Case) -> Target:
    """What is learned."""
    more: dict[str, Any] = {"label_names": NAMES}
    if case.task in ("binary", "recommendation"):
        more = {"label_names": NAMES[:2] if case.task == "binary" else WORDS[:NUM_ITEMS]}
    if case.network == "go_policy":
        more = {"label_names": tuple(f"{point:03d}" for point in range(361))}
    if task_of(case.task).label_kind in ("number", "none", "image", "tokens"):
        more = {}
    changes: dict[TaskName, dict[str, Any]] = {
        "quantiles": {"quantiles": (0.1, 0.5, 0.9)},
        "frames": {"num_frames": MAX_STEPS},
        "boxes": {"grid": (SIDE // 2, SIDE // 2), "max_boxes": 2},
        "segmentation": {"grid": (SIDE, SIDE)},
        "sequence": {"text": TEXT.model_copy(update={"max_length": 3})},
        "generation": {"image": INPUTS["images"]},
        "clustering": {"num_clusters": 3},
        "recommendation": {"ranking": Ranking(top_k=2)},
    }
    return Target(task=case.task, column="label", **more, **changes.get(case.task, {}))


def make_batch(case: Case, prepared: PreparedTable) -> Batch:
    """Random rows and labels, the same on every rank."""
    random, target = np.random.default_rng(5), prepared.target
    if case.task == "generation":
        inputs = np.zeros((NUM_ROWS, NOISE_SIZE), np.float32)
    else:
        inputs = draw_inputs(case.kind, prepared.inputs, random)
    labels = draw_labels(case, target, inputs, random)
    return Batch(inputs, labels, np.ones(NUM_ROWS, np.float32), tuple(map(str, range(NUM_ROWS))))


def draw_inputs(kind: InputKind, inputs: InputSpec, random: np.random.Generator) -> np.ndarray:
    """Rows of the kind, those that differ in length with padding at their ends."""
    shape = (NUM_ROWS, *inputs.row_shape)
    if kind == "images":
        return random.integers(0, 256, shape, dtype=np.uint8)
    if kind == "audio":
        return random.integers(-9000, 9000, shape).astype(np.int16)
    is_step = np.arange(MAX_STEPS) < random.integers(1, MAX_STEPS + 1, (NUM_ROWS, 1))
    if kind == "histories":
        items = random.integers(2, 2 + NUM_ITEMS, (NUM_ROWS, MAX_STEPS)) * is_step
        return np.concatenate([random.integers(0, 3, (NUM_ROWS, 1)), items], axis=1).astype(np.int32)
    ids = random.integers(1, 2 + len(WORDS), (NUM_ROWS, MAX_STEPS)) * is_step
    if kind == "text":
        return ids.astype(np.int32)
    numbers = random.normal(size=shape).astype(np.float32)
    if kind == "text_and_columns":
        numbers[:, :MAX_STEPS] = ids
    if kind == "steps":
        numbers[..., -1] = 1
        numbers *= is_step[..., None]
    return numbers


def draw_labels(case: Case, target: Target, inputs: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Labels as a feed gives them."""
    num_names = len(target.label_names)
    if case.task in ("reconstruction", "clustering"):
        return np.zeros(NUM_ROWS, np.int64)
    if case.task == "generation":
        return random.random((NUM_ROWS, target.num_entries)).astype(np.float32)
    if case.task == "multilabel":
        return random.integers(0, 2, (NUM_ROWS, num_names)).astype(np.float32)
    if case.task == "frames":
        labels = random.integers(0, num_names, (NUM_ROWS, MAX_STEPS))
        return np.where(inputs[..., -1] > 0 if case.kind == "steps" else inputs > 0, labels, -1)
    if case.task == "sequence":
        words = random.integers(1, 2 + len(WORDS), (NUM_ROWS, 3))
        return words * (np.arange(3) < random.integers(0, 4, (NUM_ROWS, 1)))
    if case.task == "boxes":
        places = random.uniform(0, 0.5, (NUM_ROWS, 2, 4))
        return np.concatenate([random.integers(0, num_names, (NUM_ROWS, 2, 1)), places], axis=2).astype(np.float32)
    if case.task == "segmentation":
        return random.integers(0, 1 + num_names, (NUM_ROWS, SIDE, SIDE)).astype(np.uint8)
    if task_of(case.task).label_kind == "number":
        is_count = task_of(case.task).least_label is not None
        return (random.poisson(3, NUM_ROWS) if is_count else random.normal(size=NUM_ROWS)).astype(np.float32)
    labels = random.integers(0, num_names, NUM_ROWS)
    if case.task == "recommendation":
        # The item after the newest one, which is not in the history.
        missing = [sorted(set(range(NUM_ITEMS)) - set(row[1:] - 2)) for row in inputs]
        return np.array([items[0] if items else 0 for items in missing])
    return labels
