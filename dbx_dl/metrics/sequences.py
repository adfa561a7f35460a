"""Metrics of written sequences against the true ones: ids (N, T), 0 behind the last token of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def sequence_metrics(
    labels_nt: NDArray[Any], written_nt: NDArray[Any], weights: NDArray[np.floating] | None = None
) -> dict[str, float]:
    """Metrics of rows weighted by `weights` (N,), else alike; what is undefined is left out.

    exact_match: the share of rows with the right tokens and no others. token_accuracy: of all tokens, and the ends
    behind them, the share that stands at its place. word_error_rate: tokens to be put in, taken out or replaced for the
    truth, divided by the number of true tokens (Levenshtein 1966), which may be above 1.
    """
    own = np.ones((1, len(labels_nt))) if weights is None else weights[None].astype(np.float64)
    found = {name: float(values[0]) for name, values in weigh_sequences(labels_nt, written_nt, own).items()}
    return {name: value for name, value in found.items() if not np.isnan(value)}


def weigh_sequences(labels_nt: NDArray[Any], written_nt: NDArray[Any], weights_bn: Floats) -> dict[str, Floats]:
    """These metrics, float64 (B,) each, under B weightings (B, N) of the rows; NaN where one is undefined."""
    lengths = (labels_nt != 0).sum(axis=1)
    num_steps = np.minimum(lengths + 1, labels_nt.shape[1])
    is_step = np.arange(labels_nt.shape[1]) < num_steps[:, None]
    is_right = labels_nt == written_nt
    num_edits = count_edits(labels_nt, written_nt)
    return {
        "exact_match": _share(weights_bn, is_right.all(axis=1), np.ones(len(labels_nt))),
        "token_accuracy": _share(weights_bn, (is_right & is_step).sum(axis=1), num_steps),
        "word_error_rate": _share(weights_bn, num_edits, lengths),
    }


def count_edits(labels_nt: NDArray[Any], written_nt: NDArray[Any]) -> NDArray[np.int64]:
    """The least number of tokens (N,) to be put in, taken out or replaced for the true ones (Levenshtein 1966)."""
    rows = np.arange(len(labels_nt))
    num_true, num_written = ((ids != 0).sum(axis=1) for ids in (labels_nt, written_nt))
    # Row i of the table is of the first i true tokens, column j of the first j that were written.
    table = np.zeros((len(labels_nt), labels_nt.shape[1] + 1, written_nt.shape[1] + 1), np.int64)
    table[:, :, 0] = np.arange(table.shape[1])
    table[:, 0, :] = np.arange(table.shape[2])
    for i in range(1, table.shape[1]):
        for j in range(1, table.shape[2]):
            replaced = table[:, i - 1, j - 1] + (labels_nt[:, i - 1] != written_nt[:, j - 1])
            shifted = np.minimum(table[:, i - 1, j], table[:, i, j - 1]) + 1
            table[:, i, j] = np.minimum(replaced, shifted)
    return np.asarray(table[rows, num_true, num_written])


def _share(weights_bn: Floats, parts: NDArray[Any], wholes: NDArray[Any]) -> Floats:
    whole = weights_bn @ wholes.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(whole > 0, weights_bn @ parts.astype(np.float64) / whole, np.nan)
