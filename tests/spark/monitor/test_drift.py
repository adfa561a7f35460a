"""Windows counted by Spark in one pass are those that numpy counts of the same rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dbx_dl.config import DriftConfig
from dbx_dl.contracts import (
    CategoricalFeature,
    DatetimeFeature,
    Distributions,
    EmbeddingFeature,
    FeatureSpec,
    ImageSpec,
    NumericFeature,
    TextAndColumnsSpec,
    TextFeature,
    Window,
)
from dbx_dl.distributions.cells import MAX_UNSEEN, NAMED, Place
from dbx_dl.distributions.counting import count_rows
from dbx_dl.distributions.measures import Measure
from dbx_dl.errors import DataError
from dbx_dl.monitor.drift.baselines import measure_inputs, measure_outputs
from dbx_dl.monitor.drift.comparing import compare_windows
from dbx_dl.monitor.drift.measuring import count_windows, measure_drift
from tests.image_bytes import encode
from tests.unit.monitor.drift.drawn_rows import Columns, count, fit

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

WINDOWS = (Window(name="quiet"), Window(name="shifted"), Window(name="empty"))
TEXT = TextFeature(column="text", pattern=r"\w+", max_length=8, vocabulary=("good", "bad", "film"))
SPEC = TextAndColumnsSpec(
    text=TEXT,
    table=FeatureSpec(
        features=(
            NumericFeature(column="a number", fill=0.0, center=0.0, scale=1.0),
            NumericFeature(column="flag", is_boolean=True, fill=0.0, center=0.0, scale=1.0),
            CategoricalFeature(column="town", categories=("a", "b", "c")),
            DatetimeFeature(column="at", fill=0, parts=("hour",)),
            EmbeddingFeature(column="vector", size=3, fill=(0.0,) * 3, center=(0.0,) * 3, scale=(1.0,) * 3),
        )
    ),
)
NUMPY_COLUMNS = ("a number", "flag", "town", "vector")


def _draw(seed: int, size: int, shift: float = 0.0) -> Columns:
    rng = np.random.default_rng(seed)
    return {
        "a number": np.where(rng.random(size) < 0.1, np.nan, rng.normal(shift, size=size).round(2)),
        "flag": (rng.random(size) < 0.2).astype(np.float64),
        "town": rng.choice(["a", "b", "c", ""] if not shift else ["a", "b", "new", ""], size),
        "vector": rng.normal(shift, size=(size, 3)).round(3),
    }


def _to_frame(spark: SparkSession, columns: Columns, window: str, *, is_text: bool) -> DataFrame:
    """Rows typed as prepare has them, or as raw text."""
    size = len(columns["town"])
    flags = columns["flag"] == 1.0
    table = pd.DataFrame(
        {
            "window": [window] * size,
            "a number": [None if np.isnan(x) else (f"{x}" if is_text else float(x)) for x in columns["a number"]],
            "flag": [("yes" if flag else "no") if is_text else float(flag) for flag in flags],
            "town": [str(town) or None for town in columns["town"]],
            "at": [None if i % 4 == 0 else "2024-02-29" for i in range(size)],
            "vector": [row.tolist() for row in columns["vector"]],
            "text": [None if i % 10 == 0 else "good Film" if i % 2 else "a bad film it was" for i in range(size)],
            "there": [i >= 10 for i in range(size)],
        }
    )
    number = "string" if is_text else "double"
    schema = (
        f"window string, `a number` {number}, flag {number}, town string, at string, vector array<double>, "
        "text string, there boolean"
    )
    return spark.createDataFrame(table.astype(object).where(table.notna(), None).to_dict("records"), schema)


@pytest.fixture(scope="module")
def baseline(spark: SparkSession) -> Distributions:
    """Of 1,500 rows in the types of prepared tables."""
    return measure_inputs(_to_frame(spark, _draw(0, 1500), "", is_text=False).repartition(3), SPEC)


@pytest.fixture(scope="module")
def frame(spark: SparkSession) -> DataFrame:
    """Two windows as raw text, of which ten rows each have no inputs any more."""
    quiet, shifted = _draw(1, 610), _draw(2, 510, shift=1.0)
    rows = _to_frame(spark, quiet, "quiet", is_text=True).unionByName(
        _to_frame(spark, shifted, "shifted", is_text=True)
    )
    return rows.repartition(5)


@pytest.fixture(scope="module")
def counted(frame: DataFrame, baseline: Distributions) -> dict[str, Distributions]:
    """The windows, without a column of dates."""
    return count_windows(frame.drop("at"), WINDOWS, baseline, inputs=SPEC, has_inputs="there")


def _drop_first(columns: Columns) -> Columns:
    return {name: values[10:] for name, values in columns.items()}


def test_the_baseline_is_that_of_numpy(baseline: Distributions) -> None:
    expected = fit(_draw(0, 1500))
    found = {column.name: column for column in baseline.columns}
    for column in expected.columns:
        own = found[column.name]
        assert own.model_dump(exclude={"mean", "deviation"}) == column.model_dump(exclude={"mean", "deviation"})
        if column.kind == "number":
            assert (own.mean, own.deviation) == pytest.approx((column.mean, column.deviation))
    assert baseline.moments[0].num_rows == 1500
    np.testing.assert_allclose(baseline.moments[0].mean, expected.moments[0].mean, atol=1e-12)
    np.testing.assert_allclose(baseline.moments[0].covariance, expected.moments[0].covariance, atol=1e-10)
    assert len(baseline.samples[0].vectors) == 500
    assert (found["at"].num_nulls, found["at"].counts) == (375, (1125,))
    assert found["text.length"].num_nulls == 150
    assert (found["text.length"].minimum, found["text.length"].maximum) == (2.0, 5.0)
    assert found["text.unknown_share"].maximum == pytest.approx(0.6)


def test_windows_are_those_of_numpy(counted: dict[str, Distributions], baseline: Distributions) -> None:
    assert {name: window.num_rows for name, window in counted.items()} == {"quiet": 610, "shifted": 510, "empty": 0}
    own = baseline.model_copy(update={"columns": tuple(c for c in baseline.columns if c.name in NUMPY_COLUMNS)})
    for name, columns in (("quiet", _draw(1, 610)), ("shifted", _draw(2, 510, shift=1.0))):
        expected = count(_drop_first(columns), own)
        found = {column.name: column for column in counted[name].columns}
        for column in expected.columns:
            dumped = found[column.name].model_dump(exclude={"mean", "is_complete", "deviation", "unseen"})
            assert dumped == column.model_dump(exclude={"mean", "is_complete", "deviation", "unseen"})
        np.testing.assert_allclose(counted[name].moments[0].mean, expected.moments[0].mean, atol=1e-12)
        np.testing.assert_allclose(counted[name].moments[0].covariance, expected.moments[0].covariance, atol=1e-10)


def test_what_moved_is_found_and_nothing_else(counted: dict[str, Distributions], baseline: Distributions) -> None:
    found = compare_windows(counted, baseline, DriftConfig())
    alerts = {(finding.window, finding.column) for finding in found if finding.status == "alert"}
    assert alerts == {("shifted", "a number"), ("shifted", "town"), ("shifted", "vector")}
    fired = {finding.metric for finding in found if finding.status == "alert" and finding.column == "vector"}
    assert fired == {"frechet", "classifier"}
    (unseen,) = [f for f in found if (f.window, f.metric) == ("shifted", "unseen_share")]
    assert unseen.detail.endswith("rows have a value that the baseline has not, such as 'new'")
    empty = [finding for finding in found if finding.window == "empty"]
    assert [(f.metric, f.value, f.status, f.detail) for f in empty] == [
        ("num_rows", 0.0, "unsure", "the window has no rows")
    ]
    missing = [finding for finding in found if finding.column == "at"]
    assert [(f.window, f.status, f.value) for f in missing] == [("quiet", "unsure", None), ("shifted", "unsure", None)]


def test_without_any_column_it_is_said_what_is_missing(frame: DataFrame, baseline: Distributions) -> None:
    with pytest.raises(DataError, match=r"none of the columns that the baseline knows \(text, a number.*join the"):
        measure_drift(frame.select("window", "there"), WINDOWS, baseline, DriftConfig(), inputs=SPEC)
    with pytest.raises(DataError, match="has no column 'window'"):
        measure_drift(frame.drop("window"), WINDOWS, baseline, DriftConfig(), inputs=SPEC)
    with pytest.raises(DataError, match="holds no distributions"):
        measure_drift(frame, WINDOWS, Distributions(num_rows=0), DriftConfig(), inputs=SPEC)


def test_predictions_have_a_baseline_of_their_own(spark: SparkSession) -> None:
    rng = np.random.default_rng(0)

    def predict(window: str, share: float, size: int) -> DataFrame:
        # A class may be named as a null token is.
        labels = np.where(rng.random(size) < share, "yes", "NA").tolist()
        # Three in ten vectors are the same one, as those of blank pages are.
        vectors = [[0.0, 0.0] if rng.random() < 0.3 else rng.normal(size=2).tolist() for _ in range(size)]
        rows = [
            (window, f"{window}{k}", label, float(p), vector, None)
            for k, (label, p, vector) in enumerate(zip(labels, rng.random(size), vectors, strict=True))
        ]
        # Rows that could not be read have no prediction; the baseline holds none of these.
        failed = [(window, f"{window} failed {k}", None, None, None, "undecodable") for k in range(size // 10)]
        schema = "window string, key string, label string, probability double, embedding array<float>, error string"
        return spark.createDataFrame([*rows, *(failed if window else [])], schema)

    baseline = measure_outputs(predict("", 0.3, 1600).drop("window"), "key")
    assert [column.name for column in baseline.columns] == ["label", "probability"]
    equal = [share_equal(sample.vectors) for sample in baseline.samples]
    assert equal == [pytest.approx(0.3, abs=0.08)]
    frame = predict("quiet", 0.3, 400).unionByName(predict("shifted", 0.6, 400))
    counted = count_windows(frame, WINDOWS[:2], baseline)
    assert {name: window.num_rows for name, window in counted.items()} == {"quiet": 440, "shifted": 440}
    assert {column.num_rows for column in counted["quiet"].columns} == {400}
    found = compare_windows(counted, baseline, DriftConfig())
    assert {(f.window, f.column) for f in found if f.status == "alert"} == {("shifted", "label")}


def test_sets_of_labels_drift_label_by_label(spark: SparkSession) -> None:
    rng = np.random.default_rng(1)

    def predict(window: str, share: float, size: int) -> DataFrame:
        sets = [["a"] * bool(rng.random() < 0.5) + ["b"] * bool(rng.random() < share) for _ in range(size)]
        rows = [(window, f"{window}{k}", labels, "") for k, labels in enumerate(sets)]
        return spark.createDataFrame(rows, "window string, key string, labels array<string>, other string")

    baseline = measure_outputs(predict("", 0.2, 600).drop("window", "other"), "key", ("a", "b"))
    assert [column.column for column in baseline.columns] == ["number of labels", "label a", "label b"]
    frame = predict("quiet", 0.2, 300).unionByName(predict("shifted", 0.6, 300))
    found = measure_drift(frame, WINDOWS[:2], baseline, DriftConfig())
    alerts = {(f.window, f.column) for f in found if f.status == "alert"}
    assert ("shifted", "label b") in alerts and {window for window, _ in alerts} == {"shifted"}
    assert ("shifted", "label a") not in alerts


def test_few_of_many_new_values_come_to_the_driver(spark: SparkSession) -> None:
    texts = [f"once {k}" for k in range(200)] + ["often"] * 3
    frame = spark.createDataFrame(
        [("w", True, text) for text in texts], "window string, _is_input_there boolean, m0 string"
    )
    place = Place(Measure("c", "category"), values=("known",), names_others=True)
    cells = count_rows(frame.repartition(4), [place])["w", 0]
    assert len(cells[NAMED].rows_by_text) == MAX_UNSEEN and cells[NAMED].rows_by_text["often"] == 3
    assert cells[1].num_rows == 203


def share_equal(vectors: tuple[tuple[float, ...], ...]) -> float:
    return sum(vector == (0.0, 0.0) for vector in vectors) / len(vectors)


def test_images_that_are_brighter_or_repeated_are_found(spark: SparkSession) -> None:
    rng = np.random.default_rng(0)
    spec = ImageSpec(height=12, width=12, channels=1)

    def draw(window: str, size: int, light: float, repeats: int = 1, side: int = 12, kind: str = "PNG") -> DataFrame:
        levels = rng.uniform(60, 140, (size // repeats, 1, 1)) + rng.normal(0, 30, (size // repeats, side, side))
        pixels = np.repeat(np.clip(levels * light, 0, 255).astype(np.uint8), repeats, axis=0)
        rows = [(window, encode(Image.fromarray(image), kind)) for image in pixels]
        return spark.createDataFrame(rows, "window string, content binary")

    baseline = measure_inputs(draw("", 600, 1.0), spec)
    broken = spark.createDataFrame([("quiet", b"no image")] * 2, "window string, content binary")
    frame = draw("quiet", 300, 1.0).unionByName(draw("shifted", 300, 1.2, 3, 16, "JPEG")).unionByName(broken)
    found = measure_drift(frame, WINDOWS[:2], baseline, DriftConfig(), inputs=spec)
    alerts = {(f.window, f.column) for f in found if f.status == "alert"}
    of_files = ("width", "height", "size_bytes", "format")
    assert {("shifted", f"content.{name}") for name in ("brightness", *of_files)} <= alerts
    assert not any(window == "quiet" for window, _ in alerts)
    warned = {(f.window, f.metric): f.value for f in found if f.metric == "near_duplicate_share"}
    assert warned[("shifted", "near_duplicate_share")] == 1.0
    assert (warned[("quiet", "near_duplicate_share")] or 0.0) < 0.1
    nulls = {(f.window, f.column): f.value for f in found if f.metric == "null_share"}
    assert nulls[("quiet", "content.brightness")] == pytest.approx(2 / 302)
