"""Metrics of written sequences against the true ones: ids (N, T), 0 behind the last token of each, 1 unknown ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dbx_dl.contracts.token_ids import UNKNOWN_ID

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def sequence_metrics(
    labels_nt: NDArray[Any], written_nt: NDArray[Any], weights: NDArray[np.floating] | None = None
) -> dict[str, float]:
    """Metrics of rows weighted by `weights` (N,), else alike; what is undefined is left out.

    Nothing that was written is right for an unknown token. exact_match: the share of rows with the right tokens and no
    others. token_accuracy: of all tokens, and the ends behind them, the share that stands at its place.
    word_error_rate: tokens to be put in, taken out or replaced for the truth, divided by the number of true tokens
    (Levenshtein 1966), which may be above 1. A text that was cut counts as what was kept of it.
    """
    own = np.ones((1, len(labels_nt))) if weights is None else weights[None].astype(np.float64)
    found = {name: float(values[0]) for name, values in weigh_sequences(labels_nt, written_nt, own).items()}
    return {name: value for name, value in found.items() if not np.isnan(value)}


def weigh_sequences(labels_nt: NDArray[Any], written_nt: NDArray[Any], weights_bn: Floats) -> dict[str, Floats]:
    """These metrics, float64 (B,) each, under B weightings (B, N) of the rows; NaN where one is undefined."""
    lengths = (labels_nt != 0).sum(axis=1)
    num_steps = np.minimum(lengths + 1, labels_nt.shape[1])
    is_step = np.arange(labels_nt.shape[1]) < num_steps[:, None]
    is_right = (labels_nt == written_nt) & (labels_nt != UNKNOWN_ID)
    return {
        "exact_match": _share(weights_bn, is_right.all(axis=1), np.ones(len(labels_nt))),
        "token_accuracy": _share(weights_bn, (is_right & is_step).sum(axis=1), num_steps),
        "word_error_rate": _share(weights_bn, count_edits(labels_nt, written_nt), lengths),
    }


def count_edits(labels_nt: NDArray[Any], written_nt: NDArray[Any]) -> NDArray[np.int64]:
    """The least number of tokens (N,) to be put in, taken out or replaced for the true ones (Levenshtein 1966)."""
    num_true, num_written = ((ids != 0).sum(axis=1) for ids in (labels_nt, written_nt))
    columns = np.arange(written_nt.shape[1] + 1, dtype=np.int32)
    # Row i of the table is of the first i true tokens, column j of the first j that were written; one row is kept.
    row_nj = np.broadcast_to(columns, (len(labels_nt), len(columns)))
    found = np.where(num_true == 0, num_written, 0)
    for i in range(1, int(num_true.max(initial=0)) + 1):
        token_n1 = labels_nt[:, i - 1 : i]
        is_wrong = (written_nt != token_n1) | (token_n1 == UNKNOWN_ID)
        best = np.empty_like(row_nj)
        best[:, 0] = i
        np.minimum(row_nj[:, :-1] + is_wrong, row_nj[:, 1:] + 1, out=best[:, 1:])
        # A token that was put in costs one more than the column before: the least of all columns before, at a go.
        row_nj = np.minimum.accumulate(best - columns, axis=1) + columns
        found = np.where(num_true == i, row_nj[np.arange(len(row_nj)), num_written], found)
    return found.astype(np.int64)


def _share(weights_bn: Floats, parts: NDArray[Any], wholes: NDArray[Any]) -> Floats:
    whole = weights_bn @ wholes.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(whole > 0, weights_bn @ parts.astype(np.float64) / whole, np.nan)
