"""Figures of texts that were written: beside the true ones, and what was looked at for each of their tokens."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dbx_dl.figures import DARK, LIGHT, WRONG, new_figure

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_CELL_WIDTH = 40
_PLACES = (0.0, 0.4, 0.65, 0.9)


def sample_texts(
    given: Sequence[str], truths: Sequence[str], predictions: Sequence[tuple[str, float]], *, dark: bool = False
) -> Figure:
    """A table of texts that were given, the true ones and those that were written, with probabilities; wrong in red."""
    palette = DARK if dark else LIGHT
    figure = new_figure(9.0, 0.4 + 0.25 * len(given))
    axes = figure.add_subplot()
    axes.set_axis_off()
    written = [text for text, _ in predictions]
    shares = [f"{share:.2f}" for _, share in predictions]
    rows = [("given", "true", "written", "probability"), *zip(given, truths, written, shares, strict=True)]
    for place, row in enumerate(rows):
        is_right = place == 0 or row[1] == row[2]
        for column, text in zip(_PLACES, row, strict=True):
            shown = textwrap.shorten(text, _CELL_WIDTH, placeholder="…") if text else "–"
            color = palette.text if is_right else WRONG
            height = 1 - (place + 0.5) / len(rows)
            axes.text(column, height, shown, fontsize=8, va="center", color=color, transform=axes.transAxes)
    return figure


def attention_to_words(
    written: Sequence[Sequence[str]],
    given: Sequence[Sequence[str]],
    shares: Sequence[NDArray[np.floating]],
    *,
    dark: bool = False,
) -> Figure:
    """For each text how much of every given token (column) went into every written one (row): shares (T, S) each."""
    palette = DARK if dark else LIGHT
    figure = new_figure(3.2 * max(1, len(written)), 2.6)
    for place, (words, tokens, shares_ts) in enumerate(zip(written, given, shares, strict=True)):
        axes = figure.add_subplot(1, len(written), place + 1)
        if words and tokens:
            axes.imshow(shares_ts[: len(words), : len(tokens)], cmap="Blues", vmin=0, vmax=1, aspect="auto")
        axes.set_xticks(range(len(tokens)), tokens, rotation=45, ha="right", fontsize=8, color=palette.text)
        axes.set_yticks(range(len(words)), words, fontsize=8, color=palette.text)
    return figure


def attention_to_places(
    written: Sequence[Sequence[str]],
    images: Sequence[NDArray[np.uint8]],
    shares: Sequence[NDArray[np.floating]],
    *,
    dark: bool = False,
) -> Figure:
    """A row for each image (H, W, C): itself, and where it was looked at for each token, shares (T, S) of S places."""
    palette = DARK if dark else LIGHT
    most = 1 + max((len(words) for words in written), default=0)
    figure = new_figure(1.5 * most, 1.1 * max(1, len(written)))
    for row, (words, image, shares_ts) in enumerate(zip(written, images, shares, strict=True)):
        for place, word in enumerate(("", *words)):
            axes = figure.add_subplot(len(written), most, row * most + place + 1)
            axes.imshow(image[..., 0] if image.shape[-1] == 1 else image, cmap="gray", vmin=0, vmax=255)
            if place:
                _lay_over(axes, shares_ts[place - 1], image.shape[:2])
            axes.set_title(word, fontsize=8, color=palette.text)
            axes.set_axis_off()
    return figure


def _lay_over(axes: Any, shares_s: NDArray[np.floating], size: tuple[int, ...]) -> None:
    """Shares of places, row by row in a grid of about the image's proportions, as red light over the whole image."""
    height, width = size
    num_rows = max(1, round((len(shares_s) * height / width) ** 0.5))
    grid = shares_s.reshape(num_rows, -1) if len(shares_s) % num_rows == 0 else shares_s[None]
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    light = grid / max(float(grid.max()), 1e-9)
    axes.imshow(light, cmap="autumn", alpha=0.7 * light, vmin=0, vmax=1, extent=extent)
