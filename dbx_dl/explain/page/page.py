"""The page of a model's explanations: one HTML file with its pictures and style inside."""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl.explain.figures import contribution_bars, dependence_curves, importance_bars
from dbx_dl.page_pictures import Picture, draw_picture, to_data_uri
from dbx_dl.runtime.tables import read_pinned
from dbx_dl.runtime.whole_files import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pyspark.sql import Row, SparkSession

    from dbx_dl.contracts import Dependences, ExplainedTable, Importances

logger = logging.getLogger(__name__)

TEMPLATE = "explanations.html.j2"
MAX_ROWS, _DPI = 24, 110
_NOTES = {
    "occlusion": "Heat is by how much the score falls when a patch of the image is covered.",
    "shapley": "Contributions add up from the mean score of background rows to the row's own; they are Shapley values, "
    "sampled by permutations.",
    "leave_out": "A contribution is by how much the score falls without the token, or without the number of a step.",
    "integrated_gradients": "Contributions add up from the score of an empty input to the row's own. Scores are the "
    "network's outputs, of classes before they become probabilities.",
    "grad_cam": "Heat is where the last convolution sees what speaks for the class; it never speaks against. Scores "
    "are the network's outputs before they become probabilities.",
}


def write_page(
    spark: SparkSession,
    explained: ExplainedTable,
    path: str | os.PathLike[str],
    *,
    title: str,
    importances: Importances | None = None,
    dependences: Dependences | None = None,
) -> Path:
    """Write the page to `path`, all or nothing, and return it; DataError when the table is gone.

    The first rows by label are shown, as many of each, at most 24.
    """
    rows = choose_rows(spark, explained)
    page = render_page(explained, rows, title=title, importances=importances, dependences=dependences)
    target = Path(path).absolute()
    with write_whole(target) as partial:
        partial.write_text(page, encoding="utf-8")
    logger.info("Page: %s", target)
    return target


def choose_rows(spark: SparkSession, explained: ExplainedTable, max_rows: int = MAX_ROWS) -> list[Row]:
    """The table's first rows by key without an error, of each label in turn."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    rows = read_pinned(spark, explained.table).where("error IS NULL")
    place = F.row_number().over(Window.partitionBy("explained_label").orderBy("key"))
    names = ("key", "explained_label", "explained_score", "base_score", "contributions", "heat_map", "overlay")
    chosen = rows.select(*names, place.alias("place")).orderBy("place", "explained_label").limit(max_rows).collect()
    return sorted(chosen, key=lambda row: (row["explained_label"], row["place"]))


def render_page(
    explained: ExplainedTable,
    rows: Sequence[Row | dict[str, Any]],
    *,
    title: str,
    importances: Importances | None = None,
    dependences: Dependences | None = None,
) -> str:
    """The page as text; nothing is read here but the template."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=templates, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.get_template(TEMPLATE).render(
        title=title,
        written=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        explained=explained,
        importances=importances,
        dependences=dependences,
        importance=_draw_importance(importances),
        dependence=_draw_dependence(dependences),
        note=_NOTES[explained.method],
        mean=_draw_means(rows),
        num_means=len(rows),
        rows=[_show_row(row) for row in rows],
        has_images=any(row["heat_map"] is not None for row in rows),
    )


def _draw(figure: Callable[[bool], Figure]) -> Picture:
    return draw_picture("", figure, dpi=_DPI)


def _draw_importance(importances: Importances | None) -> Picture | None:
    if importances is None or not importances.features:
        return None
    return _draw(lambda dark: importance_bars(importances.features, importances.metric, dark=dark))


def _draw_dependence(dependences: Dependences | None) -> Picture | None:
    if dependences is None or not dependences.curves:
        return None
    return _draw(lambda dark: dependence_curves(dependences.curves, dark=dark))


def _draw_means(rows: Sequence[Row | dict[str, Any]]) -> Picture | None:
    """Mean sizes of the contributions of columns, which all rows have; none of tokens and images."""
    sums: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        for feature, contribution in _pairs(row):
            sums[feature].append(abs(contribution))
    shared = {name: sum(values) / len(rows) for name, values in sums.items() if len(values) > len(rows) / 2}
    if not shared or len(rows) < 2:
        return None
    ranked = sorted(shared.items(), key=lambda item: -item[1])
    return _draw(lambda dark: contribution_bars(ranked, dark=dark))


def _show_row(row: Row | dict[str, Any]) -> dict[str, Any]:
    pairs = _pairs(row)
    score, base = row["explained_score"], row["base_score"]
    return {
        "key": row["key"],
        "label": row["explained_label"],
        "score": score,
        "heat": None if row["heat_map"] is None else to_data_uri(bytes(row["heat_map"])),
        "overlay": None if row["overlay"] is None else to_data_uri(bytes(row["overlay"])),
        "bars": _draw(lambda dark: contribution_bars(pairs, base, score, dark=dark)) if pairs else None,
    }


def _pairs(row: Row | dict[str, Any]) -> list[tuple[str, float]]:
    return [(each["feature"], each["contribution"]) for each in row["contributions"] or ()]
