"""Each kind of layer in PyTorch: what turns a value of `frameworks.layers` into a module.

Images are (N, C, H, W) between layers, steps (N, T, K); a row's shape decides which of them values are.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from dbx_dl.frameworks import audio_layers, cluster_layers, decoder_layers, history_layers, random_layers, token_layers
from dbx_dl.frameworks import layers as kinds
from dbx_dl.frameworks.architectures.architecture import name_layers
from dbx_dl.frameworks.architectures.pixels import PIXEL_SCALE
from dbx_dl.frameworks.torch.activations import create_activation
from dbx_dl.frameworks.torch.audio_layers import LogMel
from dbx_dl.frameworks.torch.cluster_layers import Centroids, DiagonalMixture
from dbx_dl.frameworks.torch.decoder_layers import AttentionDecoder
from dbx_dl.frameworks.torch.history_layers import Columns, ItemTower, SumEmbedding
from dbx_dl.frameworks.torch.layers.recurrent import LastStep, create_recurrent
from dbx_dl.frameworks.torch.random_layers import Corrupt, Sample
from dbx_dl.frameworks.torch.token_layers import (
    Conv1D,
    LastToken,
    MaxOverTokens,
    ReverseTokens,
    StepValues,
    TokenLogits,
    TokenPositions,
    create_embedding,
    keep_tokens,
    mark_tokens,
    walk,
)

Shape = kinds.Shape


def create_modules(layers: tuple[tuple[str, kinds.Layer], ...], shape: Shape) -> OrderedDict[str, Any]:
    """The named layers for rows of `shape`."""
    modules: OrderedDict[str, Any] = OrderedDict()
    for name, layer in layers:
        modules[name] = CREATORS[type(layer)](layer, shape)
        shape = layer.shape_after(shape)
    return modules


class ScalePixels(nn.Module):  # type: ignore[misc]
    """uint8 pixels (N, H, W, C) to float32 (N, C, H, W) in [0, 1]."""

    def forward(self, pixels_nhwc: Any) -> Any:
        """Channels first, then pixels / 255."""
        return pixels_nhwc.permute(0, 3, 1, 2).to(torch.float32) * PIXEL_SCALE


class FlattenChannelsLast(nn.Module):  # type: ignore[misc]
    """(N, C, H, W) to (N, H*W*C): the order of Keras, so that weights of both frameworks are interchangeable."""

    def forward(self, values_nchw: Any) -> Any:
        """Channels last, then flat."""
        return values_nchw.permute(0, 2, 3, 1).flatten(1)


class Reshape(nn.Module):  # type: ignore[misc]
    """Rows of one shape to another with channels last, whatever comes first between layers."""

    def __init__(self, before: Shape, after: Shape) -> None:
        super().__init__()
        self._before, self._after = before, after

    def forward(self, values: Any) -> Any:
        """The same numbers in another shape."""
        values = values.permute(0, 2, 3, 1) if len(self._before) == 3 else values
        values = values.reshape(-1, *self._after)
        return values.permute(0, 3, 1, 2) if len(self._after) == 3 else values


class PositionEmbedding(nn.Module):  # type: ignore[misc]
    """A trained number for every entry of a row, stored with channels last, is added."""

    def __init__(self, shape: Shape, deviation: float = 0.0) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(shape) * deviation if deviation else torch.zeros(shape))

    def forward(self, values: Any) -> Any:
        """Add it."""
        added = self.embedding
        return values + (added.permute(2, 0, 1) if added.ndim == 3 else added)


class GlobalAverage(nn.Module):  # type: ignore[misc]
    """The mean of every channel of (N, C, H, W), or of (N, T, C) over a row's tokens (zeros where it has none)."""

    takes_tokens = True

    def forward(self, values: Any, tokens_nt: Any = None) -> Any:
        """(N, C)."""
        if tokens_nt is not None:
            return keep_tokens(values, tokens_nt).sum(dim=1) / tokens_nt.sum(dim=1, keepdim=True).clamp(min=1)
        return values.mean(dim=(2, 3)) if values.ndim == 4 else values.mean(dim=1)


