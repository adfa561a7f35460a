"""Drift of windows of scored rows against a baseline: counted in one pass of Spark, compared on the driver."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbx_dl.config import NULL_TOKENS
from dbx_dl.contracts import VectorSample
from dbx_dl.distributions.cells import Place
from dbx_dl.distributions.counting import count_rows
from dbx_dl.distributions.fitting import draw_by_window
from dbx_dl.distributions.measures import IS_INPUT_THERE, WINDOW, Measure, can_measure, measure_rows
from dbx_dl.distributions.reading import read_distributions
from dbx_dl.errors import DataError
from dbx_dl.monitor.drift.comparing import compare_windows, leave_out
from dbx_dl.monitor.drift.label_sets import has_label_sets, list_spread, spread_labels
from dbx_dl.monitor.drift.places import list_incomplete, list_places
from dbx_dl.monitor.scored_rows import has_prediction
from dbx_dl.runtime.tables import quote_column, require_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import Column, DataFrame

    from dbx_dl.config import DriftConfig
    from dbx_dl.contracts import Distributions, Finding, InputSpec, Window

_MAX_NAMED = 10


class NothingToCompareError(DataError):
    """The baseline, or the rows, have no column that could be compared."""


def measure_drift(
    frame: DataFrame,
    windows: Sequence[Window],
    baseline: Distributions,
    config: DriftConfig,
    *,
    inputs: InputSpec | None = None,
    has_inputs: str | None = None,
    null_tokens: Sequence[str] = NULL_TOKENS,
) -> tuple[Finding, ...]:
    """What drifted in each of the `windows`: `count_windows` and then `compare_windows`, which see."""
    kept = leave_out(baseline, config.skip)
    counted = count_windows(frame, windows, kept, inputs=inputs, has_inputs=has_inputs, null_tokens=null_tokens)
    return compare_windows(counted, kept, config)


def count_windows(
    frame: DataFrame,
    windows: Sequence[Window],
    baseline: Distributions,
    *,
    inputs: InputSpec | None = None,
    has_inputs: str | None = None,
    null_tokens: Sequence[str] = NULL_TOKENS,
) -> dict[str, Distributions]:
    """How the baseline's columns are distributed over each window, by the windows' names, with the baseline's bins.

    `frame` has a string column `window`, the name of one of `windows`, and the columns that `baseline` names: raw
    inputs as the scored source has them (text in the place of numbers is read as prepare reads it, `null_tokens` are
    null) and predictions under their names. `inputs` is the model's spec, which says how images and texts are read.
    Where `has_inputs` names a boolean column, rows without it count for predictions only; rows that have an `error`
    count for inputs only, as in the baseline. Columns that the frame lacks,
    or whose type cannot be read, are left out; DataError where that is all of them. A window without rows has
    `num_rows` 0. One pass over the rows, and one more over the baseline's vectors, of which a few are drawn.
    """
    from pyspark.sql import functions as F

    require_columns(frame, (WINDOW, *(() if has_inputs is None else (has_inputs,))), "the frame of scored rows")
    if has_label_sets(frame) and (labels := list_spread(baseline)):
        frame = spread_labels(frame, labels)
    places = [place for place in list_places(baseline, inputs) if can_measure(frame, place.measure)]
    _require_some(frame, places, baseline)
    # Only counts presence: every row has it.
    rows_place = Place(Measure(WINDOW, "presence", is_input=False, is_of_all_rows=True))
    counted = [*places, rows_place]
    present = F.lit(True) if has_inputs is None else F.col(quote_column(has_inputs))
    measured = _measure(frame, counted, inputs, null_tokens, present)
    cells = count_rows(measured, counted)
    incomplete, found = list_incomplete(places, baseline), {}
    for window in windows:
        num_rows = sum(cell.num_rows for cell in cells.get((window.name, len(places)), {}).values())
        found[window.name] = read_distributions(cells, places, window.name, num_rows, incomplete)
    return _add_samples(frame, found, places, baseline, null_tokens, present)


def _measure(
    frame: DataFrame,
    places: Sequence[Place],
    inputs: InputSpec | None,
    null_tokens: Sequence[str],
    present: Column,
    *,
    has_identity: bool = False,
) -> DataFrame:
    from pyspark.sql import functions as F

    return measure_rows(
        frame,
        [place.measure for place in places],
        inputs=inputs,
        null_tokens=null_tokens,
        window=F.col(WINDOW),
        is_input_there=present,
        is_output_there=has_prediction(frame),
        has_identity=has_identity,
    )


def _add_samples(
    frame: DataFrame,
    found: dict[str, Distributions],
    places: Sequence[Place],
    baseline: Distributions,
    null_tokens: Sequence[str],
    present: Column,
) -> dict[str, Distributions]:
    """With some vectors of each window, of those columns of which the baseline has some."""
    wanted = {sample.column for sample in baseline.samples}
    vectors = [place for place in places if place.measure.kind == "vector" and place.measure.column in wanted]
    for place in vectors:
        column = place.measure.column
        rows = _measure(frame, [place], None, null_tokens, present, has_identity=True)
        if place.measure.is_input:
            rows = rows.where(IS_INPUT_THERE)
        sizes = {name: _count_vectors(window, column) for name, window in found.items()}
        drawn = draw_by_window(rows, 0, place.measure, {name: size for name, size in sizes.items() if size})
        for name, drawn_vectors in drawn.items():
            sample = VectorSample(column=column, vectors=tuple(map(tuple, drawn_vectors)))
            found[name] = found[name].model_copy(update={"samples": (*found[name].samples, sample)})
    return found


def _count_vectors(window: Distributions, column: str) -> int:
    return sum(moments.num_rows for moments in window.moments if moments.column == column)


def _require_some(frame: DataFrame, places: Sequence[Place], baseline: Distributions) -> None:
    expected = list(
        dict.fromkeys([column.column for column in baseline.columns] + [m.column for m in baseline.moments])
    )
    if not expected:
        raise NothingToCompareError(
            "the baseline holds no distributions, so that nothing can drift from it: prepare the table again with this "
            "version, or give another baseline"
        )
    if not places:
        raise NothingToCompareError(
            f"none of the columns that the baseline knows ({', '.join(expected[:_MAX_NAMED])}) is among those of the "
            f"scored rows ({', '.join(frame.columns[:_MAX_NAMED])}), or none is of a type that can be read: join the "
            "inputs by key"
        )
