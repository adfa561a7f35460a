"""What a network looked at is kept for a few rows, and drawn with the names of tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from dbx_dl.contracts import Batch, Target, TextFeature, TextSpec
from dbx_dl.train.attention import draw_attention, keep_attention
from tests.prepared_tables import SPEC, describe

GIVEN = TextFeature(column="written", pattern=r"\w+", max_length=3, vocabulary=("a", "b"))
TEXT = TextFeature(column="label", pattern=r"\w+", max_length=2, vocabulary=("x", "y"))
PREPARED = describe(Path("t"), 0, {"test": 3}, SPEC, ()).model_copy(
    update={"inputs": TextSpec(text=GIVEN), "target": Target(task="sequence", column="label", text=TEXT)}
)


class Writer:
    """An objective that writes the first two tokens and looks at the same."""

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        return np.concatenate([inputs[:, :2], np.full((len(inputs), 2), 0.5)], axis=1).astype(np.float32)

    def attend(self, inputs: np.ndarray) -> np.ndarray:
        return np.tile(np.eye(2, 3), (len(inputs), 1, 1))


class Rows:
    """A feed of one batch, whose last row is padding."""

    def batches(self, epoch: int | None, first_step: int = 0) -> Any:
        inputs = np.array([[2, 3, 0], [1, 0, 0], [0, 0, 0]], np.int32)
        yield Batch(inputs, inputs, np.array([1, 1, 0], np.float32), ("k", "l", ""))


def test_rows_are_kept_and_drawn(tmp_path: Path) -> None:
    path = tmp_path / "attention.npz"
    keep_attention(Writer(), Rows(), path)  # type: ignore[arg-type]
    figure = draw_attention(PREPARED, path)
    assert figure is not None
    first, second = figure.axes
    assert [label.get_text() for label in first.get_yticklabels()] == ["x", "y"]
    assert [label.get_text() for label in first.get_xticklabels()] == ["a", "b"]
    assert [label.get_text() for label in second.get_xticklabels()] == ["<unknown>"]


def test_others_keep_nothing(tmp_path: Path) -> None:
    keep_attention(object(), Rows(), tmp_path / "attention.npz")  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir()) and draw_attention(PREPARED, tmp_path / "attention.npz") is None
