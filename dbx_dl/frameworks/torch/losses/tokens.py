"""The loss of sequences that are written: softmax cross-entropy of every token, averaged over a row's tokens."""

from __future__ import annotations

from typing import Any

from torch.nn import functional

from dbx_dl.frameworks.decoder_layers import END_ID


def compare_tokens(logits_ntv: Any, truth_nt: Any) -> Any:
    """Losses (N,) of logits (N, T, num_ids) and true ids int64 (N, T); the same function as in Keras.

    The first END_ID of a row counts as a token, steps behind it do not.
    """
    is_step = functional.pad((truth_nt[:, :-1] != END_ID).float(), (1, 0), value=1.0)
    losses_nt = functional.cross_entropy(logits_ntv.transpose(1, 2), truth_nt, reduction="none")
    return (losses_nt * is_step).sum(dim=1) / is_step.sum(dim=1)