class Residual(nn.Module):  # type: ignore[misc]
    """body(x) + shortcut(x), with the modules of both by their names."""

    takes_tokens = True

    def __init__(self, layer: kinds.Residual, shape: Shape) -> None:
        super().__init__()
        named = name_layers((*layer.body, *layer.shortcut))
        num_body = len(layer.body)
        body = create_modules(named[:num_body], shape)
        shortcut = create_modules(named[num_body:], shape)
        self._body, self._shortcut = tuple(body), tuple(shortcut)
        for name, module in (body | shortcut).items():
            self.add_module(name, module)

    def forward(self, values: Any, tokens_nt: Any = None) -> Any:
        """Both ways, added."""
        return self._walk(self._body, values, tokens_nt) + self._walk(self._shortcut, values, tokens_nt)

    def _walk(self, names: tuple[str, ...], values: Any, tokens_nt: Any) -> Any:
        return walk([getattr(self, name) for name in names], values, tokens_nt)


class SideBySide(nn.Module):  # type: ignore[misc]
    """The branches' values beside each other, with the modules of all by their names."""

    takes_tokens = True

    def __init__(self, layer: token_layers.SideBySide, shape: Shape) -> None:
        super().__init__()
        named = list(name_layers(tuple(one for branch in layer.branches for one in branch)))
        self._branches = []
        for branch in layer.branches:
            modules = create_modules(tuple(named[: len(branch)]), shape)
            del named[: len(branch)]
            self._branches.append(tuple(modules))
            for name, module in modules.items():
                self.add_module(name, module)

    def forward(self, values: Any, tokens_nt: Any = None) -> Any:
        """(N, ..., sum of the branches' last dimensions); of images (N, sum of the branches' channels, H, W)."""
        branches = [[getattr(self, name) for name in names] for names in self._branches]
        found = [walk(branch, values, tokens_nt) for branch in branches]
        return torch.cat(found, dim=1 if values.ndim == 4 else -1)


class TextBesideColumns(nn.Module):  # type: ignore[misc]
    """See `frameworks.token_layers.TextBesideColumns`, with the modules of both by their names."""

    def __init__(self, layer: token_layers.TextBesideColumns, shape: Shape) -> None:
        super().__init__()
        named, num_text = name_layers((*layer.text, *layer.columns)), len(layer.text)
        text = create_modules(named[:num_text], (layer.num_steps,))
        columns = create_modules(named[num_text:], (shape[0] - layer.num_steps,))
        self._num_steps, self._text, self._columns = layer.num_steps, tuple(text), tuple(columns)
        for name, module in (text | columns).items():
            self.add_module(name, module)

    def forward(self, rows: Any) -> Any:
        """(N, L + M)."""
        ids = rows[:, : self._num_steps].to(torch.int32)
        text = walk([getattr(self, name) for name in self._text], ids, mark_tokens(ids))
        columns = walk([getattr(self, name) for name in self._columns], rows[:, self._num_steps :], None)
        return torch.cat([text, columns], dim=-1)


class SelfAttention(nn.Module):  # type: ignore[misc]
    """See `frameworks.layers.SelfAttention`; on float (N, T, K)."""

    takes_tokens = True

    def __init__(self, num_heads: int, width: int) -> None:
        super().__init__()
        self._num_heads = num_heads
        self.query, self.key, self.value, self.output = (start_layer(nn.Linear(width, width)) for _ in range(4))

    def forward(self, values_ntk: Any, tokens_nt: Any = None) -> Any:
        """Every step attends to all steps of its row, or to all tokens."""
        _, num_steps, width = values_ntk.shape
        size = width // self._num_heads

        def split(dense: Any) -> Any:
            return dense(values_ntk).reshape(-1, num_steps, self._num_heads, size).transpose(1, 2)

        query, key, value = (split(dense) for dense in (self.query, self.key, self.value))
        scores = query @ key.transpose(2, 3) * size**-0.5
        if tokens_nt is not None:
            scores = scores + (1 - tokens_nt)[:, None, None] * token_layers.MASKED_SCORE
        shares = functional.softmax(scores, dim=-1)
        return self.output((shares @ value).transpose(1, 2).reshape(-1, num_steps, width))


class RandomFourier(nn.Module):  # type: ignore[misc]
    """See `frameworks.layers.RandomFourier`; what is drawn is kept with the weights."""

    def __init__(self, layer: kinds.RandomFourier, width: int) -> None:
        super().__init__()
        self._factor = (2 / layer.num_features) ** 0.5
        for name, array in zip(("frequencies", "phases"), layer.draw(width), strict=True):
            self.register_buffer(name, torch.from_numpy(array))

    def forward(self, values: Any) -> Any:
        """(N, num_features)."""
        return torch.cos(values @ self.frequencies + self.phases) * self._factor


