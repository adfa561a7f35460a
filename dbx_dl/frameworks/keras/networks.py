"""The built-in networks in Keras; each takes the rows as they come (pixels or features) and gives logits."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from dbx_dl.frameworks.architectures import ARCHITECTURES, describe_network, gives_inputs
from dbx_dl.frameworks.architectures.architecture import input_kind
from dbx_dl.frameworks.architectures.pixels import PIXEL_SCALE
from dbx_dl.frameworks.keras.history_layers import MaskSeen
from dbx_dl.frameworks.keras.layers import apply_layers
from dbx_dl.frameworks.keras.token_layers import FindSteps, FindTokens
from dbx_dl.frameworks.networks import Builder, check_is_network, check_logits_shape, find_builder

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import NetworkRequest


def build_network(request: NetworkRequest) -> Any:
    """A new keras.Model with weights drawn from `request.seed`; dropout noise follows the seed of the process.

    ConfigError when the name or an option is unknown, or a network of the user's own does not give logits.
    """
    builder = find_builder(request.network, NETWORKS)
    noise = random.getstate()
    keras.utils.set_random_seed(request.seed)
    try:
        network = builder(request)
        check_is_network(network, keras.Model, request)
        # The first call also creates the weights of networks that build themselves lazily.
        logits = network(np.zeros((2, *request.input_shape), request.input_dtype), training=False)
    finally:
        random.setstate(noise)
    check_logits_shape(tuple(logits.shape), request)
    _seed_noise(network)
    return network


def build_described(request: NetworkRequest) -> Any:
    """A built-in network, as `frameworks.architectures` describes it, with the layers' names from there."""
    is_steps = input_kind(request) == "steps"
    # Batches of texts and steps come in several lengths, but where every step has a label.
    is_free = (request.is_text or is_steps) and not request.num_frames
    row_shape = (None, *request.input_shape[1:]) if is_free else request.input_shape
    inputs = keras.Input(row_shape, dtype=request.input_dtype, name="inputs")
    ids = inputs if request.catalog is None else inputs[:, request.catalog.num_user_columns :]
    tokens = FindTokens(name="tokens")(ids) if request.is_text else None
    tokens = FindSteps(name="steps")(inputs) if is_steps else tokens
    outputs = apply_layers(describe_network(request), inputs, tokens_nt=tokens)
    if request.catalog is not None and request.catalog.excludes_seen:
        outputs = MaskSeen(name="mask_seen")(outputs, ids)
    if gives_inputs(request):
        outputs = keras.layers.Concatenate(name="beside_inputs")([outputs, _line_up(inputs, request.input_dtype)])
    return keras.Model(inputs, outputs, name=request.network)


def _line_up(inputs: Any, dtype: str) -> Any:
    """Inputs (N, ...), pixels scaled, as (N, D)."""
    if dtype != "uint8":
        return inputs
    scaled = keras.layers.Rescaling(PIXEL_SCALE, name="inputs.scaled")(inputs)
    return keras.layers.Flatten(name="inputs.flat")(scaled)


def _seed_noise(network: Any) -> None:
    # Dropout's seeds would else be those of the weights, and thereby the same on every rank.
    weights = {id(variable) for variable in network.weights}
    for variable in network.variables:
        if id(variable) not in weights and variable.path.endswith("seed_generator_state"):
            variable.assign([random.randint(1, 10**9), 0])


NETWORKS: dict[str, Builder] = dict.fromkeys(ARCHITECTURES, build_described)
