"""The built-in networks, said once for all frameworks: their options, the inputs they take, and their layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.frameworks.architectures.adversarial import ADVERSARIAL_NETWORKS
from dbx_dl.frameworks.architectures.architecture import Architecture, describe_layers
from dbx_dl.frameworks.architectures.audio import AUDIO_NETWORKS
from dbx_dl.frameworks.architectures.autoencoders import AUTOENCODERS
from dbx_dl.frameworks.architectures.clusters import CLUSTERING_NETWORKS
from dbx_dl.frameworks.architectures.convolutional import CONVOLUTIONAL_NETWORKS
from dbx_dl.frameworks.architectures.dense import DENSE_NETWORKS
from dbx_dl.frameworks.architectures.detection import DETECTION_NETWORKS
from dbx_dl.frameworks.architectures.go import GO_NETWORKS
from dbx_dl.frameworks.architectures.markov import MARKOV_NETWORKS
from dbx_dl.frameworks.architectures.recommendation import RECOMMENDATION_NETWORKS
from dbx_dl.frameworks.architectures.segmentation import SEGMENTATION_NETWORKS
from dbx_dl.frameworks.architectures.sequences import SEQUENCE_NETWORKS
from dbx_dl.frameworks.architectures.text import TEXT_NETWORKS
from dbx_dl.frameworks.architectures.writing import WRITING_NETWORKS
from dbx_dl.frameworks.networks import check_spelling, is_users_own, require_known

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import NetworkRequest
    from dbx_dl.frameworks.layers import Layer

ARCHITECTURES: dict[str, Architecture] = {
    **DENSE_NETWORKS,
    **CONVOLUTIONAL_NETWORKS,
    **SEQUENCE_NETWORKS,
    **TEXT_NETWORKS,
    **WRITING_NETWORKS,
    **AUDIO_NETWORKS,
    **DETECTION_NETWORKS,
    **SEGMENTATION_NETWORKS,
    **GO_NETWORKS,
    **MARKOV_NETWORKS,
    **AUTOENCODERS,
    **CLUSTERING_NETWORKS,
    **ADVERSARIAL_NETWORKS,
    **RECOMMENDATION_NETWORKS,
}


def describe_network(request: NetworkRequest) -> tuple[tuple[str, Layer], ...]:
    """The layers of a built-in network by name, logits last.

    ConfigError for an unknown network, a wrong option, or inputs that the network does not take.
    """
    require_known(request.network, ARCHITECTURES)
    return describe_layers(ARCHITECTURES[request.network], request)


def gives_inputs(request: NetworkRequest) -> bool:
    """Whether the outputs of a built-in network are its logits and its inputs beside them."""
    return ARCHITECTURES[request.network].gives_inputs


def check_network(request: NetworkRequest) -> None:
    """ConfigError, without loading a framework, when a built-in network is unknown or cannot be built as requested.

    Of a user's own network only the name is looked at: the rest is found out where it is imported, in a rank.
    """
    if is_users_own(request.network):
        check_spelling(request.network)
    else:
        describe_network(request)
