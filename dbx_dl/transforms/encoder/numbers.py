"""Numbers in an encoder graph: fill, clip, log, scale; many columns by one chain of operators."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbx_dl.contracts import EmbeddingFeature, NumericFeature
    from dbx_dl.transforms.encoder.graph import EncoderGraph

# Encoded values are limited to what float32 holds, so that no finite input becomes an infinite feature.
FLOAT32_MAX = 3.4028234663852886e38


def encode_numeric(graph: EncoderGraph, features: Sequence[NumericFeature]) -> str:
    """(N,) doubles -> double (N, width): columns that agree on `log1p`, each followed by its indicator if it has one.

    In order: fill what is not finite, clip, log, centre and scale.
    """
    values = graph.side_by_side([graph.as_column(feature.column) for feature in features])
    missing = _find_missing(graph, values)
    values = graph.add("Where", [missing, graph.constant([f.fill for f in features]), values])
    values = _clip(graph, values, features)
    if features[0].log1p:
        values = _log(graph, values)
    scaled = standardise(graph, values, [f.center for f in features], [f.scale for f in features])
    if not any(f.add_indicator for f in features):
        return scaled
    both = graph.side_by_side([scaled, graph.as_double(missing)])
    places = [place for i, f in enumerate(features) for place in ((i, len(features) + i) if f.add_indicator else (i,))]
    return graph.add("Gather", [both, graph.constant(places)], axis=1)


def encode_embedding(graph: EncoderGraph, feature: EmbeddingFeature) -> str:
    """Double (N, size) -> the same: elements that are not finite become `fill`'s, then centre and scale."""
    return standardise(graph, fill_missing(graph, feature.column, feature.fill), feature.center, feature.scale)


def fill_missing(graph: EncoderGraph, values: str, fill: Sequence[float]) -> str:
    """Doubles (..., k) with the numbers of `fill` in the place of those that are not finite."""
    return graph.add("Where", [_find_missing(graph, values), graph.constant(list(fill)), values])


def standardise(graph: EncoderGraph, values: str, centers: Sequence[float], scales: Sequence[float]) -> str:
    """(x - center) / scale by column of (..., k) doubles, limited to what float32 holds."""
    # (center - x) / -scale is (x - center) / scale to the bit. Written the other way round, ONNX Runtime drops the
    # subtraction of a single centre that is 0 in float32, however small the scale (and likewise a division by 1).
    mirrored = graph.add("Sub", [graph.constant(list(centers)), values])
    scaled = graph.add("Div", [mirrored, graph.constant([-scale for scale in scales])])
    return graph.add("Clip", [scaled, graph.constant(-FLOAT32_MAX), graph.constant(FLOAT32_MAX)])


def _find_missing(graph: EncoderGraph, values: str) -> str:
    return graph.add("Or", [graph.add("IsNaN", [values]), graph.add("IsInf", [values])])


def _clip(graph: EncoderGraph, values: str, features: Sequence[NumericFeature]) -> str:
    """By columns' own bounds; ONNX's Clip takes one pair for all."""
    limit = sys.float_info.max
    if any(f.lower is not None for f in features):
        lower = [-limit if f.lower is None else f.lower for f in features]
        values = graph.add("Max", [values, graph.constant(lower)])
    if any(f.upper is not None for f in features):
        upper = [limit if f.upper is None else f.upper for f in features]
        values = graph.add("Min", [values, graph.constant(upper)])
    return values


def _log(graph: EncoderGraph, values: str) -> str:
    """sign(x) * log(1 + |x|), accurate also where 1 + |x| rounds: log(u) * |x| / (u - 1) with u = 1 + |x|."""
    one = graph.constant(1.0)
    size = graph.add("Abs", [values])
    raised = graph.add("Add", [size, one])
    ratio = graph.add("Div", [size, graph.add("Sub", [raised, one])])
    exact = graph.add("Mul", [graph.add("Log", [raised]), ratio])
    log = graph.add("Where", [graph.add("Equal", [raised, one]), size, exact])
    return graph.add("Mul", [graph.add("Sign", [values]), log])
