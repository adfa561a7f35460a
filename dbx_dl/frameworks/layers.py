"""What the built-in networks are made of, as values that every framework turns into layers of its own.

Shapes are one row's and channels come last, whatever a framework computes in. `num_parameters` are those that are
trained.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np

Shape = tuple[int, ...]
Cell = Literal["rnn", "lstm", "gru"]
GATES: dict[Cell, int] = {"rnn": 1, "lstm": 4, "gru": 3}
NORM_EPSILON = 1e-3
# The share of the old value that moving statistics keep at every step.
BATCH_NORM_MOMENTUM = 0.9


class Layer(Protocol):
    """One layer; a framework finds its own by the class."""

    def shape_after(self, shape: Shape) -> Shape:
        """The shape of one row behind the layer."""

    def num_parameters(self, shape: Shape) -> int:
        """Trained numbers of the layer on rows of `shape`."""


class KeepsShape:
    """A layer behind which rows have the shape that they had before it."""

    def shape_after(self, shape: Shape) -> Shape:
        """Rows keep their shape."""
        return shape


class WithoutWeights(KeepsShape):
    """A layer of which nothing is trained."""

    def num_parameters(self, shape: Shape) -> int:
        """None."""
        del shape
        return 0


class _Norm(KeepsShape):
    def num_parameters(self, shape: Shape) -> int:
        """a and b."""
        return 2 * shape[-1]


class _Added(KeepsShape):
    def num_parameters(self, shape: Shape) -> int:
        """One for every entry of a row."""
        return prod(shape)


@dataclass(frozen=True)
class ScalePixels(WithoutWeights):
    """uint8 pixels (H, W, C) to float32 in [0, 1]."""


@dataclass(frozen=True)
class Activation(WithoutWeights):
    """One of `ACTIVATIONS`, by its name."""

    name: str


@dataclass(frozen=True)
class Dropout(WithoutWeights):
    """In training each value is 0 with this probability, and the others are divided by the rest."""

    rate: float


@dataclass(frozen=True)
class Reshape(WithoutWeights):
    """The same numbers, in row-major order with channels last, in another shape."""

    shape: Shape

    def shape_after(self, shape: Shape) -> Shape:
        """The new shape; ValueError when it has another number of entries."""
        if prod(shape) != prod(self.shape):
            raise ValueError(f"{shape} does not have as many entries as {self.shape}")
        return self.shape


@dataclass(frozen=True)
class Flatten(WithoutWeights):
    """(...) to (K,), in row-major order with channels last."""

    def shape_after(self, shape: Shape) -> Shape:
        """All entries in a row."""
        return (prod(shape),)


@dataclass(frozen=True)
class Dense:
    """(..., K) to (..., units): x W + b."""

    units: int
    has_bias: bool = True

    def shape_after(self, shape: Shape) -> Shape:
        """The last dimension becomes `units`."""
        return (*shape[:-1], self.units)

    def num_parameters(self, shape: Shape) -> int:
        """W, and b where there is one."""
        return (shape[-1] + self.has_bias) * self.units


@dataclass(frozen=True)
class Conv2D:
    """Convolution (cross-correlation) of (H, W, C) with `filters` kernels of (size, size, C).

    `padding` rows and columns of zeros are put on every side first.
    """

    filters: int
    size: int
    padding: int = 0
    stride: int = 1
    has_bias: bool = True

    def shape_after(self, shape: Shape) -> Shape:
        """(H', W', filters)."""
        height, width, _ = shape
        sides = [(side + 2 * self.padding - self.size) // self.stride + 1 for side in (height, width)]
        return (*sides, self.filters)

    def num_parameters(self, shape: Shape) -> int:
        """The kernels, and a bias for each where there is one."""
        return (self.size**2 * shape[2] + self.has_bias) * self.filters


@dataclass(frozen=True)
class PositionBias(_Added):
    """A trained number for every position and channel is added to (H, W, C)."""


@dataclass(frozen=True)
class MaxPool2D(WithoutWeights):
    """The largest of every `size` x `size` pixels that lie side by side; what is left at the ends is dropped."""

    size: int = 2

    def shape_after(self, shape: Shape) -> Shape:
        """(H // size, W // size, C)."""
        height, width, channels = shape
        return (height // self.size, width // self.size, channels)


@dataclass(frozen=True)
class GlobalAverage(WithoutWeights):
    """(H, W, C) or (T, C) to the mean of every channel (C,)."""

    def shape_after(self, shape: Shape) -> Shape:
        """The channels."""
        return shape[-1:]


@dataclass(frozen=True)
class BatchNorm(_Norm):
    """Every channel to mean 0 and variance 1 over the batch (when predicting: of moving statistics), then a x + b."""


@dataclass(frozen=True)
class LayerNorm(_Norm):
    """The last dimension to mean 0 and variance 1, then a x + b."""


@dataclass(frozen=True)
class Residual:
    """body(x) + shortcut(x); an empty shortcut is x itself."""

    body: tuple[Layer, ...]
    shortcut: tuple[Layer, ...] = ()

    def shape_after(self, shape: Shape) -> Shape:
        """The shape behind the body."""
        return shape_after(self.body, shape)

    def num_parameters(self, shape: Shape) -> int:
        """Those of both ways."""
        return count_parameters(self.body, shape) + count_parameters(self.shortcut, shape)


@dataclass(frozen=True)
class UpSample2D(WithoutWeights):
    """(H, W, C) to (size H, size W, C): every pixel `size` x `size` times."""

    size: int = 2

    def shape_after(self, shape: Shape) -> Shape:
        """The larger image."""
        height, width, channels = shape
        return (height * self.size, width * self.size, channels)


@dataclass(frozen=True)
class RandomFourier(WithoutWeights):
    """(K,) to `num_features` random features whose products are near exp(-gamma |x - y|^2).

    sqrt(2 / num_features) cos(x W + b) with W and b drawn once from `seed` and never trained (Rahimi and Recht 2007,
    "Random features for large-scale kernel machines").
    """

    num_features: int
    gamma: float
    seed: int

    def shape_after(self, shape: Shape) -> Shape:
        """The features."""
        return (*shape[:-1], self.num_features)

    def draw(self, width: int) -> tuple[np.ndarray, np.ndarray]:
        """W float32 (width, num_features) and b float32 (num_features,)."""
        import numpy as np

        random = np.random.default_rng(self.seed)
        frequencies = random.normal(0, (2 * self.gamma) ** 0.5, (width, self.num_features))
        return frequencies.astype(np.float32), random.uniform(0, 2 * np.pi, self.num_features).astype(np.float32)


@dataclass(frozen=True)
class Recurrent:
    """A recurrent layer over the steps of (T, K); both directions side by side when `is_bidirectional`.

    rnn: h = tanh(x W + h U + b). lstm: Hochreiter and Schmidhuber 1997 with forget gates, without peepholes. gru: Cho
    et al. 2014, with the reset gate behind the matrix product (as in cuDNN), so that it has two biases.
    """

    cell: Cell
    units: int
    is_bidirectional: bool = False
    returns_steps: bool = False

    def shape_after(self, shape: Shape) -> Shape:
        """(T, units) with `returns_steps`, else the last state (units,); twice as wide in both directions."""
        width = self.units * (1 + self.is_bidirectional)
        return (shape[0], width) if self.returns_steps else (width,)

    def num_parameters(self, shape: Shape) -> int:
        """W, U and b of every gate and direction."""
        num_biases = 2 if self.cell == "gru" else 1
        one = GATES[self.cell] * self.units * (shape[1] + self.units + num_biases)
        return one * (1 + self.is_bidirectional)


@dataclass(frozen=True)
class PositionEmbedding(_Added):
    """A trained vector for every step is added to (T, K)."""


@dataclass(frozen=True)
class SelfAttention(KeepsShape):
    """Multi-head scaled dot-product attention of (T, K) to itself (Vaswani et al. 2017), every step to all."""

    num_heads: int

    def num_parameters(self, shape: Shape) -> int:
        """Queries, keys, values and the output, each K x K with a bias."""
        return 4 * (shape[1] + 1) * shape[1]


def shape_after(layers: tuple[Layer, ...], shape: Shape) -> Shape:
    """The shape of one row behind all layers."""
    for layer in layers:
        shape = layer.shape_after(shape)
    return shape


def count_parameters(layers: tuple[Layer, ...], shape: Shape) -> int:
    """Trained numbers of all layers on rows of `shape`."""
    num = 0
    for layer in layers:
        num += layer.num_parameters(shape)
        shape = layer.shape_after(shape)
    return num
