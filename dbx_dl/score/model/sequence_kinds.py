"""What an output that is a sequence of tensors holds for a row, as trial runs show: ONNX files do not say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from dbx_dl.score.model.description import SequenceKind, TensorFacts


def settle_sequences(
    outputs: Sequence[TensorFacts], runs: Mapping[int, Mapping[str, Any] | None]
) -> Iterator[TensorFacts]:
    """The outputs, sequences with their kind and dimensions; `runs` holds outputs by number of rows, None for failures.

    A row's value is its entry where a sequence has as many entries as there are rows, else its slices where all
    tensors have so many rows. One stays unsettled where the runs show neither, or one run alone would show both.
    """
    for facts in outputs:
        found = {rows: values[facts.name] for rows, values in runs.items() if values is not None}
        if facts.sequence is not None and len(found) == len(runs) and all(found.values()):
            yield _settle(facts, found)
        else:
            yield facts


def _settle(facts: TensorFacts, found: Mapping[int, Sequence[np.ndarray]]) -> TensorFacts:
    ranks = {tensor.ndim for tensors in found.values() for tensor in tensors}
    has_entries = all(len(tensors) == rows for rows, tensors in found.items())
    has_slices = all(tensor.shape[:1] == (rows,) for rows, tensors in found.items() for tensor in tensors)
    # Of one row, both are the same.
    is_open = has_entries and has_slices and len(found) == 1 and 1 not in found
    if len(ranks) > 1 or is_open or not (has_entries or has_slices):
        return facts
    kind: SequenceKind = "entry" if has_entries else "slices"
    return replace(facts, dims=(None,) * ranks.pop(), has_rows=True, sequence=kind)
