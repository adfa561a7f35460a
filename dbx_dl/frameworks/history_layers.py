"""Layers for users, their histories and the items to recommend, as values.

Rows are ids: some of the user's columns, behind them the items of the history, see `contracts.HistorySpec`.
"""

from __future__ import annotations

from dataclasses import dataclass

from dbx_dl.frameworks.layers import Shape, WithoutWeights

UNKNOWN_USER = 0
# The first item's id; before it come padding and unknown items.
FIRST_ITEM = 2


@dataclass(frozen=True)
class Columns(WithoutWeights):
    """Entries (K,) from number `start` on, before `stop` where it is given."""

    start: int
    stop: int | None = None

    def shape_after(self, shape: Shape) -> Shape:
        """As many as are left."""
        return (len(range(*slice(self.start, self.stop).indices(shape[0]))),)


@dataclass(frozen=True)
class SumEmbedding:
    """Ids (U,) below `num_ids` to the sum (width,) of their trained vectors; the id 0 adds nothing."""

    num_ids: int
    width: int

    def shape_after(self, shape: Shape) -> Shape:
        """One vector."""
        del shape
        return (self.width,)

    def num_parameters(self, shape: Shape) -> int:
        """The vectors."""
        del shape
        return self.num_ids * self.width


@dataclass(frozen=True)
class ItemTower:
    """A vector (K,) to its product with a vector of each of `num_items` items, and the item's bias: (num_items,).

    An item's vector is relu(x W + b) V + c, with `hidden_units` in between, of the sum x (width,) of a trained vector
    of its own and one for each id that `item_ids` has for it, a column below `num_item_ids` each, where 0 adds nothing.
    """

    num_items: int
    width: int
    hidden_units: int
    item_ids: tuple[tuple[int, ...], ...] = ()
    num_item_ids: tuple[int, ...] = ()

    def shape_after(self, shape: Shape) -> Shape:
        """A number for each item."""
        del shape
        return (self.num_items,)

    def num_parameters(self, shape: Shape) -> int:
        """The vectors, both layers and the biases of items."""
        vectors = (self.num_items + sum(self.num_item_ids)) * self.width
        layers = (self.width + 1) * self.hidden_units + (self.hidden_units + 1) * shape[0]
        return vectors + layers + self.num_items
