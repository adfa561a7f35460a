"""Figures of a look: a baseline beside a window, figures over windows, groups with intervals, reliability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbx_dl.figures import DARK, LIGHT, WRONG, Palette, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dbx_dl.monitor.page.shapes import NumberBars, ValueBars

_MAX_TICKS = 8
_MAX_NAME = 18


@dataclass(frozen=True)
class Point:
    """A figure with its interval, where it has one; `name` is the window or group that it is of."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    is_alert: bool = False


def number_shift(bars: NumberBars, *, dark: bool = False) -> Figure:
    """Shares of values by range: the baseline filled, the window as a line over it."""
    palette, figure, axes = _open(3.5, 1.75, dark)
    axes.stairs(bars.baseline, bars.edges, fill=True, color=palette.grid)
    axes.stairs(bars.window, bars.edges, color=palette.splits["validation"], linewidth=1.8)
    axes.set_xlim(bars.edges[0], bars.edges[-1])
    axes.set_yticks([])
    axes.locator_params(axis="x", nbins=5)
    return _finish(figure, axes, palette)


def value_shift(bars: ValueBars, *, dark: bool = False) -> Figure:
    """Shares of rows by value: the baseline's bar beside the window's."""
    palette, figure, axes = _open(3.5, max(1.2, 0.24 * len(bars.names) + 0.45), dark)
    places = range(len(bars.names))
    axes.barh([p - 0.19 for p in places], bars.baseline, height=0.36, color=palette.grid)
    axes.barh([p + 0.19 for p in places], bars.window, height=0.36, color=palette.splits["validation"])
    axes.set_yticks(list(places), [_shorten(name) for name in bars.names], parse_math=False)
    axes.invert_yaxis()
    axes.set_xticks(axes.get_xticks()[:: max(1, len(axes.get_xticks()) // 4)])
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.set_xlim(0, 1.05 * max((*bars.baseline, *bars.window)))
    return _finish(figure, axes, palette)


def figure_over_windows(
    points: Sequence[Point], *, baseline: float | None = None, limit: float | None = None, dark: bool = False
) -> Figure:
    """A line over windows with its interval as a band; alerts in red, the baseline dotted, the limit dashed."""
    palette, figure, axes = _open(4.6, 2.0, dark)
    places, color = list(range(len(points))), palette.splits["train"]
    with_interval = [place for place in places if points[place].low is not None and points[place].high is not None]
    if len(with_interval) > 1:
        ends = [(points[place].low, points[place].high) for place in with_interval]
        axes.fill_between(with_interval, *zip(*ends, strict=True), color=color, alpha=0.18, linewidth=0)
    elif with_interval:
        axes.vlines(with_interval, points[with_interval[0]].low, points[with_interval[0]].high, color=color, alpha=0.4)
    axes.plot(places, [point.value for point in points], color=color, linewidth=1.6, marker="o", markersize=3.5)
    alerts = [place for place in places if points[place].is_alert]
    axes.plot(alerts, [points[place].value for place in alerts], "o", color=WRONG, markersize=6)
    for value, style, name in ((baseline, ":", "baseline"), (limit, "--", "limit")):
        if value is not None:
            axes.axhline(value, color=palette.text, linewidth=0.9, linestyle=style, label=name)
    step = max(1, -(-len(points) // _MAX_TICKS))
    names = [points[place].name for place in places[::step]]
    axes.set_xticks(places[::step], names, rotation=30, ha="right", parse_math=False)
    return _finish(figure, axes, palette)


def groups_with_intervals(points: Sequence[Point], *, baseline: float | None = None, dark: bool = False) -> Figure:
    """A bar for each group with its interval; a dotted line is what they are compared with."""
    palette, figure, axes = _open(4.6, 0.3 * len(points) + 0.75, dark)
    places = list(range(len(points)))
    colors = [WRONG if point.is_alert else palette.splits["train"] for point in points]
    axes.barh(places, [point.value for point in points], height=0.55, color=colors, alpha=0.75)
    for place, point in enumerate(points):
        if point.low is not None and point.high is not None:
            axes.hlines(place, point.low, point.high, color=palette.text, linewidth=1.3)
    if baseline is not None:
        axes.axvline(baseline, color=palette.text, linewidth=0.9, linestyle=":")
    axes.set_yticks(places, [_shorten(point.name) for point in points], parse_math=False)
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    return _finish(figure, axes, palette)


def reliability(points: Sequence[tuple[float, Point]], *, dark: bool = False) -> Figure:
    """How often what was predicted with a probability (the first of each pair) came true; the diagonal is right."""
    palette, figure, axes = _open(3.2, 3.0, dark)
    axes.plot([0, 1], [0, 1], color=palette.text, linewidth=0.8, linestyle=":")
    color = palette.splits["train"]
    for predicted, point in points:
        if point.low is not None and point.high is not None:
            axes.vlines(predicted, point.low, point.high, color=color, alpha=0.45, linewidth=2)
    axes.plot([p for p, _ in points], [point.value for _, point in points], color=color, marker="o", markersize=4)
    axes.set_xlabel("predicted probability", color=palette.text, fontsize=8)
    axes.set_ylabel("came true", color=palette.text, fontsize=8)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    return _finish(figure, axes, palette)


def _open(width: float, height: float, dark: bool) -> tuple[Palette, Figure, Any]:
    figure = new_figure(width, height)
    return DARK if dark else LIGHT, figure, figure.add_subplot()


def _finish(figure: Figure, axes: Any, palette: Palette) -> Figure:
    axes.tick_params(colors=palette.text, labelsize=7.5)
    for side, spine in axes.spines.items():
        spine.set_color(palette.grid)
        spine.set_visible(side in ("left", "bottom"))
    if axes.get_legend_handles_labels()[1]:
        axes.legend(frameon=False, fontsize=7.5, labelcolor=palette.text)
    return figure


def _shorten(name: str) -> str:
    return name if len(name) <= _MAX_NAME else name[: _MAX_NAME - 1] + "…"
