"""Figures of explanations: bars of contributions and of importance, and curves of dependence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dbx_dl.figures import DARK, LIGHT, Palette, new_figure, plain_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dbx_dl.contracts import DependenceCurve, FeatureImportance

FOR, AGAINST = "#d6453d", "#2f6fde"
_MAX_BARS, _MAX_LINES, _MAX_TICKS = 20, 5, 8
_NAME_WIDTH, _TICK_WIDTH = 28, 14


def contribution_bars(
    contributions: Sequence[tuple[str, float]],
    base: float | None = None,
    score: float | None = None,
    *,
    dark: bool = False,
) -> Figure:
    """A bar for each feature of one row, the strongest on top: to the right what speaks for, to the left against.

    The title says from which score to which they lead, where that is given.
    """
    palette = DARK if dark else LIGHT
    shown = list(reversed(contributions[:_MAX_BARS]))
    figure = new_figure(4.6, 0.3 * len(shown) + 0.7)
    axes = figure.add_subplot()
    colors = [FOR if value >= 0 else AGAINST for _, value in shown]
    axes.barh(range(len(shown)), [value for _, value in shown], color=colors)
    axes.set_yticks(range(len(shown)), [plain_text(_shorten(name)) for name, _ in shown])
    axes.axvline(0, color=palette.text, linewidth=0.8)
    start = "" if base is None else f"from {base:.3g} "
    if score is not None:
        axes.set_title(f"{start}to {score:.3g}", fontsize=9, color=palette.text, loc="left")
    _dress(axes, palette)
    return figure


def importance_bars(features: Sequence[FeatureImportance], metric: str, *, dark: bool = False) -> Figure:
    """A bar for each column, as long as the metric is worse without it, and its interval; the greatest on top."""
    palette = DARK if dark else LIGHT
    shown = list(reversed(features[:_MAX_BARS]))
    figure = new_figure(6.0, 0.32 * len(shown) + 0.9)
    axes = figure.add_subplot()
    places = range(len(shown))
    axes.barh(places, [each.value for each in shown], color=palette.splits["train"], alpha=0.85)
    for place, each in zip(places, shown, strict=True):
        if each.low is not None and each.high is not None:
            axes.plot([each.low, each.high], [place, place], color=palette.text, linewidth=1.4)
    axes.set_yticks(places, [plain_text(_shorten(each.feature)) for each in shown])
    axes.axvline(0, color=palette.text, linewidth=0.8)
    axes.set_xlabel(f"{metric.replace('_', ' ')} is worse by", fontsize=9, color=palette.text)
    _dress(axes, palette)
    return figure


def dependence_curves(curves: Sequence[DependenceCurve], *, dark: bool = False) -> Figure:
    """A panel for each column: the mean prediction over its values, a line for each label (at most five)."""
    palette = DARK if dark else LIGHT
    num_columns = min(3, max(1, len(curves)))
    num_rows = max(1, math.ceil(len(curves) / num_columns))
    figure = new_figure(3.3 * num_columns, 2.5 * num_rows)
    for place, curve in enumerate(curves, start=1):
        # One scale for all, so that what hardly matters looks so.
        first = figure.axes[0] if figure.axes else None
        axes = figure.add_subplot(num_rows, num_columns, place, sharey=first)
        _draw_curve(axes, curve, palette)
        axes.set_title(plain_text(_shorten(curve.feature)), fontsize=9, color=palette.text, loc="left")
        axes.grid(color=palette.grid, linewidth=0.6)
        _dress(axes, palette)
        if place == 1 and len(curve.means) > 1:
            axes.legend(frameon=False, fontsize=8, labelcolor=palette.text)
    return figure


def _draw_curve(axes: Any, curve: DependenceCurve, palette: Palette) -> None:
    colors = (*palette.splits.values(), palette.text, AGAINST)
    names = list(curve.means)
    # Of two classes one says all.
    shown = names[1:] if len(names) == 2 else names[:_MAX_LINES]
    is_number = all(isinstance(point, float) for point in curve.points)
    places = list(curve.points) if is_number else list(range(len(curve.points)))
    for name, color in zip(shown, colors, strict=False):
        for row in curve.rows.get(name, ()):
            axes.plot(places, row, color=color, linewidth=0.6, alpha=0.3)
        # Between categories there is nothing to go through.
        line = "-" if is_number else ""
        axes.plot(
            places,
            curve.means[name],
            color=color,
            linestyle=line,
            linewidth=1.8,
            marker="o",
            markersize=4,
            label=plain_text(name),
        )
    if not is_number:
        step = max(1, math.ceil(len(places) / _MAX_TICKS))
        labels = [plain_text(_shorten(str(point), _TICK_WIDTH)) for point in curve.points]
        axes.set_xticks(places[::step], labels[::step], rotation=30, ha="right")


def _shorten(name: str, width: int = _NAME_WIDTH) -> str:
    return name if len(name) <= width else name[: width - 1] + "…"


def _dress(axes: Any, palette: Palette) -> None:
    axes.tick_params(colors=palette.text, labelsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for spine in axes.spines.values():
        spine.set_color(palette.grid)
