"""Figures of a run (curves, confusion matrix, samples), drawn without a display or global state."""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from dbx_dl.contracts import EpochMetrics, SearchTrial

PANELS = ("loss", "accuracy", "auc", "log_loss")
MAX_PANELS = 2
MAX_NAMED_CELLS = 20
WRONG = "#d6453d"
# Characters in a line above an image.
_TITLE_WIDTH = 22


@dataclass(frozen=True)
class Palette:
    """Colours of a figure; the background is transparent, so that a page's own colour shows."""

    text: str
    grid: str
    splits: dict[str, str]
    right: str
    wrong: str


LIGHT = Palette("#1f2733", "#d9dee6", {"train": "#2f6fde", "validation": "#e07a1f", "test": "#2a9d6f"}, "Blues", "Reds")
DARK = Palette("#e6e9ef", "#3a4352", {"train": "#7aa7ff", "validation": "#ffab5e", "test": "#63d3a6"}, "Blues", "Reds")


def learning_curves(history: Sequence[EpochMetrics], *, best_epoch: int | None = None, dark: bool = False) -> Figure:
    """One panel per metric (loss first, at most two), one line per split; a dotted line marks `best_epoch`."""
    palette = DARK if dark else LIGHT
    panels = _choose_panels({name for epoch in history for name in epoch.metrics})
    figure = new_figure(3.3 * max(1, len(panels)), 2.5)
    for position, panel in enumerate(panels, start=1):
        axes = figure.add_subplot(1, len(panels), position)
        for split, color in palette.splits.items():
            points = _collect_points(history, split, panel)
            if points:
                axes.plot(*zip(*points, strict=True), color=color, label=split, linewidth=1.8, marker="o", markersize=3)
        if best_epoch is not None:
            axes.axvline(best_epoch, color=palette.text, linewidth=0.8, linestyle=":")
        _dress_curves(axes, panel, palette)
    return figure


def confusion_matrix(
    labels: NDArray[np.integer], predicted: NDArray[np.integer], names: Sequence[str], *, dark: bool = False
) -> Figure:
    """Counts of true class (row) against predicted class (column); labels and predicted are class indexes (N,)."""
    import numpy as np

    palette = DARK if dark else LIGHT
    size = len(names)
    counts = np.zeros((size, size), dtype=np.int64)
    np.add.at(counts, (np.asarray(labels), np.asarray(predicted)), 1)
    side = min(9.0, max(4.2, 0.42 * size + 1.2))
    figure = new_figure(side, side)
    axes = figure.add_subplot()
    axes.imshow(_cell_colors(counts, palette), interpolation="nearest")
    if size <= MAX_NAMED_CELLS:
        _write_counts(axes, counts)
        shown = [plain_text(name) for name in names]
        axes.set_xticks(range(size), shown, rotation=0 if max(map(len, names)) < 4 or size < 4 else 60)
        axes.set_yticks(range(size), shown)
    axes.set_xlabel("predicted", color=palette.text)
    axes.set_ylabel("true", color=palette.text)
    _dress(axes, palette)
    return figure


def estimates(
    labels: NDArray[np.floating],
    points: NDArray[np.floating],
    interval: tuple[NDArray[np.floating], NDArray[np.floating]] | None = None,
    *,
    dark: bool = False,
) -> Figure:
    """True numbers over predicted ones, (N,) each, with the diagonal, and the predicted interval of each as a line."""
    import numpy as np

    palette = DARK if dark else LIGHT
    figure = new_figure(4.2, 4.2)
    axes = figure.add_subplot()
    if interval is not None:
        axes.vlines(points, *interval, color=palette.grid, linewidth=0.8)
    axes.plot(points, labels, ".", color=palette.splits["test"], markersize=4)
    if len(points):
        ends = [float(np.min(points)), float(np.max(points))]
        axes.plot(ends, ends, color=palette.text, linewidth=0.8, linestyle=":")
    axes.set_xlabel("predicted", color=palette.text)
    axes.set_ylabel("true", color=palette.text)
    _dress(axes, palette)
    return figure


def hit_rates(rates: Mapping[str, Sequence[float]], *, dark: bool = False) -> Figure:
    """Lines by name: how often the item that was chosen is among the first 1, 2, … of a list."""
    from matplotlib.ticker import MaxNLocator

    palette = DARK if dark else LIGHT
    figure = new_figure(4.6, 3.0)
    axes = figure.add_subplot()
    for (name, values), color in zip(rates.items(), (*palette.splits.values(), palette.text), strict=False):
        axes.plot(range(1, len(values) + 1), values, color=color, label=name, linewidth=1.8, marker="o", markersize=3)
    axes.set_xlabel("items recommended", color=palette.text)
    axes.set_ylabel("hit rate", color=palette.text)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(0, 1)
    axes.legend(frameon=False, labelcolor=palette.text, fontsize=8)
    _dress(axes, palette)
    return figure


