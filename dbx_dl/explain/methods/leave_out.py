"""Leaving out: how much lower a score is without one token of a text, or without one number of a series.

Zeiler and Fergus' occlusion (2014) for tokens: Li, Monroe and Jurafsky, "Understanding Neural Networks through
Representation Erasure", 2016.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dbx_dl.explain.methods.rows import Floats, Predict, Rows, take_rows

_SEPARATORS = (" ", "\n", ", ", "-", "")
# Rows that are made at once for one row that is explained, and numbers or tokens in them.
_MAX_ROWS, _MAX_NUMBERS = 4096, 2**21

Cut = Callable[[Sequence[str]], list[list[str]]]


def leave_out_tokens(
    row: Rows, column: str, tokens: Sequence[str], place: int, predict: Predict, cut: Cut
) -> Floats | None:
    """score(text) - score(text without the token), (T,), for every token of one row; None where that cannot be said.

    `tokens` are those that the model sees, `cut` gives the tokens of texts. The text without a token is the others put
    together again, by a separator at which the model cuts in the same way: None where there is none.
    """

    def shorten(numbers: range) -> list[list[str]]:
        return [[token for at, token in enumerate(tokens) if at != number] for number in numbers]

    blocks = _cut_blocks(len(tokens), len(tokens))
    for separator in _SEPARATORS:
        if all(cut([separator.join(each) for each in shorten(block)]) == shorten(block) for block in blocks):
            joined = ({column: np.array([separator.join(each) for each in shorten(block)], object)} for block in blocks)
            return _score_drops(row, joined, place, predict)
    return None


def leave_out_steps(
    row: Rows, columns: Sequence[str], num_steps: int, place: int, predict: Predict
) -> tuple[list[tuple[str, int]], Floats]:
    """score(row) - score(row in which a number is missing), (K * T,), and the column and step of each.

    `row` has the numbers of each column as float64 (1, L), of which the first `num_steps` are there; a missing one is
    what the model fills in.
    """
    cells = [(column, step) for column in columns for step in range(num_steps)]

    def change(numbers: range) -> dict[str, NDArray[Any]]:
        changed = {column: np.repeat(row[column], len(numbers), axis=0) for column in columns}
        for place, number in enumerate(numbers):
            if number >= 0:
                column, step = cells[number]
                changed[column][place, step] = np.nan
        return changed

    blocks = _cut_blocks(len(cells), sum(row[column].size for column in columns))
    return cells, _score_drops(row, (change(block) for block in blocks), place, predict)


def _cut_blocks(num_changes: int, row_size: int) -> list[range]:
    """The numbers of the changes, -1 for none first, in blocks that bound rows and what is in them."""
    size = max(1, min(_MAX_ROWS, _MAX_NUMBERS // max(1, row_size)))
    return [range(start, min(start + size, num_changes)) for start in range(-1, num_changes, size)]


def _score_drops(row: Rows, blocks: Iterable[dict[str, NDArray[Any]]], place: int, predict: Predict) -> Floats:
    """The first of the changed rows' scores less those of the others; inputs that do not change are the row's."""
    scores = []
    for part in blocks:
        size = len(next(iter(part.values())))
        others = take_rows({name: array for name, array in row.items() if name not in part}, np.zeros(size, np.int64))
        scores.append(predict({**others, **part})[:, place])
    joined = np.concatenate(scores)
    return np.asarray(joined[0] - joined[1:])
