"""Layers of sequences that end in padding, in PyTorch; `tokens_nt` is 1 for tokens and 0 for padding (None: all 1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from dbx_dl.frameworks import token_layers as kinds


def walk(modules: Iterable[Any], values: Any, tokens_nt: Any) -> Any:
    """Values behind the modules one after the other, of which some want to know which steps are tokens."""
    for module in modules:
        values = module(values, tokens_nt) if getattr(module, "takes_tokens", False) else module(values)
    return values


def mark_tokens(ids_nt: Any) -> Any:
    """float32 (N, T): 1 for tokens, 0 for padding."""
    return (ids_nt != kinds.PADDING_ID).to(torch.float32)


def keep_tokens(values_ntk: Any, tokens_nt: Any) -> Any:
    """Zeros where there is padding."""
    return values_ntk if tokens_nt is None else values_ntk * tokens_nt[..., None]


class TokenNetwork(nn.Sequential):  # type: ignore[misc]
    """Modules one after the other on ids (N, T), that are told which of them are tokens."""

    def forward(self, ids_nt: Any) -> Any:
        """The last module's values."""
        return walk(self, ids_nt, mark_tokens(ids_nt))


class StepNetwork(nn.Sequential):  # type: ignore[misc]
    """Modules one after the other on numbers by step (N, T, K + 1), that are told which of them are no padding."""

    def forward(self, values_ntk: Any) -> Any:
        """The last module's values."""
        return walk(self, values_ntk, values_ntk[..., -1])


class StepValues(nn.Module):  # type: ignore[misc]
    """See `frameworks.token_layers.StepValues`."""

    def forward(self, values_ntk: Any) -> Any:
        """(N, T, K)."""
        return values_ntk[..., :-1]


class Conv1D(nn.Module):  # type: ignore[misc]
    """See `frameworks.token_layers.Conv1D`."""

    takes_tokens = True

    def __init__(self, layer: kinds.Conv1D, width: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(width, layer.filters, layer.size)
        # PyTorch has this as padding="same" too, with a warning for even sizes.
        self._zeros = ((layer.size - 1) // 2, layer.size // 2)
        nn.init.xavier_uniform_(self.convolution.weight)
        nn.init.zeros_(self.convolution.bias)

    def forward(self, values_ntk: Any, tokens_nt: Any = None) -> Any:
        """(N, T, filters)."""
        steps_nkt = functional.pad(keep_tokens(values_ntk, tokens_nt).transpose(1, 2), self._zeros)
        return self.convolution(steps_nkt).transpose(1, 2)


class MaxOverTokens(nn.Module):  # type: ignore[misc]
    """See `frameworks.token_layers.MaxOverTokens`."""

    takes_tokens = True

    def forward(self, values_ntk: Any, tokens_nt: Any = None) -> Any:
        """(N, K)."""
        return keep_tokens(torch.relu(values_ntk), tokens_nt).amax(dim=1)


class LastToken(nn.Module):  # type: ignore[misc]
    """See `frameworks.token_layers.LastToken`."""

    takes_tokens = True

    def forward(self, values_ntk: Any, tokens_nt: Any = None) -> Any:
        """(N, K)."""
        if tokens_nt is None:
            return values_ntk[:, -1]
        next_nt = torch.cat([tokens_nt[:, 1:], torch.zeros_like(tokens_nt[:, :1])], dim=1)
        return (values_ntk * (tokens_nt - next_nt)[..., None]).sum(dim=1)


class TokenLogits(nn.Module):  # type: ignore[misc]
    """See `frameworks.token_layers.TokenLogits`."""

    takes_tokens = True

    def forward(self, values_ntk: Any, tokens_nt: Any = None) -> Any:
        """(N, T * K)."""
        if tokens_nt is not None:
            values_ntk = keep_tokens(values_ntk, tokens_nt) + (1 - tokens_nt)[..., None] * kinds.MASKED_SCORE
        return values_ntk.flatten(1)


class ReverseTokens(nn.Module):  # type: ignore[misc]
    """See `frameworks.token_layers.ReverseTokens`; a product with a matrix of 0 and 1, which every exporter knows."""

    takes_tokens = True

    def forward(self, values_ntk: Any, tokens_nt: Any = None) -> Any:
        """(N, T, K)."""
        if tokens_nt is None:
            return values_ntk.flip(1)
        steps = torch.arange(values_ntk.shape[1], device=values_ntk.device, dtype=torch.float32)
        sources_nt = tokens_nt.sum(dim=1, keepdim=True) - 1 - steps
        return (sources_nt[..., None] == steps).to(values_ntk.dtype) @ values_ntk


class TokenPositions(nn.Module):  # type: ignore[misc]
    """See `frameworks.token_layers.TokenPositions`."""

    def __init__(self, layer: kinds.TokenPositions, width: int) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(layer.num_steps, width) * 0.05)

    def forward(self, values_ntk: Any) -> Any:
        """Add the first T of them."""
        return values_ntk + self.embedding[: values_ntk.shape[1]]


def create_embedding(layer: kinds.Embedding) -> Any:
    """Vectors that start as Keras' do."""
    embedding = nn.Embedding(layer.num_ids, layer.width)
    nn.init.uniform_(embedding.weight, -0.05, 0.05)
    return embedding
