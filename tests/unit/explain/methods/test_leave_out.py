"""Leaving out tokens and steps: the planted word and the planted number are found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from dbx_dl.explain.methods import leave_out
from dbx_dl.explain.methods.leave_out import leave_out_steps, leave_out_tokens


def cut_words(texts: Sequence[str]) -> list[list[str]]:
    return [text.split() for text in texts]


def find_word(rows: dict[str, np.ndarray]) -> np.ndarray:
    """The share of rows' words that are `good`, twice that of `bad` less, and what a number adds."""
    words = [text.split() for text in rows["text"]]
    return np.array([[3.0 * ("good" in each) - 2.0 * ("bad" in each)] for each in words]) + rows["x"][:, None]


def test_the_planted_word_is_found_whatever_stands_beside_it() -> None:
    row = {"text": np.array(["A good, bad one"], object), "x": np.array([7.0])}
    tokens = ["a", "good", "bad", "one"]
    drops = leave_out_tokens(row, "text", tokens, 0, find_word, cut_words)
    assert drops is not None and drops.tolist() == [0, 3, -2, 0]


def test_a_text_that_cannot_be_put_together_again_is_told() -> None:
    row = {"text": np.array(["ab"], object), "x": np.array([0.0])}
    assert leave_out_tokens(row, "text", ["a b", "c"], 0, find_word, cut_words) is None
    empty = leave_out_tokens(row, "text", [], 0, find_word, cut_words)
    assert empty is not None and empty.tolist() == []


def test_the_planted_step_is_found() -> None:
    row = {"x": np.array([[1.0, 5.0, 2.0, np.nan]]), "y": np.array([[0.0, 1.0, 0.0, np.nan]]), "n": np.array([3])}

    def predict(rows: dict[str, np.ndarray]) -> np.ndarray:
        return (np.nan_to_num(rows["x"])[:, 1] * rows["n"] + 10 * np.nan_to_num(rows["y"])[:, 2])[:, None]

    cells, drops = leave_out_steps(row, ("x", "y"), 3, 0, predict)
    assert dict(zip(cells, drops.tolist(), strict=True)) == {
        **dict.fromkeys([(name, step) for name in "xy" for step in range(3)], 0.0), ("x", 1): 15.0
    }  # fmt: skip


def test_blocks_of_changes_give_what_all_at_once_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"text": np.array(["a good bad one"], object), "x": np.array([[1.0, 5.0, 2.0]])}
    sizes = []

    def predict(rows: dict[str, np.ndarray]) -> np.ndarray:
        sizes.append(len(rows["x"]))
        lengths = np.array([len(text) for text in rows["text"]])
        return (np.nan_to_num(rows["x"]) @ [1.0, 10.0, 100.0] + lengths)[:, None]

    def explain() -> list[float]:
        tokens = leave_out_tokens(row, "text", ["a", "good", "bad", "one"], 0, predict, cut_words)
        assert tokens is not None
        return [*tokens.tolist(), *leave_out_steps(row, ("x",), 3, 0, predict)[1].tolist()]

    whole = explain()
    assert whole == [2, 5, 4, 4, 1, 50, 200] and sizes == [5, 4]
    monkeypatch.setattr(leave_out, "_MAX_NUMBERS", 8)
    sizes.clear()
    assert explain() == whole and sizes == [2, 2, 1, 2, 2]
