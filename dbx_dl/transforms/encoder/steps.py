"""Numbers by step in an encoder graph: fill, scale, and padding that is told from steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.transforms.encoder.numbers import fill_missing, standardise

if TYPE_CHECKING:
    from dbx_dl.contracts import StepsSpec
    from dbx_dl.transforms.encoder.graph import EncoderGraph


def length_input(spec: StepsSpec) -> str:
    """Name of the int64 input that says how many steps rows have."""
    return f"{spec.features[0].column}_num_steps"


def encode_steps(graph: EncoderGraph, spec: StepsSpec) -> str:
    """Doubles (N, L) and lengths int64 (N,) -> double (N, max_steps, K + 1), the last number 1 for steps."""
    stacked = [_as_channel(graph, feature.column) for feature in spec.features]
    values = graph.add("Concat", stacked, axis=2)
    first = graph.add("Slice", [values, *(graph.constant([number]) for number in (0, spec.max_steps, 1))])
    filled = fill_missing(graph, first, [feature.fill for feature in spec.features])
    scaled = standardise(graph, filled, [f.center for f in spec.features], [f.scale for f in spec.features])
    length = graph.add("Gather", [graph.add("Shape", [scaled]), graph.constant([1])], axis=0)
    missing = graph.add("Sub", [graph.constant([spec.max_steps]), length])
    zeros = graph.constant([0, 0, 0, 0]), graph.constant([0])
    pads = graph.add("Concat", [zeros[0], missing, zeros[1]], axis=0)
    whole = graph.add("Pad", [scaled, pads, graph.constant(0.0)])
    is_step = _find_steps(graph, spec)
    return graph.add("Concat", [graph.add("Mul", [whole, is_step]), is_step], axis=2)


def _as_channel(graph: EncoderGraph, value: str) -> str:
    return graph.add("Unsqueeze", [value, graph.constant([2])])


def _find_steps(graph: EncoderGraph, spec: StepsSpec) -> str:
    """Double (N, max_steps, 1): 1 for steps."""
    import numpy as np

    places = graph.constant(np.arange(spec.max_steps))
    is_step = graph.add("Less", [places, graph.as_column(length_input(spec))])
    return _as_channel(graph, graph.as_double(is_step))