def sample_predictions(
    images: Sequence[NDArray[np.uint8]],
    truths: Sequence[str],
    predictions: Sequence[tuple[str, float]],
    *,
    dark: bool = False,
) -> Figure:
    """A grid of images (H, W, C) uint8, each titled with its predicted label and probability; wrong ones in red."""
    palette = DARK if dark else LIGHT
    num_columns = min(8, max(1, len(images)))
    num_rows = max(1, math.ceil(len(images) / num_columns))
    figure = new_figure(1.25 * num_columns, 1.6 * num_rows)
    for position, (image, truth, (label, probability)) in enumerate(zip(images, truths, predictions, strict=True)):
        axes = figure.add_subplot(num_rows, num_columns, position + 1)
        axes.imshow(image[..., 0] if image.shape[-1] == 1 else image, cmap="gray", vmin=0, vmax=255)
        axes.set_axis_off()
        is_right = label == truth
        title = f"{label}  {probability:.2f}" if is_right else f"{truth} → {label}  {probability:.2f}"
        text = plain_text(textwrap.fill(title, _TITLE_WIDTH))
        axes.set_title(text, fontsize=8, color=palette.text if is_right else WRONG)
    return figure


def class_samples(
    samples: Mapping[str, Sequence[NDArray[np.uint8]]], rejects: Sequence[tuple[str, str]], *, dark: bool = False
) -> Figure:
    """One row of images (H, W, C) uint8 of one size per class, and below them rejects: (name, reason) each."""
    palette = DARK if dark else LIGHT
    shown = {name: images for name, images in samples.items() if images}
    most = max([1, *map(len, shown.values())])
    text_height = 0.16 * (len(rejects) + 1) if rejects else 0.0
    heights = [1.0] * len(shown) + ([max(0.2, text_height)] if rejects else [])
    figure = new_figure(1.0 * most + 1.4, sum(heights) + 0.1)
    grid = figure.add_gridspec(max(1, len(heights)), 1, height_ratios=heights or [1.0])
    for row, (name, images) in enumerate(shown.items()):
        axes = figure.add_subplot(grid[row])
        axes.imshow(_strip(images, most), vmin=0, vmax=255)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_ylabel(plain_text(name), rotation=0, ha="right", va="center", color=palette.text, fontsize=9)
        for spine in axes.spines.values():
            spine.set_visible(False)
    if rejects:
        axes = figure.add_subplot(grid[len(shown)])
        axes.set_axis_off()
        text = plain_text("rejected\n" + "\n".join(f"{reason}:  {name}" for name, reason in rejects))
        axes.text(0, 1, text, va="top", fontsize=7, color=WRONG, family="monospace", transform=axes.transAxes)
    return figure


