"""Which method explains a model: the one that is asked for, if it goes with the inputs, or the first that does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.errors import ConfigError
from dbx_dl.explain.local.images import find_image
from dbx_dl.explain.local.tokens import require_parts
from dbx_dl.explain.network_files import FoundNetwork, find_network, require_gradients, require_layer, require_leave
from dbx_dl.explain.players import list_players

if TYPE_CHECKING:
    from dbx_dl.config import MethodName
    from dbx_dl.score.udf import ColumnScorer

MODEL_FREE: tuple[MethodName, ...] = ("occlusion", "leave_out", "shapley")
BY_GRADIENTS: tuple[MethodName, ...] = ("integrated_gradients", "grad_cam")


def choose_method(
    scorer: ColumnScorer, wanted: MethodName | None, layer: str | None = None, own_network: str | None = None
) -> tuple[MethodName, FoundNetwork | None]:
    """The method, and the trained network where it needs that.

    ConfigError for a method that does not go with the model's inputs, for a network without gradients, or for one of
    somebody's own that is not `own_network`; DataError where the network is not there. Without a wanted one the first
    model-free method that fits.
    """
    if wanted in BY_GRADIENTS:
        network = find_network(scorer.model)
        require_leave(network.stored, own_network, scorer.model.name)
        require_gradients(network.stored, wanted, scorer.model.name)
        if wanted == "grad_cam":
            find_image(scorer.plan, wanted)
            require_layer(network.stored, layer)
        return wanted, network
    if wanted is not None:
        _require(scorer, wanted)
        return wanted, None
    for method in MODEL_FREE:
        try:
            _require(scorer, method)
        except ConfigError:
            continue
        return method, None
    taken = ", ".join(scorer.input_columns)
    raise ConfigError(
        f"no method explains model {scorer.model.name}, which takes {taken}: it has neither images, texts, series of "
        "numbers nor columns of one value each"
    )


def _require(scorer: ColumnScorer, method: MethodName) -> None:
    """ConfigError unless the model has what the method takes apart."""
    if method == "occlusion":
        find_image(scorer.plan, method)
    elif method == "leave_out":
        require_parts(scorer.metadata.inputs if scorer.is_own else None)
    else:
        list_players(scorer.plan, method)
