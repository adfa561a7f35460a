"""Networks that give a logit for each item that a user may choose next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from dbx_dl.config import Section
from dbx_dl.contracts import TaskName
from dbx_dl.errors import ConfigError
from dbx_dl.frameworks.architectures.architecture import Architecture
from dbx_dl.frameworks.history_layers import Columns, ItemTower, SumEmbedding
from dbx_dl.frameworks.layers import Activation, Dense, Dropout, GlobalAverage, Layer
from dbx_dl.frameworks.token_layers import Embedding, SideBySide

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import Catalog, NetworkRequest


class FactorizationOptions(Section):
    """Matrix factorisation (Koren et al. 2009): the product of a user's and an item's vector, and the item's bias.

    Vectors have `width` numbers. An unknown user has a vector of zeros, so that the biases alone decide.
    """

    width: int = Field(default=32, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)


class TwoTowerOptions(Section):
    """Two towers (Covington et al. 2016, Yi et al. 2019): the product of what is made of a user and of an item.

    One tower has the vectors of the user's columns, added up, and the mean of those of the history's items; the other
    the item's own vector and those of its columns, added up. Either has a layer of `hidden_units` (relu) and ends in
    `width` numbers.
    """

    width: int = Field(default=32, gt=0)
    hidden_units: int = Field(default=64, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)


def describe_factorization(request: NetworkRequest, options: FactorizationOptions) -> tuple[Layer, ...]:
    """The user's vector; the items' ones are the kernel of the logits."""
    catalog = _catalog_of(request)
    return (
        # The first column tells users apart, the others tell only what they belong to.
        Columns(0, 1),
        SumEmbedding(catalog.num_user_ids, options.width),
        Dropout(options.dropout),
    )


def describe_two_towers(request: NetworkRequest, options: TwoTowerOptions) -> tuple[Layer, ...]:
    """The user's tower, and the items' one as a layer that takes what it gives."""
    catalog = _catalog_of(request)
    user = (Columns(0, catalog.num_user_columns), SumEmbedding(catalog.num_user_ids, options.width))
    history = (
        Columns(catalog.num_user_columns),
        Embedding(request.num_tokens, options.width),
        GlobalAverage(),
    )
    return (
        SideBySide((user, history)),
        Dense(options.hidden_units),
        Activation("relu"),
        Dropout(options.dropout),
        Dense(options.width),
        ItemTower(request.num_outputs, options.width, options.hidden_units, catalog.item_ids, catalog.num_item_ids),
    )


def _catalog_of(request: NetworkRequest) -> Catalog:
    if request.catalog is None:
        raise ConfigError(f"network {request.network!r} takes users and histories of items, see prepare.interactions")
    return request.catalog


LEARNED: tuple[TaskName, ...] = ("recommendation",)
RECOMMENDATION_NETWORKS = {
    "matrix_factorization": Architecture(FactorizationOptions, ("histories",), describe_factorization, LEARNED),
    "two_tower": Architecture(TwoTowerOptions, ("histories",), describe_two_towers, LEARNED, has_logits_layer=False),
}
