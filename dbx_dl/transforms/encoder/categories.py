"""Strings in an encoder graph: one-hot by vocabulary or by hash, slot 0 for null."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbx_dl.contracts import CategoricalFeature, HashedFeature
    from dbx_dl.transforms.encoder.graph import EncoderGraph

MICROSOFT_DOMAIN = "com.microsoft"


def encode_categorical(graph: EncoderGraph, feature: CategoricalFeature) -> str:
    """(N,) strings -> double (N, 1 + number of categories): one-hot, slot 0 for everything that is not a category."""
    slots = {"": 0} | {name: slot for slot, name in enumerate(feature.categories, start=1) if name}
    return _one_hot(graph, look_up(graph, feature.column, slots, default=0), feature.num_encoded)


def encode_hashed(graph: EncoderGraph, feature: HashedFeature) -> str:
    """(N,) strings -> double (N, 1 + num_buckets): one-hot, slot 0 for "", else 1 + hash % num_buckets."""
    from onnx import TensorProto

    unsigned = graph.add("MurmurHash3", [feature.column], domain=MICROSOFT_DOMAIN, positive=1, seed=0)
    bucket = graph.add(
        "Mod", [graph.add("Cast", [unsigned], to=TensorProto.INT64), graph.constant(feature.num_buckets)]
    )
    slot = graph.add("Add", [bucket, graph.constant(1)])
    # Comparing strings is an operator of opset 19.
    is_filled = look_up(graph, feature.column, {"": 0}, default=1)
    return _one_hot(graph, graph.add("Mul", [slot, is_filled]), feature.num_encoded)


def look_up(graph: EncoderGraph, strings: str, values: Mapping[str, int], default: int) -> str:
    """The int64 of each string, `default` for those that have none."""
    return graph.add(
        "LabelEncoder",
        [strings],
        domain="ai.onnx.ml",
        keys_strings=list(values),
        values_int64s=list(values.values()),
        default_int64=default,
    )


def _one_hot(graph: EncoderGraph, slot: str, num_slots: int) -> str:
    is_slot = graph.add("Equal", [graph.as_column(slot), graph.constant(list(range(num_slots)))])
    return graph.as_double(is_slot)
