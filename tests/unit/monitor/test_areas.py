"""Drift is measured of what there is, and its want ends no look."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from dbx_dl.config import ScoreOptions
from dbx_dl.contracts import Distributions
from dbx_dl.monitor import areas
from dbx_dl.monitor.drift.measuring import NothingToCompareError
from dbx_dl.monitor.watched import Watched
from dbx_dl.monitor.windows import Look
from tests.unit.monitor.page.looks import SCORES, make_watched, make_windows


def watch(*, is_own: bool) -> Watched:
    """A run whose source calls the model's input `age` otherwise; the model is one of dbx_dl or of others."""
    watched = make_watched()
    config = watched.config.model_copy(update={"areas": ("drift",)})
    score = watched.score.model_copy(update={"options": ScoreOptions(inputs={"age": "age_in_years"})})
    metadata = cast(Any, "what a file of dbx_dl says") if is_own else None
    return replace(watched, config=config, score=score, model=replace(watched.model, metadata=metadata))


@pytest.mark.parametrize(("is_own", "inputs"), [(True, {}), (False, {"age": "age_in_years"})])
def test_a_prepared_table_has_the_models_own_names(
    monkeypatch: pytest.MonkeyPatch, is_own: bool, inputs: dict[str, str]
) -> None:
    given: list[ScoreOptions] = []

    def measure(*_: Any, options: ScoreOptions, **__: Any) -> Distributions:
        given.append(options)
        return Distributions(num_rows=0)

    def count(*_: Any, **__: Any) -> dict[str, Distributions]:
        raise NothingToCompareError("the baseline holds nothing")

    monkeypatch.setattr(areas, "find_input_baseline", lambda *_: Distributions(num_rows=0))
    monkeypatch.setattr(areas, "measure_output_baseline", measure)
    monkeypatch.setattr(areas, "count_windows", count)
    windows = make_windows(1)
    look = Look(SCORES, windows, cast(Any, None))
    measured = areas._measure_drift(cast(Any, None), watch(is_own=is_own), look)
    assert [options.inputs for options in given] == [inputs]
    # Without anything to compare the look goes on, and says so.
    assert measured.findings == () and measured.notes == ("drift is not measured: the baseline holds nothing",)
