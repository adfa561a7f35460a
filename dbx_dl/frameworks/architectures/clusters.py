"""Networks that put rows into groups: centres among the rows themselves, or among codes that are learned of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import Field

from dbx_dl.config import Section
from dbx_dl.frameworks.architectures.architecture import Architecture
from dbx_dl.frameworks.architectures.autoencoders import CODE, AutoencoderOptions
from dbx_dl.frameworks.architectures.dense import ROWS, line_up
from dbx_dl.frameworks.cluster_layers import Centroids, DiagonalMixture
from dbx_dl.frameworks.interface import Clustering, NetworkRequest
from dbx_dl.frameworks.layers import Activation, Dense, Layer
from dbx_dl.frameworks.random_layers import Mark

CENTROIDS, MIXTURE = "centroids_1", "diagonal_mixture_1"


class KMeansOptions(Section):
    """K-means (MacQueen 1967): centres, trained by squared distances of rows to the nearest (Bottou and Bengio 1995).

    Rows are pixels / 255 or encoded features, so that their scale decides; probabilities are those of Gaussians of one
    share and variance.
    """


class GaussianMixtureOptions(Section):
    """A mixture of Gaussians, each with a variance of its own along every axis, trained by the likelihood of rows."""


class DeepKMeansOptions(AutoencoderOptions):
    """A deep clustering network (Yang et al. 2017): k-means among codes that an auto-encoder learns with it.

    The encoder is trained alone for `pretraining_epochs`; then centres start among its codes, and the loss is that of
    reconstruction, as an auto-encoder's, plus `cluster_weight` times the squared distance to the nearest centre. The
    decoder stays in training: the file has encoder and centres. Early stopping should wait for longer than the first
    part.
    """

    code_size: int = Field(default=10, gt=0)
    pretraining_epochs: int = Field(default=10, gt=0)
    cluster_weight: float = Field(default=0.005, gt=0)


class DeepMixtureOptions(AutoencoderOptions):
    """A mixture of Gaussians among the codes of an auto-encoder, which is trained before it, for `pretraining_epochs`.

    Then codes stay as they are: an encoder that is trained on would raise the likelihood without bound by making them
    small. Early stopping should wait for longer than the first part.
    """

    code_size: int = Field(default=10, gt=0)
    pretraining_epochs: int = Field(default=10, gt=0)


def _describe(kind: type[Centroids] | type[DiagonalMixture]) -> Callable[[NetworkRequest, Any], tuple[Layer, ...]]:
    def describe(request: NetworkRequest, options: Section) -> tuple[Layer, ...]:
        hidden = _stack(options) if isinstance(options, AutoencoderOptions) else ()
        return (*line_up(request), *hidden, Mark(CODE), kind(request.num_outputs // 2))

    return describe


def _stack(options: AutoencoderOptions) -> tuple[Layer, ...]:
    hidden = (Dense(options.hidden_units), Activation(options.activation)) * options.num_layers
    return (*hidden, Dense(options.code_size))


def _plan(head: str) -> Callable[[Any, int, int], Clustering]:
    def plan(options: Section, num_entries: int, seed: int) -> Clustering:
        if not isinstance(options, DeepKMeansOptions | DeepMixtureOptions):
            return Clustering(CODE, head, seed)
        decoder = NetworkRequest(
            "mlp",
            {name: getattr(options, name) for name in ("hidden_units", "num_layers", "activation")},
            (options.code_size,),
            "float32",
            num_entries,
            seed + 1,
        )
        weight = options.cluster_weight if isinstance(options, DeepKMeansOptions) else 1.0
        return Clustering(CODE, head, seed, decoder, weight, options.pretraining_epochs)

    return plan


def _create(options: type[Section], is_mixture: bool) -> Architecture:
    kind, head = (DiagonalMixture, MIXTURE) if is_mixture else (Centroids, CENTROIDS)
    return Architecture(
        options,
        ROWS,
        _describe(kind),
        ("clustering",),
        loss="nll" if is_mixture else "inertia",
        has_logits_layer=False,
        cluster=_plan(head),
        code=CODE if issubclass(options, AutoencoderOptions) else None,
    )


CLUSTERING_NETWORKS = {
    "kmeans": _create(KMeansOptions, is_mixture=False),
    "gaussian_mixture": _create(GaussianMixtureOptions, is_mixture=True),
    "deep_kmeans": _create(DeepKMeansOptions, is_mixture=False),
    "deep_gaussian_mixture": _create(DeepMixtureOptions, is_mixture=True),
}
