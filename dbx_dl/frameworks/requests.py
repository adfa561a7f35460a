"""What a prepared table asks of a network: the one place where inputs and classes become a NetworkRequest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from dbx_dl.contracts import ImageSpec
from dbx_dl.frameworks.interface import NetworkRequest

if TYPE_CHECKING:
    from dbx_dl.contracts import PreparedTable


def network_request(
    prepared: PreparedTable, network: str, options: Mapping[str, str | int | float | bool], seed: int
) -> NetworkRequest:
    """The request for a network on this table: uint8 (H, W, C) pixels or float32 (K,) features, one logit per class."""
    inputs = prepared.inputs
    is_image = isinstance(inputs, ImageSpec)
    shape = (inputs.height, inputs.width, inputs.channels) if isinstance(inputs, ImageSpec) else (inputs.num_encoded,)
    return NetworkRequest(
        network=network,
        options=dict(options),
        input_shape=shape,
        input_dtype="uint8" if is_image else "float32",
        num_outputs=len(prepared.target.label_names),
        seed=seed,
    )
