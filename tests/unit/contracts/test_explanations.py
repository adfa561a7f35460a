"""Explanations as contracts survive as JSON."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbx_dl.contracts import DependenceCurve


@pytest.mark.parametrize("points", [("02134", "10115"), ("inf", "nan"), (1.0, 2.5), (1, 2), ("False", "True")])
def test_points_stay_what_they_are(tmp_path: Path, points: tuple[str | float, ...]) -> None:
    curve = DependenceCurve(feature="zip", points=points, means={"up": (0.1, 0.2)})  # type: ignore[arg-type]
    assert curve.points == points and DependenceCurve.load(curve.save(tmp_path / "curve.json")) == curve
