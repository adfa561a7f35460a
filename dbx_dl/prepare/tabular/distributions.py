"""How the inputs of a table are distributed over its train split, which monitoring compares scored rows with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dbx_dl.contracts import Distributions
from dbx_dl.distributions.bins import EDGE_SHARES, choose_edges, choose_values
from dbx_dl.distributions.cells import Place
from dbx_dl.distributions.counting import count_rows
from dbx_dl.distributions.measures import TEXT_MEASURES, list_input_measures, measure_rows
from dbx_dl.distributions.reading import read_distributions

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from dbx_dl.contracts import ColumnsSpec
    from dbx_dl.distributions.measures import Measure
    from dbx_dl.prepare.tabular.column_measures import ColumnMeasures

# Texts were cut into words once already: of more rows about so many are cut again.
_MAX_TEXTS = 20_000
_BUCKETS = 2**20


def distribute_columns(
    train: DataFrame, spec: ColumnsSpec, measures: Mapping[str, ColumnMeasures], num_rows: int
) -> Distributions:
    """The distributions of the spec's columns over the `num_rows` rows of `train`, which are typed.

    In one pass, with bins at the quantiles and the values that `measures` know; texts in one more over a part of the
    rows.
    """
    places = [_choose_place(measure, measures) for measure in list_input_measures(spec)]
    texts = [place for place in places if place.measure.name in TEXT_MEASURES]
    others = [place for place in places if place.measure.name not in TEXT_MEASURES]
    found = _distribute(train, spec, others, measures, num_rows)
    if not texts:
        return found
    part = _take_part(train, num_rows)
    return found.join(_distribute(part, spec, texts, measures, num_rows))


def _choose_place(measure: Measure, measures: Mapping[str, ColumnMeasures]) -> Place:
    known = measures[measure.column]
    if measure.name == "unknown_share":
        return Place(measure, edges=choose_edges(EDGE_SHARES, 0.0, 1.0))
    if measure.name == "length" and known.tokens is not None:
        tokens = known.tokens
        lengths = [float(tokens.find_quantile(share)) for share in EDGE_SHARES]
        return Place(measure, edges=choose_edges(lengths, float(min(tokens.lengths, default=0)), float(tokens.longest)))
    if measure.kind == "number":
        quantiles = [known.quantiles[share] for share in EDGE_SHARES if share in known.quantiles]
        return Place(measure, edges=choose_edges(quantiles, known.minimum, known.maximum))
    if measure.kind == "category":
        return Place(measure, values=choose_values(known.top, is_complete=known.has_all)[0])
    return Place(measure)


def _distribute(
    rows: DataFrame,
    spec: ColumnsSpec,
    places: Sequence[Place],
    measures: Mapping[str, ColumnMeasures],
    num_rows: int,
) -> Distributions:
    from pyspark.sql import functions as F

    if not places:
        return Distributions(num_rows=num_rows)
    measured = measure_rows(
        rows,
        [place.measure for place in places],
        inputs=spec,
        null_tokens=(),
        window=F.lit(""),
        is_input_there=F.lit(True),
    )
    incomplete = [i for i, place in enumerate(places) if not _is_complete(place, measures)]
    deviations = {i: _find_deviation(place.measure, measures) for i, place in enumerate(places)}
    return read_distributions(count_rows(measured, places), places, "", num_rows, incomplete, deviations)


def _find_deviation(measure: Measure, measures: Mapping[str, ColumnMeasures]) -> float | None:
    known = measures[measure.column]
    if measure.name == "length" and known.tokens is not None:
        return known.tokens.moments[1]
    return known.deviation if measure.kind == "number" and measure.name == "value" else None


def _is_complete(place: Place, measures: Mapping[str, ColumnMeasures]) -> bool:
    if place.measure.kind != "category":
        return place.measure.kind != "presence"
    known = measures[place.measure.column]
    return choose_values(known.top, is_complete=known.has_all)[1]


def _take_part(train: DataFrame, num_rows: int) -> DataFrame:
    """About _MAX_TEXTS of the rows, the same ones every time; all of fewer."""
    from pyspark.sql import functions as F

    from dbx_dl.runtime.tables import quote_column

    if num_rows <= _MAX_TEXTS:
        return train
    bucket = F.pmod(F.xxhash64(*(F.col(quote_column(name)) for name in train.columns)), F.lit(_BUCKETS))
    return train.where(bucket < _MAX_TEXTS * _BUCKETS // num_rows)
