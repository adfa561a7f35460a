"""Recurrent layers in PyTorch that start and count their weights as Keras' do."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from dbx_dl.frameworks.layers import GATES, Recurrent

_KINDS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
_FORGET_GATE = 1


class RecurrentSteps(nn.Module):  # type: ignore[misc]
    """(N, T, K) to the states of all steps (N, T, units), or of both directions side by side."""

    def __init__(self, layer: Recurrent, width: int) -> None:
        super().__init__()
        self.cell = _KINDS[layer.cell](width, layer.units, batch_first=True, bidirectional=layer.is_bidirectional)
        for name, weight in list(self.cell.named_parameters()):
            _start(layer, name, weight)
            # RNN and LSTM only ever add their second bias to the first one.
            if name.startswith("bias_hh") and layer.cell != "gru":
                _fix_at_zero(self.cell, name)
        self.cell._flat_weights = [getattr(self.cell, name) for name in self.cell._flat_weights_names]

    def forward(self, values_ntk: Any) -> Any:
        """The states."""
        return self.cell(values_ntk)[0]


class LastStep(nn.Module):  # type: ignore[misc]
    """The last state of (N, T, units); of the backward direction that is the one of the first step."""

    def __init__(self, layer: Recurrent) -> None:
        super().__init__()
        self._units, self._is_bidirectional = layer.units, layer.is_bidirectional

    def forward(self, states_ntk: Any) -> Any:
        """(N, units), or twice as wide."""
        if not self._is_bidirectional:
            return states_ntk[:, -1]
        return torch.cat([states_ntk[:, -1, : self._units], states_ntk[:, 0, self._units :]], dim=1)


def create_recurrent(layer: Recurrent, width: int) -> Any:
    """The layer on steps of `width` numbers, which gives the states of all steps."""
    return RecurrentSteps(layer, width)


def _start(layer: Recurrent, name: str, weight: Any) -> None:
    if name.startswith("weight_ih"):
        nn.init.xavier_uniform_(weight)
    elif name.startswith("weight_hh"):
        nn.init.orthogonal_(weight)
    else:
        nn.init.zeros_(weight)
        if layer.cell == "lstm" and name.startswith("bias_ih"):
            with torch.no_grad():
                weight.view(GATES["lstm"], layer.units)[_FORGET_GATE] = 1


def _fix_at_zero(cell: Any, name: str) -> None:
    zeros = torch.zeros_like(cell._parameters.pop(name).detach())
    cell.register_buffer(name, zeros, persistent=False)
