"""What a report shows of recommendations: ranks of test rows, and some rows with their lists of items."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.contracts import HistorySpec, PreparedTable
from dbx_dl.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NUM_ROWS = 12
_NUM_BEFORE = 8


@dataclass(frozen=True)
class RankedItems:
    """Lists of the test split: keys (N,), labels int64 (N,), items (N, k) and scores float32 (N, k), best first."""

    keys: NDArray[np.str_]
    labels: NDArray[np.int64]
    items: NDArray[np.int64]
    scores: NDArray[np.float32]


@dataclass(frozen=True)
class RecommendedRow:
    """One test row: its latest items, the one that was chosen next, and names and scores of those recommended."""

    key: str
    history: tuple[str, ...]
    truth: str
    items: tuple[tuple[str, float], ...]


def read_ranked(directory: Path) -> RankedItems:
    """Read `test_predictions.npz` of a trained model's directory; DataError when it is absent."""
    import numpy as np

    path = directory / "test_predictions.npz"
    if not path.exists():
        raise DataError(f"{path} does not exist: train the network again, which writes it")
    with np.load(path, allow_pickle=False) as arrays:
        predictions = arrays["predictions"]
        return RankedItems(arrays["keys"], arrays["labels"], predictions[..., 0].astype(np.int64), predictions[..., 1])


def choose_rows(prepared: PreparedTable, ranked: RankedItems) -> list[RecommendedRow]:
    """Rows that are evenly spaced in the order of keys; of the table that the model was trained on."""
    import numpy as np

    from dbx_dl.feed.rows import read_rows

    inputs, names = prepared.inputs, prepared.target.label_names
    if not isinstance(inputs, HistorySpec) or not len(ranked.keys):
        return []
    chosen = np.unique(np.linspace(0, len(ranked.keys) - 1, min(NUM_ROWS, len(ranked.keys))).astype(np.int64))
    rows = read_rows(prepared, "test", keys=ranked.keys[chosen].tolist())
    keys, histories = (rows.column(name).to_pylist() for name in (prepared.key_column, inputs.history.column))
    by_key = dict(zip(keys, histories, strict=True))
    return [
        RecommendedRow(
            key=str(ranked.keys[row]),
            history=tuple((by_key.get(str(ranked.keys[row])) or ())[-_NUM_BEFORE:]),
            truth=names[ranked.labels[row]],
            items=tuple(
                (names[item], float(score))
                for item, score in zip(ranked.items[row], ranked.scores[row], strict=True)
                if item >= 0
            ),
        )
        for row in chosen
    ]
