"""What a network that writes looks at: kept for a few test rows by rank 0, drawn by the driver."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np

from dbx_dl.contracts import ImageSpec, TextSpec
from dbx_dl.runtime.array_files import write_arrays
from dbx_dl.runtime.whole_files import write_whole
from dbx_dl.score.outputs.sentences import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from dbx_dl.contracts import PreparedTable
    from dbx_dl.frameworks.interface import Objective
    from dbx_dl.train.evaluation import RowFeed

FILE = "attention.npz"
_NUM_ROWS = 3


def keep_attention(objective: Objective, feed: RowFeed, path: Path) -> None:
    """Write `inputs`, `outputs` (N, 2 T) and `shares` (N, T, S) of a feed's first rows, where an objective attends."""
    attend = getattr(objective, "attend", None)
    if attend is None:
        return
    with closing(feed.batches(None)) as batches:  # type: ignore[type-var]
        batch = next(iter(batches), None)
    if batch is None:
        return
    inputs = batch.inputs[batch.is_row][:_NUM_ROWS]
    with write_whole(path) as partial, partial.open("wb") as file:
        write_arrays(file, {"inputs": inputs, "outputs": objective.predict(inputs), "shares": attend(inputs)})


def draw_attention(prepared: PreparedTable, path: Path) -> Figure | None:
    """A picture of what was kept; None where nothing was."""
    from dbx_dl import text_figures

    text = prepared.target.text
    if text is None or not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as arrays:
        inputs, outputs, shares = arrays["inputs"], arrays["outputs"], arrays["shares"]
    if not len(inputs):
        return None
    written = [_name_tokens(row, text.vocabulary) for row in np.split(outputs, 2, axis=1)[0]]
    if isinstance(prepared.inputs, ImageSpec):
        return text_figures.attention_to_places(written, list(inputs), list(shares))
    if not isinstance(prepared.inputs, TextSpec):
        return None
    given = [_name_tokens(row, prepared.inputs.text.vocabulary) for row in inputs]
    return text_figures.attention_to_words(written, given, list(shares))


def _name_tokens(ids: NDArray[np.generic], vocabulary: Sequence[str]) -> list[str]:
    names = (UNKNOWN, *vocabulary)
    return [names[int(number) - 1] for number in ids if number]
