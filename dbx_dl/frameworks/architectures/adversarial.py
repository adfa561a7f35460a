"""Networks that make images of random numbers, and those that tell such images from true ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from dbx_dl.config import Section
from dbx_dl.frameworks.architectures.architecture import Architecture
from dbx_dl.frameworks.interface import NetworkRequest
from dbx_dl.frameworks.layers import Activation, BatchNorm, Dense, Layer

if TYPE_CHECKING:
    from collections.abc import Mapping


class GanOptions(Section):
    """A generative adversarial network (Goodfellow et al. 2014): makes images of `noise_size` random numbers.

    Dense layers, and a discriminator of as many, with dropout, that tells what it makes from true images.
    """

    noise_size: int = Field(default=32, gt=0)
    hidden_units: int = Field(default=128, gt=0)
    num_layers: int = Field(default=2, gt=0)
    discriminator_dropout: float = Field(default=0.3, ge=0, lt=1)


def describe_generator(request: NetworkRequest, options: GanOptions) -> tuple[Layer, ...]:
    """The hidden layers."""
    del request
    return (Dense(options.hidden_units), BatchNorm(), Activation("relu")) * options.num_layers


def request_discriminator(options: GanOptions, num_entries: int, seed: int) -> NetworkRequest:
    """What tells images of so many entries, pixels / 255, from generated ones: one logit, above 0 for true ones."""
    inner: Mapping[str, int | float] = {
        "hidden_units": options.hidden_units,
        "num_layers": options.num_layers,
        "dropout": options.discriminator_dropout,
    }
    return NetworkRequest("mlp", dict(inner), (num_entries,), "float32", 1, seed + 1)


ADVERSARIAL_NETWORKS = {
    "gan": Architecture(GanOptions, ("table",), describe_generator, ("generation",), oppose=request_discriminator)
}
