"""Leaving out: how much lower a score is without one token of a text, or without one number of a series.

Zeiler and Fergus' occlusion (2014) for tokens: Li, Monroe and Jurafsky, "Understanding Neural Networks through
Representation Erasure", 2016.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dbx_dl.explain.methods.rows import Floats, Predict, Rows, take_rows

_SEPARATORS = (" ", "\n", ", ", "-", "")
# Rows that are made at once for one row that is explained.
_MAX_ROWS = 4096

Cut = Callable[[Sequence[str]], list[list[str]]]


def leave_out_tokens(
    row: Rows, column: str, tokens: Sequence[str], place: int, predict: Predict, cut: Cut
) -> Floats | None:
    """score(text) - score(text without the token), (T,), for every token of one row; None where that cannot be said.

    `tokens` are those that the model sees, `cut` gives the tokens of texts. The text without a token is the others put
    together again, by a separator at which the model cuts in the same way: None where there is none.
    """
    shorter = [[*tokens[:number], *tokens[number + 1 :]] for number in range(len(tokens))]
    for separator in _SEPARATORS:
        texts = [separator.join(each) for each in (tokens, *shorter)]
        if cut(texts) == [list(tokens), *shorter]:
            return _score_drops(row, {column: np.array(texts, object)}, place, predict)
    return None


def leave_out_steps(
    row: Rows, columns: Sequence[str], num_steps: int, place: int, predict: Predict
) -> tuple[list[tuple[str, int]], Floats]:
    """score(row) - score(row in which a number is missing), (K * T,), and the column and step of each.

    `row` has the numbers of each column as float64 (1, L), of which the first `num_steps` are there; a missing one is
    what the model fills in.
    """
    cells = [(column, step) for column in columns for step in range(num_steps)]
    changed = {column: np.repeat(row[column], len(cells) + 1, axis=0) for column in columns}
    for number, (column, step) in enumerate(cells, start=1):
        changed[column][number, step] = np.nan
    return cells, _score_drops(row, changed, place, predict)


def _score_drops(row: Rows, changed: dict[str, NDArray[Any]], place: int, predict: Predict) -> Floats:
    """The first of the changed rows' scores less those of the others; inputs that do not change are the row's."""
    num_rows = len(next(iter(changed.values())))
    scores = []
    for start in range(0, num_rows, _MAX_ROWS):
        part = {name: array[start : start + _MAX_ROWS] for name, array in changed.items()}
        size = len(next(iter(part.values())))
        others = take_rows({name: array for name, array in row.items() if name not in part}, np.zeros(size, np.int64))
        scores.append(predict({**others, **part})[:, place])
    joined = np.concatenate(scores)
    return np.asarray(joined[0] - joined[1:])