def start_layer(layer: Any) -> Any:
    """Weights as Keras draws them by default, so that both frameworks train from the same distribution."""
    nn.init.xavier_uniform_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def _convolve(layer: kinds.Conv2D, shape: Shape) -> Any:
    is_same = layer.stride == 1 and 2 * layer.padding == layer.size - 1
    padding = "same" if is_same else layer.padding
    convolution = nn.Conv2d(
        shape[2], layer.filters, layer.size, stride=layer.stride, padding=padding, bias=layer.has_bias
    )
    return start_layer(convolution)


def _normalize_batch(layer: kinds.BatchNorm, shape: Shape) -> Any:
    del layer
    kind = nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d
    return kind(shape[-1], eps=kinds.NORM_EPSILON, momentum=1 - kinds.BATCH_NORM_MOMENTUM)


def _recur(layer: kinds.Recurrent, shape: Shape) -> Any:
    recurrent = create_recurrent(layer, shape[1])
    return recurrent if layer.returns_steps else nn.Sequential(OrderedDict(steps=recurrent, last=LastStep(layer)))


CREATORS: dict[type, Callable[[Any, Shape], Any]] = {
    kinds.ScalePixels: lambda *_: ScalePixels(),
    kinds.Activation: lambda layer, _: create_activation(layer.name),
    kinds.Dropout: lambda layer, _: nn.Dropout(layer.rate),
    kinds.Reshape: lambda layer, shape: Reshape(shape, layer.shape),
    kinds.Flatten: lambda _, shape: FlattenChannelsLast() if len(shape) == 3 else nn.Flatten(),
    kinds.Dense: lambda layer, shape: start_layer(nn.Linear(shape[-1], layer.units, bias=layer.has_bias)),
    kinds.Conv2D: _convolve,
    kinds.PositionBias: lambda _, shape: PositionEmbedding(shape),
    kinds.PositionEmbedding: lambda _, shape: PositionEmbedding(shape, deviation=0.05),
    kinds.MaxPool2D: lambda layer, _: nn.MaxPool2d(layer.size),
    kinds.GlobalAverage: lambda *_: GlobalAverage(),
    kinds.BatchNorm: _normalize_batch,
    kinds.LayerNorm: lambda _, shape: nn.LayerNorm(shape[-1], eps=kinds.NORM_EPSILON),
    kinds.RandomFourier: lambda layer, shape: RandomFourier(layer, shape[-1]),
    kinds.Residual: Residual,
    kinds.UpSample2D: lambda layer, _: nn.Upsample(scale_factor=layer.size),
    kinds.Recurrent: _recur,
    kinds.SelfAttention: lambda layer, shape: SelfAttention(layer.num_heads, shape[-1]),
    random_layers.Corrupt: lambda layer, _: Corrupt(layer.noise, layer.masking),
    random_layers.Sample: lambda *_: Sample(),
    audio_layers.LogMel: lambda layer, _: LogMel(layer),
    random_layers.Mark: lambda *_: nn.Identity(),
    cluster_layers.Centroids: lambda layer, shape: Centroids(layer.num_clusters, shape[-1]),
    cluster_layers.DiagonalMixture: lambda layer, shape: DiagonalMixture(layer.num_clusters, shape[-1]),
    token_layers.StepValues: lambda *_: StepValues(),
    token_layers.Embedding: lambda layer, _: create_embedding(layer),
    token_layers.TokenPositions: lambda layer, shape: TokenPositions(layer, shape[-1]),
    token_layers.Conv1D: lambda layer, shape: Conv1D(layer, shape[-1]),
    token_layers.MaxOverTokens: lambda *_: MaxOverTokens(),
    token_layers.LastToken: lambda *_: LastToken(),
    token_layers.TokenLogits: lambda *_: TokenLogits(),
    token_layers.ReverseTokens: lambda *_: ReverseTokens(),
    token_layers.SideBySide: SideBySide,
    token_layers.TextBesideColumns: TextBesideColumns,
    decoder_layers.AttentionDecoder: lambda layer, shape: AttentionDecoder(layer, shape[-1]),
    history_layers.Columns: lambda layer, _: Columns(layer),
    history_layers.SumEmbedding: lambda layer, _: SumEmbedding(layer),
    history_layers.ItemTower: lambda layer, shape: ItemTower(layer, shape[-1]),
}
