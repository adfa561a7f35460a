"""A Markov chain: its only weights are counted from a table's rows rather than trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from dbx_dl.config import Section
from dbx_dl.frameworks.architectures.architecture import CLASSES, Architecture
from dbx_dl.frameworks.layers import Dense, Layer

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import NetworkRequest

# The layer whose kernel (states, next states) holds the logarithms of the transition probabilities.
TRANSITIONS = "dense_1"


class MarkovOptions(Section):
    """A Markov chain: the probabilities of the next state, counted in Spark; `smoothing` is added to every count."""

    smoothing: float = Field(default=1.0, gt=0)


def describe_markov_chain(request: NetworkRequest, options: MarkovOptions) -> tuple[Layer, ...]:
    """One layer: a one-hot state chooses a row of the transition matrix."""
    del options
    return (Dense(request.num_outputs, has_bias=False),)


MARKOV_NETWORKS = {
    "markov_chain": Architecture(
        MarkovOptions, ("table",), describe_markov_chain, CLASSES, has_logits_layer=False, is_counted=True
    )
}
