"""Layers for users, their histories and the items to recommend, in PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from dbx_dl.frameworks import history_layers as kinds
from dbx_dl.frameworks.token_layers import MASKED_SCORE, PADDING_ID
from dbx_dl.frameworks.torch.token_layers import walk

if TYPE_CHECKING:
    from dbx_dl.frameworks.interface import Catalog

# Vectors start as Keras' do.
_RANGE = 0.05


class HistoryNetwork(nn.Sequential):  # type: ignore[misc]
    """Modules one after the other on ids (N, U + T); items of the history get no logit where a catalog says so."""

    def __init__(self, modules: Mapping[str, Any], catalog: Catalog) -> None:
        super().__init__(modules)
        self._num_user_columns, self._excludes_seen = catalog.num_user_columns, catalog.excludes_seen

    def forward(self, ids: Any) -> Any:
        """The last module's values (N, I)."""
        items_nt = ids[:, self._num_user_columns :]
        logits_ni = walk(self, ids, (items_nt != PADDING_ID).to(torch.float32))
        return mask_seen(logits_ni, items_nt) if self._excludes_seen else logits_ni


def mask_seen(logits_ni: Any, items_nt: Any) -> Any:
    """`MASKED_SCORE` where an item is in the history."""
    shape = (logits_ni.shape[0], logits_ni.shape[1] + kinds.FIRST_ITEM)
    seen = torch.zeros(shape, dtype=logits_ni.dtype, device=logits_ni.device)
    ones = torch.ones_like(items_nt, dtype=logits_ni.dtype)
    seen_ni = seen.scatter(1, items_nt.long(), ones)[:, kinds.FIRST_ITEM :]
    return logits_ni * (1 - seen_ni) + seen_ni * MASKED_SCORE


class Columns(nn.Module):  # type: ignore[misc]
    """See `frameworks.history_layers.Columns`."""

    def __init__(self, layer: kinds.Columns) -> None:
        super().__init__()
        self._start, self._stop = layer.start, layer.stop

    def forward(self, values: Any) -> Any:
        """Some of (N, K)."""
        return values[:, self._start : self._stop]


class SumEmbedding(nn.Module):  # type: ignore[misc]
    """See `frameworks.history_layers.SumEmbedding`."""

    def __init__(self, layer: kinds.SumEmbedding) -> None:
        super().__init__()
        self.embedding = _start((layer.num_ids, layer.width))

    def forward(self, ids_nu: Any) -> Any:
        """(N, width)."""
        return _look_up(self.embedding, ids_nu).sum(dim=1)


class ItemTower(nn.Module):  # type: ignore[misc]
    """See `frameworks.history_layers.ItemTower`."""

    def __init__(self, layer: kinds.ItemTower, width: int) -> None:
        super().__init__()
        self.embedding = _start((layer.num_items, layer.width))
        self.columns = nn.ParameterList([_start((number, layer.width)) for number in layer.num_item_ids])
        self.kernel, self.bias = _start_dense(layer.width, layer.hidden_units)
        self.output_kernel, self.output_bias = _start_dense(layer.hidden_units, width)
        self.item_bias = nn.Parameter(torch.zeros(layer.num_items))
        ids_ci = torch.tensor(layer.item_ids, dtype=torch.int64).reshape(len(layer.item_ids), layer.num_items)
        # Not persistent: the request has them, and files of weights hold what is trained.
        self.register_buffer("ids_ci", ids_ci, persistent=False)

    def forward(self, values_nk: Any) -> Any:
        """(N, num_items)."""
        sums_iw = self.embedding
        for vectors, ids_i in zip(self.columns, self.ids_ci, strict=True):
            sums_iw = sums_iw + _look_up(vectors, ids_i)
        hidden = torch.relu(sums_iw @ self.kernel + self.bias)
        items_ik = hidden @ self.output_kernel + self.output_bias
        return values_nk @ items_ik.transpose(0, 1) + self.item_bias


def _start(shape: tuple[int, int]) -> Any:
    return nn.Parameter(torch.empty(shape).uniform_(-_RANGE, _RANGE))


def _start_dense(width: int, units: int) -> tuple[Any, Any]:
    kernel = nn.Parameter(nn.init.xavier_uniform_(torch.empty(width, units)))
    return kernel, nn.Parameter(torch.zeros(units))


def _look_up(vectors: Any, ids: Any) -> Any:
    """Vectors of ids, zeros for the id 0."""
    return vectors[ids.long()] * (ids != kinds.UNKNOWN_USER)[..., None].to(vectors.dtype)
