"""Users and histories of items in an encoder graph: names become ids, the newest items first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.contracts.histories import SEPARATOR
from dbx_dl.contracts.token_ids import FIRST_ID, PADDING_ID, UNKNOWN_ID
from dbx_dl.transforms.encoder.categories import look_up
from dbx_dl.transforms.encoder.tokens import split_text

if TYPE_CHECKING:
    from dbx_dl.contracts import HistoryFeature, HistorySpec
    from dbx_dl.transforms.encoder.graph import EncoderGraph


def encode_histories(graph: EncoderGraph, spec: HistorySpec) -> str:
    """(N,) strings for each column -> int64 (N, U + max_length) ids."""
    blocks, offset = [], 1
    for user in spec.users:
        ids = {name: offset + place for place, name in enumerate(user.vocabulary)}
        blocks.append(graph.as_column(look_up(graph, user.column, ids, default=0)))
        offset += len(ids)
    return graph.side_by_side([*blocks, _encode_history(graph, spec.history)])


def _encode_history(graph: EncoderGraph, feature: HistoryFeature) -> str:
    items = split_text(graph, feature.column, f"[^{SEPARATOR}]+", lowercase=False)
    ids = {"": PADDING_ID} | {name: place for place, name in enumerate(feature.vocabulary, FIRST_ID)}
    found = look_up(graph, items, ids, default=UNKNOWN_ID)
    kept = graph.add("Slice", [found, graph.constant([0]), graph.constant([-1]), graph.constant([0])])
    shape = graph.add("Concat", [graph.add("Shape", [feature.column]), graph.constant([feature.max_length])], axis=0)
    padding = graph.add("Expand", [graph.constant([[PADDING_ID]]), shape])
    padded = graph.add("Concat", [kept, padding], axis=1)
    # Ids are never negative, so that their signs are 1 for items.
    lengths = graph.add("ReduceSum", [graph.add("Sign", [padded]), graph.constant([1])], keepdims=0)
    newest = graph.add("ReverseSequence", [padded, lengths], batch_axis=0, time_axis=1)
    return graph.add("Slice", [newest, graph.constant([0]), graph.constant([feature.max_length]), graph.constant([1])])
