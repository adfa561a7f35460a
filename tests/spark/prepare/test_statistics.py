"""Features fitted on Spark, column by column against plain pandas."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from dbx_dl.config import (
    BooleanColumn,
    CategoricalColumn,
    ColumnConfig,
    DatetimeColumn,
    EmbeddingColumn,
    IgnoredColumn,
    NumericColumn,
)
from dbx_dl.contracts import (
    CategoricalFeature,
    DatetimeFeature,
    EmbeddingFeature,
    FeatureSpec,
    HashedFeature,
    NumericFeature,
)
from dbx_dl.errors import DataError
from dbx_dl.prepare.tabular.column_measures import ColumnMeasures, measure_columns
from dbx_dl.prepare.tabular.column_profiles import profile_columns
from dbx_dl.prepare.tabular.fitting import fit_features
from dbx_dl.prepare.tabular.table_checks import find_leaks

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

NUM_ROWS, MAX_CATEGORIES = 403, 4
RANDOM = np.random.default_rng(3)
SKEWED = pd.Series(np.where(RANDOM.random(NUM_ROWS) < 0.2, -1, 1) * RANDOM.lognormal(2, 1.5, NUM_ROWS))
GAPS = pd.Series(RANDOM.random(NUM_ROWS) < 0.1)
NUMBERS = {
    "whole": SKEWED,
    "gaps": SKEWED.mask(GAPS),
    "steps": (SKEWED / 4).round().mask(GAPS),
    "mostly zero": SKEWED.where(SKEWED > 40, 0.0),
    "seven": pd.Series(7.0, range(NUM_ROWS)),
    "seven or null": pd.Series(7.0, range(NUM_ROWS)).mask(GAPS),
    "far": SKEWED * 1e140 / SKEWED.abs().max(),
    "years": 1.7e9 + SKEWED,
}
OPTIONS: dict[str, dict[str, Any]] = {
    "mean": {"impute": "mean"},
    "median": {"add_indicator": True},
    "most_frequent": {"impute": "most_frequent"},
    "constant": {"impute": "constant", "fill_value": -1000.0},
    "min_max": {"scale": "min_max"},
    "min_max constant": {"scale": "min_max", "impute": "constant", "fill_value": 1e6},
    "robust": {"scale": "robust"},
    "none": {"scale": "none", "clip_quantiles": (0.1, 0.8), "log1p": True},
    "log1p": {"log1p": True},
    "clip": {"clip_quantiles": (0.05, 0.9)},
    "clip log1p robust": {"clip_quantiles": (0.02, 0.97), "log1p": True, "scale": "robust", "impute": "mean"},
    "clip log1p min_max": {
        "clip_quantiles": (0.02, 0.97),
        "log1p": True,
        "scale": "min_max",
        "impute": "constant",
        "fill_value": 1e9,
    },
}
NUMERIC = {
    f"{values} {options}": NumericColumn(**OPTIONS[options])
    for values in NUMBERS
    for options in OPTIONS
    if values in ("whole", "gaps", "steps") or options in ("median", "robust", "constant", "log1p")
}
TOWNS = pd.Series([["b", "a", "ü", "C", "d", "e"][min(int(i), 5)] for i in RANDOM.geometric(0.4, NUM_ROWS) - 1])
WORDS = {"towns": TOWNS.mask(GAPS), "ties": pd.Series([f"t{i % 6}" for i in range(NUM_ROWS - 1)] + [None])}
TIMES = pd.to_datetime(pd.Series((1.6e15 + 1e13 * RANDOM.random(NUM_ROWS)).astype("int64")), unit="us", utc=True)
VECTORS = [
    None if gap else vector.tolist() for gap, vector in zip(GAPS, RANDOM.normal(5, 3, (NUM_ROWS, 3)), strict=True)
]
OTHERS: dict[str, ColumnConfig] = {
    "towns": CategoricalColumn(),
    "towns few": CategoricalColumn(max_categories=2),
    "towns frequent": CategoricalColumn(max_categories=50, min_count=20),
    "towns hashed": CategoricalColumn(hash_buckets=16),
    "towns rare": CategoricalColumn(min_count=NUM_ROWS),
    "ties": CategoricalColumn(max_categories=5),
    "flag": BooleanColumn(add_indicator=True),
    "time": DatetimeColumn(add_indicator=True),
    "time parts": DatetimeColumn(parts=("minute",), elapsed=False),
    "time once": DatetimeColumn(),
    "vector": EmbeddingColumn(size=3),
    "vector scaled": EmbeddingColumn(size=3, scale="standard"),
    "ignored": IgnoredColumn(),
    "nothing": NumericColumn(),
    "no words": CategoricalColumn(),
}
COLUMNS: dict[str, ColumnConfig] = {**NUMERIC, **OTHERS}


def values_of(name: str) -> pd.Series:
    return NUMBERS[next(values for values in sorted(NUMBERS, key=len, reverse=True) if name.startswith(values))]


@pytest.fixture(scope="module")
def train(spark: SparkSession) -> DataFrame:
    data: dict[str, tuple[str, Any]] = {name: ("double", values_of(name)) for name in NUMERIC}
    data |= {name: ("string", WORDS[name.split()[0]]) for name in OTHERS if name.startswith(("towns", "ties"))}
    data |= {
        "flag": ("double", pd.Series(np.arange(NUM_ROWS) % 3 > 0, dtype="float64").mask(GAPS)),
        "time": ("timestamp", TIMES.mask(GAPS)),
        "time parts": ("timestamp", TIMES),
        "time once": ("timestamp", pd.Series([TIMES[0]] * NUM_ROWS)),
        "vector": ("array<double>", VECTORS),
        "vector scaled": ("array<double>", [None if v is None else [v[0], 2.0, v[2]] for v in VECTORS]),
        "ignored": ("string", ["x"] * NUM_ROWS),
        "nothing": ("double", [None] * NUM_ROWS),
        "no words": ("string", [None] * NUM_ROWS),
        "label": ("double", 3.0 - 2.0 * SKEWED),
    }
    schema = ", ".join(f"`{name}` {kind}" for name, (kind, _) in data.items())
    cells = [[plain(value) for value in values] for _, values in data.values()]
    return spark.createDataFrame(list(zip(*cells, strict=True)), schema).repartition(3).persist()


def plain(value: Any) -> Any:
    if value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value


@pytest.fixture(scope="module")
def measures(train: DataFrame) -> dict[str, ColumnMeasures]:
    return measure_columns(train, COLUMNS, MAX_CATEGORIES, has_number_label=True)


@pytest.fixture(scope="module")
def fitted(train: DataFrame, measures: dict[str, ColumnMeasures]) -> dict[str, Any]:
    spec = fit_features(train, COLUMNS, MAX_CATEGORIES, measures)
    assert spec.columns == tuple(n for n in COLUMNS if n not in ("ignored", "nothing", "no words", "towns rare"))
    return {feature.column: feature for feature in spec.features}


def quantile(values: pd.Series, share: float) -> float:
    return float(np.quantile(values, share, method="inverted_cdf"))


def fit_with_pandas(name: str, values: pd.Series, column: NumericColumn) -> NumericFeature:
    known = values.dropna()
    fills = {
        "mean": known.mean(),
        "median": quantile(known, 0.5),
        "most_frequent": known.mode().iloc[0],
        "constant": column.fill_value,
    }
    fill = float(fills[column.impute])
    lower, upper = (
        (quantile(known, share) for share in column.clip_quantiles) if column.clip_quantiles else (None, None)
    )
    encoded = values.fillna(fill).clip(lower, upper)
    if column.log1p:
        encoded = np.sign(encoded) * np.log1p(encoded.abs())
    center, scale = {
        "standard": (encoded.mean(), encoded.std(ddof=0)),
        "min_max": (encoded.min(), encoded.max() - encoded.min()),
        "robust": (quantile(encoded, 0.5), quantile(encoded, 0.75) - quantile(encoded, 0.25)),
        "none": (0.0, 1.0),
    }[column.scale]
    if encoded.nunique() == 1 and column.scale != "none":
        center, scale = encoded.iloc[0], 1.0
    return NumericFeature(
        column=name,
        fill=fill,
        lower=lower,
        upper=upper,
        log1p=column.log1p,
        center=float(center),
        scale=float(scale) or 1.0,
        add_indicator=column.add_indicator,
    )


@pytest.mark.parametrize("name", NUMERIC)
def test_numbers(fitted: dict[str, Any], name: str) -> None:
    found, expected = fitted[name], fit_with_pandas(name, values_of(name), NUMERIC[name])
    close = {"center": found.center, "scale": found.scale, "fill": found.fill}
    assert found.model_copy(update=expected.model_dump(include=set(close))) == expected
    for key, value in close.items():
        # Means are added up in another order; quantiles, and what comes from no mean, are equal.
        tolerance = 1e-9 if "years" in name else 1e-11
        assert value == pytest.approx(getattr(expected, key), rel=tolerance, abs=1e-12), key
    if NUMERIC[name].impute in ("median", "constant", "most_frequent"):
        assert found.fill == expected.fill


@pytest.mark.parametrize(
    ("name", "limit", "min_count"),
    [("towns", 4, 1), ("towns few", 2, 1), ("towns frequent", 50, 20), ("ties", 5, 1)],
)
def test_words(fitted: dict[str, Any], name: str, limit: int, min_count: int) -> None:
    counts = WORDS[name.split()[0]].value_counts()
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:limit]
    expected = tuple(sorted(str(value) for value, count in ranked if count >= min_count))
    assert fitted[name] == CategoricalFeature(column=name, categories=expected)


def test_hashes_and_flags(fitted: dict[str, Any]) -> None:
    assert fitted["towns hashed"] == HashedFeature(column="towns hashed", num_buckets=16)
    assert fitted["flag"] == NumericFeature(
        column="flag", is_boolean=True, fill=1.0, center=0.0, scale=1.0, add_indicator=True
    )


def test_times(fitted: dict[str, Any]) -> None:
    micros = TIMES.mask(GAPS).dropna().astype("datetime64[us, UTC]").astype("int64")
    fill = int(quantile(micros, 0.5))
    seconds = TIMES.astype("datetime64[us, UTC]").astype("int64").mask(GAPS, fill) / 1e6
    found = fitted["time"]
    assert isinstance(found, DatetimeFeature)
    assert (found.fill, found.parts, found.add_indicator) == (fill, ("month", "day_of_week", "hour"), True)
    assert [found.center, found.scale] == pytest.approx([seconds.mean(), seconds.std(ddof=0)], rel=1e-9)
    assert (fitted["time parts"].center, fitted["time parts"].scale) == (0.0, 1.0)
    assert (fitted["time once"].center, fitted["time once"].scale) == (TIMES[0].timestamp(), 1.0)


def test_vectors(fitted: dict[str, Any]) -> None:
    known = np.array([vector for vector in VECTORS if vector is not None])
    found = fitted["vector"]
    assert isinstance(found, EmbeddingFeature)
    np.testing.assert_allclose(found.fill, known.mean(axis=0), rtol=1e-12)
    assert (found.size, found.center, found.scale) == (3, (0.0,) * 3, (1.0,) * 3)
    scaled = fitted["vector scaled"]
    filled = np.concatenate([known, np.tile(known.mean(axis=0), (NUM_ROWS - len(known), 1))])
    np.testing.assert_allclose(scaled.center[::2], filled.mean(axis=0)[::2], rtol=1e-12)
    np.testing.assert_allclose(scaled.scale[::2], filled.std(axis=0)[::2], rtol=1e-12)
    assert (scaled.fill, scaled.center[1], scaled.scale[1]) == (scaled.center, 2.0, 1.0)


def test_profiles(measures: dict[str, ColumnMeasures]) -> None:
    profiles = {profile.column: profile for profile in profile_columns(COLUMNS, measures)}
    assert list(profiles) == [*(name for name in COLUMNS if name != "ignored"), "label"]
    assert (profiles["label"].mean, profiles["label"].deviation) == (
        measures["label"].mean,
        measures["label"].deviation,
    )
    known, found = values_of("gaps").dropna(), profiles["gaps clip"]
    assert (found.kind, found.num_rows, found.num_nulls) == ("numeric", NUM_ROWS, int(GAPS.sum()))
    assert found.num_distinct == pytest.approx(known.nunique(), rel=0.05)
    assert (found.minimum, found.maximum) == (known.min(), known.max())
    assert [found.mean, found.deviation] == pytest.approx([known.mean(), known.std(ddof=0)], rel=1e-12)
    assert found.quantiles == {f"{p:g}": quantile(known, p) for p in (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)}
    assert profiles["towns"].top == WORDS["towns"].value_counts().to_dict()
    assert profiles["towns hashed"].top == profiles["towns"].top
    assert (profiles["towns"].num_distinct, profiles["towns"].mean) == (6, None)
    assert profiles["flag"].mean == pytest.approx((np.arange(NUM_ROWS) % 3 > 0)[~GAPS].mean())
    assert profiles["time once"].minimum == TIMES[0].timestamp()
    assert (profiles["nothing"].num_nulls, profiles["nothing"].mean, profiles["nothing"].quantiles) == (403, None, {})
    assert (profiles["vector"].num_nulls, profiles["vector"].num_distinct) == (int(GAPS.sum()), None)


def test_copies_of_a_number_label_are_found(train: DataFrame, measures: dict[str, ColumnMeasures]) -> None:
    leaks = find_leaks(train, COLUMNS, measures, "regression", 0)
    assert leaks
    assert all(leak.startswith(("column 'whole ", "column 'far ", "column 'years ")) for leak in leaks)
    assert any("'whole median' equals the target" in leak for leak in leaks)


def test_renamed_labels_are_found(spark: SparkSession) -> None:
    rows = [(f"l{i % 3}", f"x{i % 3}", float(i % 3 - 7), f"x{min(i, 1)}", f"x{i % 4}", None) for i in range(60)]
    rows += [("l0", "x0", -7.0, "x1", "x0", "x")]
    train = spark.createDataFrame(rows, "label string, same string, code double, two string, four string, gap string")
    columns: dict[str, ColumnConfig] = {name: CategoricalColumn() for name in ("same", "two", "four", "gap")}
    columns["code"] = NumericColumn()
    measures = measure_columns(train, columns, 10)
    leaks = find_leaks(train, columns, measures, "multiclass", 3)
    assert [leak.split("'")[1] for leak in leaks] == ["same", "code"]
    assert find_leaks(train.where("same = 'x0'"), columns, {}, "multiclass", 3) == []


def test_columns_that_cannot_be_fitted(spark: SparkSession) -> None:
    train = spark.createDataFrame([(1.7e308, None), (-1.7e308, None)], "wide double, nothing double")
    with pytest.raises(DataError, match=r"'wide' spans -1.7e\+308 to 1.7e\+308, too far"):
        fit_features(train, {"wide": NumericColumn()}, 4)
    with pytest.raises(DataError, match="none of the 1 feature columns has a value"):
        fit_features(train, {"nothing": NumericColumn()}, 4)
    assert fit_features(train, {"wide": NumericColumn(scale="none")}, 4) == FeatureSpec(
        features=(NumericFeature(column="wide", fill=-1.7e308, center=0.0, scale=1.0),)
    )