def _strip(images: Sequence[NDArray[np.uint8]], num_places: int) -> NDArray[np.uint8]:
    """Images side by side with gaps, as RGBA (H, …, 4); places without an image are transparent."""
    import numpy as np

    height, width, channels = images[0].shape
    gap = max(1, width // 10)
    strip = np.zeros((height, num_places * (width + gap) - gap, 4), np.uint8)
    for place, image in enumerate(images):
        start = place * (width + gap)
        strip[:, start : start + width, :3] = image if channels == 3 else np.repeat(image, 3, axis=2)
        strip[:, start : start + width, 3] = 255
    return strip


def search_history(trials: Sequence[SearchTrial], metric: str, direction: str, *, dark: bool = False) -> Figure:
    """The metric of a search's trials by number, complete and pruned ones, and a line for the best one so far."""
    palette = DARK if dark else LIGHT
    figure = new_figure(5.0, 2.8)
    axes = figure.add_subplot()
    for state, color in (("complete", palette.splits["train"]), ("pruned", palette.text)):
        marker = "o" if state == "complete" else "x"
        points = [(t.number, t.value) for t in trials if t.state == state and t.value is not None]
        if points:
            axes.plot(*zip(*points, strict=True), color=color, label=state, linestyle="", marker=marker, markersize=4)
    complete = [(t.number, t.value) for t in trials if t.state == "complete" and t.value is not None]
    better = max if direction == "maximize" else min
    best = list(accumulate((value for _, value in complete), better))
    axes.step([n for n, _ in complete], best, where="post", color=palette.splits["validation"], label="best so far")
    _dress_curves(axes, metric, palette)
    axes.set_xlabel("trial", fontsize=9, color=palette.text)
    return figure


def cluster_map(
    points: NDArray[np.floating], clusters: NDArray[np.integer], share: float, *, dark: bool = False
) -> Figure:
    """Points (N, 2) in the colour of their cluster (N,), its number amid them; axes show `share` of the variance."""
    from matplotlib import colormaps

    palette = DARK if dark else LIGHT
    figure = new_figure(5.0, 4.4)
    axes = figure.add_subplot()
    colors = colormaps["tab10" if clusters.max(initial=0) < 10 else "tab20"]
    for cluster in sorted(set(clusters.tolist())):
        own = points[clusters == cluster]
        axes.plot(*own.T, ".", color=colors(cluster % colors.N), markersize=4, alpha=0.6)
        x, y = own.mean(axis=0)
        box = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": colors(cluster % colors.N)}
        axes.text(x, y, str(cluster), ha="center", va="center", fontsize=9, color="#1f2733", bbox=box)
    axes.set_title(f"two principal axes, {share:.0%} of the variance", fontsize=10, color=palette.text, loc="left")
    axes.set_xticks([])
    axes.set_yticks([])
    _dress(axes, palette)
    return figure


def setting_importance(importances: Mapping[str, float], *, dark: bool = False) -> Figure:
    """One bar per setting, as long as its share in what the searched metric varies by; the greatest on top."""
    palette = DARK if dark else LIGHT
    ordered = sorted(importances.items(), key=lambda item: item[1])
    figure = new_figure(5.0, 0.35 * len(ordered) + 0.8)
    axes = figure.add_subplot()
    axes.barh([plain_text(name) for name, _ in ordered], [share for _, share in ordered], color=palette.splits["train"])
    axes.set_xlim(0, 1)
    axes.set_title("importance", fontsize=10, color=palette.text, loc="left")
    _dress(axes, palette)
    return figure


def activation_curves(
    functions: Mapping[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]], *, dark: bool = False
) -> Figure:
    """A panel for each function: its values from -3 to 3 as a line, the gradient that training uses as a dashed one."""
    import numpy as np

    palette = DARK if dark else LIGHT
    points = np.linspace(-3, 3, 1201)
    num_rows = math.ceil(len(functions) / 4)
    figure = new_figure(10.0, 2.4 * num_rows)
    for place, (name, (apply, gradient)) in enumerate(functions.items(), start=1):
        axes = figure.add_subplot(num_rows, 4, place)
        axes.plot(points, apply(points), color=palette.splits["train"], linewidth=1.8, label="value")
        axes.plot(points, gradient(points), color=palette.splits["validation"], linestyle="--", label="gradient")
        axes.set_ylim(-1.4, 3.1)
        _dress_curves(axes, name, palette)
        axes.set_xlabel("")
    return figure


def plain_text(text: str) -> str:
    """A text for a figure that matplotlib shows as it is: between two dollar signs it would read a formula."""
    return text.replace("$", r"\$")


def encode_png(figure: Figure, dpi: int = 144) -> bytes:
    """The figure as PNG bytes with a transparent background."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, transparent=True)
    return buffer.getvalue()


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of so many inches, which nothing global knows."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _collect_points(history: Sequence[EpochMetrics], split: str, panel: str) -> list[tuple[int, float]]:
    # The log loss is the loss where no weight decay or the like is added: evaluation reports it under that name.
    names = [f"{split}_{panel}", f"{split}_log_loss"] if panel == "loss" else [f"{split}_{panel}"]
    values = [(e.epoch, next((e.metrics[name] for name in names if name in e.metrics), None)) for e in history]
    return [(epoch, value) for epoch, value in values if value is not None]


def _choose_panels(metric_names: Iterable[str]) -> list[str]:
    found = {name.partition("_")[2] for name in metric_names if name.partition("_")[0] in LIGHT.splits}
    known = [panel for panel in PANELS if panel in found]
    return (known + sorted(found - set(known)))[:MAX_PANELS]


def _dress_curves(axes: Any, panel: str, palette: Palette) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_title(plain_text(panel.replace("_", " ")), fontsize=10, color=palette.text, loc="left")
    axes.set_xlabel("epoch", fontsize=9, color=palette.text)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(color=palette.grid, linewidth=0.6)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(frameon=False, fontsize=8, labelcolor=palette.text)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    _dress(axes, palette)


def _dress(axes: Any, palette: Palette) -> None:
    axes.tick_params(colors=palette.text, labelsize=8)
    for spine in axes.spines.values():
        spine.set_color(palette.grid)


def _cell_colors(counts: NDArray[np.int64], palette: Palette) -> NDArray[np.float64]:
    """RGBA (C, C, 4): right cells in one hue, wrong ones in another, each by the square root of its row's share."""
    import numpy as np
    from matplotlib import colormaps

    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    tints = np.sqrt(shares)
    right = colormaps[palette.right](0.15 + 0.6 * tints)
    wrong = colormaps[palette.wrong](0.15 + 0.6 * tints)
    colors = np.where(np.eye(len(counts), dtype=bool)[..., None], right, wrong)
    colors[counts == 0] = (0.5, 0.5, 0.5, 0.08)
    return np.asarray(colors)


def _write_counts(axes: Any, counts: NDArray[np.int64]) -> None:
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    for row, column in zip(*counts.nonzero(), strict=True):
        color = "white" if shares[row, column] > 0.3 else "#1f2733"
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=8, color=color)
