"""Layers of sequences whose rows end in padding, as values: nothing that they give depends on how much there is.

Beside its values a sequence network passes on which steps of a row are tokens (for texts: all ids but 0). Without that
all steps are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.frameworks.layers import WithoutWeights, count_parameters, shape_after

if TYPE_CHECKING:
    from dbx_dl.frameworks.layers import Layer, Shape

PADDING_ID = 0
# Added to an attention score of 0, it makes a share of exactly 0, in float16 as well.
MASKED_SCORE = -1e4


@dataclass(frozen=True)
class Embedding:
    """Ids (T,) below `num_ids` to trained vectors (T, width)."""

    num_ids: int
    width: int

    def shape_after(self, shape: Shape) -> Shape:
        """A vector for every id."""
        return (*shape, self.width)

    def num_parameters(self, shape: Shape) -> int:
        """The vectors."""
        del shape
        return self.num_ids * self.width


@dataclass(frozen=True)
class StepValues(WithoutWeights):
    """(T, K + 1) to (T, K): numbers by step without the last one, which says what is a step."""

    def shape_after(self, shape: Shape) -> Shape:
        """One number less."""
        return (shape[0], shape[1] - 1)


@dataclass(frozen=True)
class TokenPositions:
    """A trained vector for every step is added to (T, K), of which there are `num_steps` for the longest row."""

    num_steps: int

    def shape_after(self, shape: Shape) -> Shape:
        """As before."""
        return shape

    def num_parameters(self, shape: Shape) -> int:
        """The vectors."""
        return self.num_steps * shape[-1]


@dataclass(frozen=True)
class Conv1D:
    """Convolution over the steps of (T, K) with `filters` kernels of (size, K), as many steps as before.

    Before the first and behind the last token there are zeros.
    """

    filters: int
    size: int

    def shape_after(self, shape: Shape) -> Shape:
        """(T, filters)."""
        return (shape[0], self.filters)

    def num_parameters(self, shape: Shape) -> int:
        """The kernels, and a bias for each."""
        return (self.size * shape[1] + 1) * self.filters


@dataclass(frozen=True)
class MaxOverTokens(WithoutWeights):
    """(T, K) to the largest of every channel over a row's tokens, at least 0 (K,): relu before it changes nothing."""

    def shape_after(self, shape: Shape) -> Shape:
        """The channels."""
        return shape[-1:]


@dataclass(frozen=True)
class LastToken(WithoutWeights):
    """(T, K) to the values of a row's last token (K,), zeros where it has none."""

    def shape_after(self, shape: Shape) -> Shape:
        """One step."""
        return shape[-1:]


@dataclass(frozen=True)
class TokenLogits(WithoutWeights):
    """(T, C) to (T * C,), `MASKED_SCORE` where there is padding."""

    def shape_after(self, shape: Shape) -> Shape:
        """All in a row."""
        return (shape[0] * shape[1],)


@dataclass(frozen=True)
class ReverseTokens(WithoutWeights):
    """A row's tokens of (T, K) in the opposite order, zeros behind them."""


@dataclass(frozen=True)
class SideBySide:
    """What several branches make of the same values, one behind the other in the last dimension.

    A branch without layers gives the values themselves.
    """

    branches: tuple[tuple[Layer, ...], ...]

    def shape_after(self, shape: Shape) -> Shape:
        """The branches' last dimensions added up; the others are the same."""
        shapes = [shape_after(branch, shape) for branch in self.branches]
        return (*shapes[0][:-1], sum(one[-1] for one in shapes))

    def num_parameters(self, shape: Shape) -> int:
        """Those of all branches."""
        return sum(count_parameters(branch, shape) for branch in self.branches)


@dataclass(frozen=True)
class TextBesideColumns:
    """Of rows (T + K,), what `text` makes of T = `num_steps` ids, and behind it what `columns` makes of K features.

    The ids are float32 there, and int32 again for `text`. Both give a vector (L,).
    """

    num_steps: int
    text: tuple[Layer, ...]
    columns: tuple[Layer, ...]

    def shape_after(self, shape: Shape) -> Shape:
        """The vectors' lengths added up."""
        text, columns = self._shapes(shape)
        return (shape_after(self.text, text)[0] + shape_after(self.columns, columns)[0],)

    def num_parameters(self, shape: Shape) -> int:
        """Those of both."""
        text, columns = self._shapes(shape)
        return count_parameters(self.text, text) + count_parameters(self.columns, columns)

    def _shapes(self, shape: Shape) -> tuple[Shape, Shape]:
        return (self.num_steps,), (shape[0] - self.num_steps,)
