"""The page of explanations: images with heat, bars of contributions, importance and curves, all inside one file."""

from __future__ import annotations

from typing import Any

import numpy as np

from dbx_dl.contracts import (
    DependenceCurve,
    Dependences,
    ExplainedTable,
    FeatureImportance,
    Importances,
    TableVersion,
)
from dbx_dl.explain.figures import contribution_bars
from dbx_dl.explain.page.page import render_page
from dbx_dl.explain.pictures import colour_heat, draw_heat, draw_overlay, scale_heat
from dbx_dl.figures import encode_png

TABLE = TableVersion(name="/t/explained", path="/t/explained", version=2)
MODEL: dict[str, Any] = {"model_name": "cases", "model_version": 3, "model_sha256": "0" * 64}


def explained(method: str) -> ExplainedTable:
    return ExplainedTable(
        table=TABLE, source="cases@v1", method=method, num_rows=1200, num_errors=2, error_reasons={"null": 2},
        largest_gap=None, seconds=1.0, **MODEL,
    )  # fmt: skip


def row(key: str, **changes: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("base_score", "contributions", "heat_map", "overlay"))
    return {"key": key, "explained_label": "yes", "explained_score": 0.9, **empty, **changes}


def test_a_page_of_columns_has_bars_importance_and_curves() -> None:
    shares = [{"feature": "age", "contribution": 0.3}, {"feature": "<b>", "contribution": -0.1}]
    features = (FeatureImportance(feature="age", value=0.2, low=0.1, high=0.3), FeatureImportance(feature="x", value=0))
    importances = Importances(
        table=TABLE, metric="auc", value=0.93, num_rows=500, num_repeats=5, confidence=0.95, seed=0, features=features,
        **MODEL,
    )  # fmt: skip
    curves = (
        DependenceCurve(feature="age", points=(1.0, 2.0), means={"no": (0.9, 0.2), "yes": (0.1, 0.8)}),
        DependenceCurve(feature="colour", points=("blue", "red"), means={"no": (0.5, 0.4), "yes": (0.5, 0.6)}),
    )
    dependences = Dependences(table=TABLE, num_rows=500, curves=curves, **MODEL)
    rows = [row("case 1", contributions=shares, base_score=0.6), row("<case 2>", contributions=shares, base_score=0.6)]
    page = render_page(explained("shapley"), rows, title="a < b", importances=importances, dependences=dependences)
    assert "<b>" not in page and "&lt;case 2&gt;" in page and "a &lt; b" in page
    # Importance, curves, mean sizes and two rows, each for light and dark.
    assert page.count("data:image/png;base64,") == 10
    assert "auc is 0.9300 on 500 held-out rows" in page and "1,200 rows" in page


def test_names_with_dollar_signs_are_no_formulas() -> None:
    odd = r"$\frac$ a$b_$"
    shares = [{"feature": odd, "contribution": 0.3}, {"feature": "a$", "contribution": 0.1}]
    features = (FeatureImportance(feature=odd, value=0.2),)
    importances = Importances(
        table=TABLE, metric="auc", value=0.9, num_rows=5, num_repeats=5, confidence=0.95, seed=0, features=features,
        **MODEL,
    )  # fmt: skip
    means = dict.fromkeys((odd, "no", "$x_$"), (0.1, 0.2))
    curves = (DependenceCurve(feature=odd, points=(odd, "$5 to $6"), means=means),)
    dependences = Dependences(table=TABLE, num_rows=5, curves=curves, **MODEL)
    page = render_page(
        explained("shapley"), [row("1", contributions=shares)], title="t", importances=importances,
        dependences=dependences,
    )  # fmt: skip
    assert page.count("data:image/png;base64,") == 6
    figure = contribution_bars([(odd, 1.0)])
    encode_png(figure)
    (label,) = figure.axes[0].get_yticklabels()
    assert label._preprocess_math(label.get_text()) == (odd, False)  # what matplotlib shows


def test_a_page_of_images_shows_them_with_their_heat() -> None:
    heat = np.linspace(-1, 1, 64).reshape(8, 8)
    pixels = np.full((8, 8, 3), 200, np.uint8)
    rows = [row("a.png", heat_map=draw_heat(heat), overlay=draw_overlay(heat, pixels))]
    page = render_page(explained("occlusion"), rows, title="images")
    assert page.count("data:image/png;base64,") == 2 and "Red speaks for" in page
    assert "What matters overall" not in page


def test_heat_is_red_for_and_blue_against_by_its_own_strength() -> None:
    strongest = scale_heat(np.array([[-2.0, 0.0, 4.0]]))
    assert strongest.tolist() == [[-0.5, 0.0, 1.0]]
    against, nothing, support = colour_heat(strongest)[0].astype(int)
    assert against[2] > against[0] and support[0] > support[2] and len(set(nothing.tolist())) == 1
    assert not scale_heat(np.zeros((2, 2))).any()
