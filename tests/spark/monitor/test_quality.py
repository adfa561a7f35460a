"""Labels that arrive late are joined as of a moment, and quality, slices and groups are those of the joined rows."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import functions as F
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss, roc_auc_score

from dbx_dl.config import LateLabelsConfig, QualityConfig, SlicesConfig, WatchedFairnessConfig
from dbx_dl.contracts import Estimate, Finding, QualityBaseline, Target, Window
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.metrics.fairness import measure_rates
from dbx_dl.monitor.fairness.measure import measure_fairness
from dbx_dl.monitor.late_labels import IS_DISPUTED, TRUTH, join_labels
from dbx_dl.monitor.other_models import hide_other_classes
from dbx_dl.monitor.quality.measure import measure_quality
from tests.spark.monitor.scored_frames import NAMES, START, TARGET, WINDOWS, Scored
from tests.unit.monitor.page.looks import make_watched

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

LATE = LateLabelsConfig(table="labels", key="row", label="outcome", time="known_at")
AS_OF = START + timedelta(days=30)
QUALITY = QualityConfig(
    num_resamples=200,
    metrics=("accuracy", "log_loss"),
    max_calibration_error=0.05,
    slices=SlicesConfig(told_columns=("colour",)),
)
BASELINE = QualityBaseline(metrics={"accuracy": Estimate(value=0.82), "log_loss": Estimate(value=0.43)}, num_rows=2000)


@pytest.fixture(scope="module")
def findings(scored: Scored) -> tuple[Finding, ...]:
    return measure_quality(
        scored.frame, scored.labels, TARGET, LATE, QUALITY, windows=WINDOWS, baseline=BASELINE, as_of=AS_OF
    )


def pick(findings: tuple[Finding, ...], metric: str, window: str = "april", part: str = "") -> Finding:
    (found,) = [f for f in findings if (f.metric, f.window, f.part) == (metric, window, part)]
    return found


def make_frame(spark: SparkSession, **columns: Any) -> DataFrame:
    return spark.createDataFrame(pa.table({name: pa.array(values) for name, values in columns.items()}))


def usable_rows(scored: Scored) -> np.ndarray:
    """Rows that have a prediction and a label the model knows; the third label was taken back, the fifth is unknown."""
    rows = scored.rows
    is_usable = rows["labelled"] & ~rows["failed"]
    known = np.flatnonzero(rows["labelled"])
    is_usable[known[[2, 4]]] = False
    return is_usable


def truth_as_of(scored: Scored) -> np.ndarray:
    truth = scored.rows["truth"].copy()
    truth[np.flatnonzero(scored.rows["labelled"])[3]] = True
    return truth


def test_of_several_labels_the_latest_known_one_counts(scored: Scored) -> None:
    joined = join_labels(scored.frame, scored.labels, TARGET, LATE, AS_OF).select("key", TRUTH, IS_DISPUTED).toArrow()
    assert joined.num_rows == len(scored.rows["window"])
    found = {row["key"]: (row[TRUTH], row[IS_DISPUTED]) for row in joined.to_pylist()}
    rows, known = scored.rows, np.flatnonzero(scored.rows["labelled"])
    expected = {f"row {k}": (None, False) for k in range(len(rows["window"]))}
    expected |= {f"row {k}": (NAMES[int(rows["truth"][k])], False) for k in known}
    third, fourth, fifth = known[2:5]
    expected |= {f"row {third}": (None, False), f"row {fourth}": ("yes", True), f"row {fifth}": ("maybe", False)}
    assert found == expected
    # Before any label was given there is none, and what came after the look counts later.
    early = join_labels(scored.frame, scored.labels, TARGET, LATE, START - timedelta(days=1))
    assert early.where(f"{TRUTH} IS NOT NULL").count() == 0
    late = join_labels(scored.frame, scored.labels, TARGET, LATE).where(f"key = 'row {known[1]}'").collect()[0]
    assert late[TRUTH] == NAMES[1 - int(rows["truth"][known[1]])]


def test_coverage_and_odd_labels_are_told(scored: Scored, findings: tuple[Finding, ...]) -> None:
    rows = scored.rows
    for number, window in enumerate(WINDOWS[:2]):
        is_here = (rows["window"] == number) & ~rows["failed"]
        num_labelled = int((rows["labelled"] & is_here).sum()) - (number == 0)  # one was taken back
        coverage = pick(findings, "label_coverage", window.name)
        assert (coverage.value, coverage.num_rows) == (pytest.approx(num_labelled / is_here.sum()), is_here.sum())
        assert "have an error in the place" in coverage.detail
    empty = pick(findings, "label_coverage", "may")
    assert (empty.value, empty.num_rows, empty.status) == (None, 0, "unsure")
    told = {f.metric: f for f in findings if f.metric.endswith(("labels", "_keys", "_key", "_model"))}
    assert told["disputed_labels"].window == told["labels_unknown_to_model"].window == "march"
    numbers = {name: told[name].value for name in ("labels_of_unknown_keys", "labels_without_key", "later_labels")}
    assert numbers == {"labels_of_unknown_keys": 1, "labels_without_key": 1, "later_labels": 1}
    assert pick(findings, "labels_before_scoring", "march").detail.startswith("1 rows were scored after their label")
    assert "'nobody'" in told["labels_of_unknown_keys"].detail


def test_metrics_are_those_of_the_labelled_rows(scored: Scored, findings: tuple[Finding, ...]) -> None:
    rows, is_usable, truth = scored.rows, usable_rows(scored), truth_as_of(scored)
    for number, window in enumerate(WINDOWS[:2]):
        here = is_usable & (rows["window"] == number)
        y, p = truth[here], rows["probability"][here].astype(np.float32).astype(np.float64)
        expected = {
            "accuracy": accuracy_score(y, p >= 0.5), "log_loss": log_loss(y, p), "auc": roc_auc_score(y, p),
            "brier": 2 * brier_score_loss(y, p),
        }  # fmt: skip
        for metric, value in expected.items():
            found = pick(findings, metric, window.name)
            assert found.value == pytest.approx(value, abs=1e-4), metric
            assert found.low is not None and found.high is not None and found.low < value < found.high
            assert (found.num_rows, found.detail if metric == "auc" else "") == (here.sum(), "")
        of_version = pick(findings, "accuracy", window.name, "version 2")
        its = here & (rows["version"] == 2)
        assert of_version.value == pytest.approx(accuracy_score(truth[its], rows["probability"][its] >= 0.5), abs=1e-3)
        assert of_version.num_rows == its.sum()
    accuracies = [pick(findings, "accuracy", window) for window in ("march", "april")]
    assert [f.status for f in accuracies] == ["ok", "alert"]
    assert accuracies[1].baseline == 0.82 and accuracies[1].limit == pytest.approx(0.8)
    assert accuracies[1].adjusted_p_value is not None and accuracies[1].adjusted_p_value < 0.01
    assert pick(findings, "brier").status == "told"


def test_calibration_is_judged_by_its_limit(scored: Scored, findings: tuple[Finding, ...]) -> None:
    march, april = (pick(findings, "calibration_error", window) for window in ("march", "april"))
    assert march.status == "ok" and april.value is not None and march.value is not None
    assert april.value > march.value and april.p_value is not None and april.p_value < 0.01 < (march.p_value or 0)
    bins = [f for f in findings if f.metric == "reliability" and f.window == "march"]
    assert [f.part for f in bins] == [f"{k / 10:g} to {(k + 1) / 10:g}" for k in range(10)]
    assert sum(f.num_rows for f in bins) == march.num_rows
    assert all(f.baseline is not None and k / 10 <= f.baseline <= (k + 1) / 10 for k, f in enumerate(bins))


def test_the_planted_slice_is_found_and_nothing_else(findings: tuple[Finding, ...]) -> None:
    found = [f for f in findings if f.metric == "slice_error"]
    assert {f.window for f in found} == {"april"}
    # The ranges are quarters, so the slice is its upper part.
    (worst, *others) = found
    assert worst.column in ("age, colour", "colour, age") and "colour = red" in worst.part and "age > 6" in worst.part
    assert worst.value is not None and worst.baseline is not None and worst.value > 2 * worst.baseline
    assert all("red" in f.part or "age > 6" in f.part for f in others)
    searched = [f for f in findings if f.metric == "slices_searched"]
    assert [f.window for f in searched] == ["april", "march"] and all((f.value or 0) > 20 for f in searched)


def test_slices_have_the_metrics_of_their_rows(scored: Scored, findings: tuple[Finding, ...]) -> None:
    rows, is_usable, truth = scored.rows, usable_rows(scored), truth_as_of(scored)
    for number, window in enumerate(WINDOWS[:2]):
        for colour in ("red", "green", "blue"):
            here = is_usable & (rows["window"] == number) & (rows["colour"] == colour)
            y, p = truth[here], rows["probability"][here].astype(np.float32).astype(np.float64)
            for metric, value in {"accuracy": accuracy_score(y, p >= 0.5), "auc": roc_auc_score(y, p)}.items():
                found = pick(findings, metric, window.name, f"colour = {colour}")
                assert (found.column, found.num_rows, found.status) == ("colour", here.sum(), "told")
                assert found.value == pytest.approx(value, abs=1e-4)
                assert found.low is not None and found.high is not None and found.low < value < found.high
                assert found.baseline == pick(findings, metric, window.name).value
    (worst, *_) = [f for f in findings if f.metric == "slice_error"]
    accuracy = pick(findings, "accuracy", "april", worst.part)
    assert (accuracy.column, accuracy.num_rows) == (worst.column, worst.num_rows)
    assert accuracy.value == pytest.approx(1 - (worst.value or 0)) and accuracy.low is not None


def test_a_large_window_is_sampled_and_says_so(scored: Scored, findings: tuple[Finding, ...]) -> None:
    config = QUALITY.model_copy(update={"max_rows": 500, "slices": None})
    ask = {"windows": WINDOWS, "as_of": AS_OF}
    first, again = (
        measure_quality(scored.frame.repartition(parts), scored.labels, TARGET, LATE, config, **ask) for parts in (3, 1)
    )
    assert first == again
    accuracy, whole = pick(first, "accuracy"), pick(findings, "accuracy")
    assert 400 < accuracy.num_rows < 600 and "drawn at random" in accuracy.detail and accuracy.status == "told"
    assert accuracy.low is not None and accuracy.high is not None and accuracy.low < (whole.value or 0) < accuracy.high


def test_without_probabilities_quality_is_that_of_labels(scored: Scored) -> None:
    frame = scored.frame.drop("probabilities", "probability", "model_version", "scored_at")
    config = QUALITY.model_copy(update={"slices": None, "metrics": ()})
    found = measure_quality(frame, scored.labels, TARGET, LATE, config, windows=WINDOWS[:1], as_of=AS_OF)
    metrics = {f.metric for f in found if not f.metric.startswith(("label", "later", "disputed"))}
    assert metrics == {"accuracy", "balanced_accuracy", "f1_macro"}
    # An earlier version had a class of its own.
    old = frame.withColumn("label", F.when(F.col("age") < 30, "perhaps").otherwise(F.col("label")))
    after = measure_quality(old, scored.labels, TARGET, LATE, config, windows=WINDOWS[:1], as_of=AS_OF)
    shape = pick(after, "predictions_of_other_shape", "march")
    assert shape.value == pytest.approx(12 / 62, abs=0.05)
    num_odd = round((shape.value or 0) * shape.num_rows)
    num_left = pick(found, "accuracy", "march").num_rows - num_odd
    assert pick(after, "accuracy", "march").num_rows == pytest.approx(num_left, abs=1)


def test_probabilities_of_other_classes_are_in_no_figure(scored: Scored) -> None:
    watched = make_watched()
    sha256 = F.when(F.col("model_version") == 2, "b" * 64).otherwise(watched.model.sha256)
    lineage = {"model_sha256": sha256, "model_name": F.lit("/nowhere/m.onnx"), "model_version": F.lit(None).cast("int")}
    kept, notes = hide_other_classes(scored.frame.withColumns(lineage), watched)
    left = kept.groupBy("model_sha256").agg(F.count("probabilities").alias("with"), F.count("label").alias("labels"))
    found = {row["model_sha256"]: (row["with"], row["labels"]) for row in left.collect()}
    assert found["b" * 64][0] == 0 < found["b" * 64][1]
    assert found[watched.model.sha256][0] == found[watched.model.sha256][1] > 0
    assert len(notes) == 1 and "probabilities of /nowhere/m.onnx are in no figure" in notes[0]


def test_numbers_and_sets_of_labels_have_quality(spark: SparkSession) -> None:
    random = np.random.default_rng(1)
    truth = random.normal(50, 10, 400)
    values = truth + random.normal(0, 2, 400) + 8 * (np.arange(400) % 4 == 0)
    now, keys = ["now"] * 400, list(range(400))
    kinds = [f"kind {k % 4}" for k in keys]
    scored = make_frame(spark, window=now, key=[f"{k}" for k in keys], value=values, kind=kinds)
    given = ["?" if k == 5 else "much" if k == 6 else str(float(v)) for k, v in enumerate(truth)]
    labels = make_frame(spark, key=keys, label=given)
    target, late = Target(task="regression", column="y"), LateLabelsConfig(table="labels")
    config = QualityConfig(num_resamples=100, limits={"rmse": 3.0})
    found = measure_quality(scored, labels, target, late, config, windows=[Window(name="now")])
    kept = np.delete(np.arange(400), [5, 6])
    rmse = pick(found, "rmse", "now")
    assert rmse.value == pytest.approx(np.sqrt(np.mean((values - truth)[kept] ** 2)))
    assert (rmse.status, rmse.limit, rmse.num_rows) == ("alert", 3.0, 398)
    assert pick(found, "unreadable_labels", "now").value == 1
    assert [f.part for f in found if f.metric == "slice_error"] == ["kind = kind 0"]

    sets = Target(task="multilabel", column="y", label_names=("a", "b"))
    keys = [f"{k}" for k in range(100)]
    scored = make_frame(spark, window=now[:100], key=keys, probabilities=[[0.9, 0.2]] * 100, labels=[["a"]] * 100)
    given = [["a"] if k % 4 else ["b", "a", "a"] for k in range(99)] + [["z"]]
    labels = make_frame(spark, key=keys, label=given)
    found = measure_quality(
        scored, labels, sets, late, config.model_copy(update={"limits": {}}), windows=[Window(name="now")]
    )
    assert pick(found, "exact_match", "now").value == pytest.approx(74 / 99)
    assert pick(found, "labels_unknown_to_model", "now").value == pytest.approx(1 / 100)


def test_bad_input_is_named(scored: Scored) -> None:
    def measure(target: Target = TARGET, late: LateLabelsConfig = LATE, config: QualityConfig = QUALITY) -> None:
        measure_quality(scored.frame, scored.labels, target, late, config, windows=WINDOWS)

    with pytest.raises(DataError, match="label table labels has no column 'outcom'; did you mean 'outcome'"):
        measure(late=LATE.model_copy(update={"label": "outcom"}))
    with pytest.raises(DataError, match="label table labels has no column 'nowhere'"):
        measure(late=LATE.model_copy(update={"time": "nowhere"}))
    with pytest.raises(ConfigError, match="'rmse' is no metric of the task binary"):
        measure(config=QualityConfig(metrics=("rmse",)))
    with pytest.raises(ConfigError, match="the model's task is boxes"):
        measure(Target(task="boxes", column="x"))
    with pytest.raises(DataError, match=r"`slices.columns` needs the column 'colours'"):
        measure(config=QualityConfig(slices=SlicesConfig(columns=("colours",))))
    with pytest.raises(DataError, match=r"`slices.told_columns` needs the column 'colours'"):
        measure(config=QualityConfig(slices=SlicesConfig(told_columns=("colours",))))
    with pytest.raises(DataError, match="is string; the task multilabel has an array of labels a row"):
        measure(Target(task="multilabel", column="x", label_names=("a",)), config=QualityConfig())


def test_groups_have_the_rates_of_their_rows(scored: Scored) -> None:
    config = WatchedFairnessConfig(
        columns=("colour", "city"), favourable="yes", max_groups=5,
        max_gaps={"demographic_parity_difference": 0.3, "equal_opportunity_difference": 0.01}, min_parity_ratio=0.5,
    )  # fmt: skip
    found = measure_fairness(
        scored.frame, TARGET, config, windows=WINDOWS[:2], labels=scored.labels, late=LATE, as_of=AS_OF
    )
    rows, is_usable, truth = scored.rows, usable_rows(scored), truth_as_of(scored)
    for colour in ("red", "green", "blue"):
        of_group = (rows["window"] == 1) & (rows["colour"] == colour)
        here, scored_here = of_group & is_usable, of_group & ~rows["failed"]
        p = rows["probability"].astype(np.float32)
        rates = measure_rates(truth[here], p[here] >= 0.5, p[here])
        rates["selection_rate"] = float((p[scored_here] >= 0.5).mean())
        rates["mean_probability"] = float(p[scored_here].mean())
        for name, value in rates.items():
            finding = pick(found, name, "april", colour)
            assert finding.value == pytest.approx(value, abs=1e-5), name
            if finding.low is not None and name != "calibration_error":
                assert finding.low < finding.value < finding.high
    gaps = {f.metric: f for f in found if f.window == "april" and f.column == "colour" and not f.part}
    assert gaps["demographic_parity_difference"].status == "ok" and gaps["demographic_parity_ratio"].status == "ok"
    opportunity = gaps["equal_opportunity_difference"]
    assert opportunity.status == "alert" and "'red'" in opportunity.detail and (opportunity.low or 0) > 0.01
    calm = {f.metric: f for f in found if f.window == "march" and f.column == "colour" and not f.part}
    assert calm["equal_opportunity_difference"].status in ("ok", "warning")
    (rest,) = [f for f in found if f.metric == "groups_told_together"]
    num_cities = len(np.unique(rows["city"][~rows["failed"]]))
    assert rest.part == f"({num_cities - 5} other values)" and rest.value == num_cities - 5
    cities = {f.part for f in found if f.column == "city" and f.metric == "selection_rate"}
    assert len(cities) == 6 and rest.part in cities and "city 1" in cities


@pytest.mark.matrix
def test_groups_without_labels_have_the_rates_that_need_none(scored: Scored) -> None:
    config = WatchedFairnessConfig(columns=("colour",), favourable="yes", weight_column="age")
    with pytest.raises(DataError, match=r"must hold a number of 0 or more in every scored row: .* have none"):
        measure_fairness(scored.frame, TARGET, config, windows=WINDOWS)
    frame = scored.frame.where("age IS NOT NULL")
    found = measure_fairness(frame, TARGET, config, windows=WINDOWS[:1])
    names = {f.metric for f in found}
    assert names == {"selection_rate", "mean_probability", "demographic_parity_difference", "demographic_parity_ratio"}
    rows = scored.rows
    here = (rows["window"] == 0) & (rows["colour"] == "red") & ~rows["failed"] & (np.arange(len(rows["age"])) % 50 != 3)
    expected = np.average(rows["probability"][here] >= 0.5, weights=rows["age"][here])
    assert pick(found, "selection_rate", "march", "red").value == pytest.approx(expected)
    with pytest.raises(ConfigError, match="'maybe', which is no label"):
        measure_fairness(frame, TARGET, WatchedFairnessConfig(columns=("colour",), favourable="maybe"), windows=WINDOWS)
    with pytest.raises(DataError, match="fairness needs the column 'color' of the scored rows; did you mean 'colour'"):
        measure_fairness(frame, TARGET, WatchedFairnessConfig(columns=("color",), favourable="no"), windows=WINDOWS)
