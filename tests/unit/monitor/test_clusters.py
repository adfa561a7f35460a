"""What tells groups apart comes out of means and shares, and tables, CSV and page say it."""

from __future__ import annotations

import csv
from dataclasses import replace
from math import asin, sqrt
from pathlib import Path
from typing import Any

import pytest

from dbx_dl.contracts import ClusterProfiles, NumberProfile, NumberSummary, TableVersion, Target, ValueProfile
from dbx_dl.monitor.clusters import counting
from dbx_dl.monitor.clusters.contrasts import contrast_clusters
from dbx_dl.monitor.clusters.tables import tabulate_clusters, to_csv, to_markdown
from dbx_dl.monitor.run_report.evidence import _read_clusters
from dbx_dl.monitor.run_report.page import render_report
from tests.unit.monitor.run_report.finished_run import finished_run, found_evidence


def number(column: str, *means: float | None, deviation: float = 2.0) -> NumberProfile:
    def summarize(mean: float | None) -> NumberSummary:
        return NumberSummary(mean=mean, median=mean, deviation=None if mean is None else deviation)

    return NumberProfile(column=column, whole=summarize(1.0), clusters=tuple(map(summarize, means)))


SIZES = (60, 30, 10, 0)
NUMBERS = (
    number("age", 1.0, 5.0, 1.0, None),
    number("height", 3.0, 3.0, 3.0, None),
    number("constant", 7.0, 7.0, 7.0, None, deviation=0.0),
)
VALUES = (
    ValueProfile(column="city", value="Rome", whole=0.3, clusters=(0.0, 1.0, 0.0, 0.0)),
    ValueProfile(column="city", value="a|b", whole=0.1, clusters=(0.1, 0.0, 0.4, 0.0)),
)


def profiles(**changes: Any) -> ClusterProfiles:
    values: dict[str, Any] = {
        "framework": "torch",
        "network": "kmeans",
        "model_sha256": "0",
        "table": TableVersion(name="t", path="t", version=3),
        "num_rows": 100,
        "sizes": SIZES,
        "classes": (ValueProfile(column="kind", value="up", whole=0.5, clusters=(0.2, 0.9, 1.0, 0.0)),),
        "numbers": NUMBERS,
        "values": VALUES,
        "pairs": contrast_clusters(SIZES, NUMBERS, VALUES),
        "split": "test",
        "num_sampled": 20,
        "silhouettes": {"inputs": 0.25},
        "silhouette_by_cluster": (0.5, 0.25, None, None),
        "nearest": ((), (), (), ()),
    }
    return ClusterProfiles(**values | changes)


def test_pairs_are_compared_by_standardised_differences() -> None:
    pairs = contrast_clusters(SIZES, NUMBERS, VALUES)
    # A cluster without rows is compared with none.
    assert {(pair.first, pair.second) for pair in pairs} == {(0, 1), (0, 2), (1, 2)}
    assert [pair.difference for pair in pairs] == sorted(pair.difference for pair in pairs)
    found = next(pair for pair in pairs if (pair.first, pair.second) == (0, 1))
    rome = -2 * asin(1.0)
    assert [(c.column, c.value) for c in found.apart[:2]] == [("city", "Rome"), ("age", None)]
    assert [c.difference for c in found.apart[:2]] == pytest.approx([rome, -2.0])
    assert found.difference == pytest.approx(sqrt((rome**2 + 4) / 4))


def test_profiles_of_another_file_are_not_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = finished_run()
    target = Target(task="clustering", column="kind", num_clusters=4)
    models = []
    for model in made.registered:
        trained = model.onnx.trained
        prepared = trained.prepared.model_copy(update={"target": target})
        file = model.onnx.file.model_copy(update={"path": str(tmp_path / trained.framework / "model.onnx")})
        changes = {"trained": trained.model_copy(update={"prepared": prepared}), "file": file}
        models.append(model.model_copy(update={"onnx": model.onnx.model_copy(update=changes)}))
        is_own = trained.framework == "torch"
        shown = profiles(model_sha256=file.sha256 if is_own else "of an earlier export")
        (tmp_path / trained.framework).mkdir()
        shown.save(tmp_path / trained.framework / "clusters.json")
    assert list(_read_clusters(replace(made, registered=tuple(models)))) == ["torch"]
    assert "another file than version 1: run `dbx-dl clusters` again" in caplog.text


def count(column: str, value: str, cluster: int, number: int) -> dict[str, Any]:
    return {"pair": {"column": column, "value": value}, counting.CLUSTER: cluster, "count": number}


def test_shares_of_classes_have_their_names() -> None:
    rows = [
        count("label_index", "1", 0, 30),
        count("label_index", "0", 1, 10),
        count("city", "1", 0, 5),
        count("label_index", "", 1, 10),
    ]
    target = Target(task="clustering", column="kind", label_names=("down", "up", "never"), num_clusters=2)
    found = counting._share_classes(target, counting._gather_counts(rows), (40, 20))
    assert [(value.column, value.value, value.clusters) for value in found] == [
        ("kind", "down", (0.0, 0.5)),
        ("kind", "up", (0.75, 0.0)),
    ]


def test_values_that_are_left_out_are_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(counting, "_MAX_COUNTS", 2)
    rows = [count("city", name, 0, 9) for name in "abc"]
    assert len(counting._gather_counts(rows[:2])) == 2 and not caplog.text
    assert ("city", "c") not in counting._gather_counts(rows)
    assert "more than 2 values by cluster: the rarest are left out" in caplog.text


def test_columns_that_do_not_vary_tell_nothing() -> None:
    (pair,) = contrast_clusters((1, 1), (number("constant", 7.0, 7.0, deviation=0.0),), ())
    assert pair.difference == 0
    assert contrast_clusters((5, 5), (), ()) == ()


def test_tables_say_sizes_typical_values_and_likenesses() -> None:
    beside, typical, pairs = tabulate_clusters(profiles())
    assert beside.header == ("", "all rows", "cluster 0", "cluster 1", "cluster 2", "cluster 3")
    rows = {row[0]: row[1:] for row in beside.rows}
    assert rows["share"] == ("100 %", "60 %", "30 %", "10 %", "0 %")
    assert rows["silhouette"] == ("0.25", "0.5", "0.25", "–", "–")
    assert rows["kind is up"] == ("50 %", "20 %", "90 %", "100 %", "0 %")
    assert rows["age: mean"] == ("1", "1", "5", "1", "–")
    assert typical.rows == (
        ("cluster 1", "city is Rome", "100 %", "30 %", "3.3"),
        ("cluster 2", "city is a|b", "40 %", "10 %", "4.0"),
    )
    assert pairs.rows[0][0] == "0 and 2"
    assert "age -2.00" in next(row for row in pairs.rows if row[0] == "0 and 1")[2]


def test_wide_tables_are_cut() -> None:
    beside, *_ = tabulate_clusters(profiles())
    parts = beside.cut(3)
    assert [part.header[2:] for part in parts] == [("cluster 0", "cluster 1", "cluster 2"), ("cluster 3",)]
    assert all(part.header[:2] == beside.header[:2] and len(part.rows) == len(beside.rows) for part in parts)
    assert tuple(first + last[2:] for first, last in zip(*(part.rows for part in parts), strict=True)) == beside.rows
    assert beside.cut(4) == (beside,)


def test_images_have_no_tables_of_columns() -> None:
    titles = [table.title for table in tabulate_clusters(profiles(numbers=(), values=(), pairs=()))]
    assert titles == ["Clusters beside all rows"]


def test_markdown_and_csv_can_be_read_back() -> None:
    text = to_markdown(profiles())
    assert "city is a\\|b" in text and "0.250 by inputs" in text
    rows = list(csv.DictReader(to_csv(profiles()).splitlines()))
    assert rows[0] | {"measure": "rows", "whole": "100", "1": "30"} == rows[0]
    means = next(row for row in rows if (row["column"], row["measure"]) == ("age", "mean"))
    assert (means["1"], means["3"]) == ("5.0", "")
    assert next(row for row in rows if row["value"] == "a|b")["2"] == "0.4"


def test_markdown_shows_markup_and_line_breaks_of_values_within_their_cell() -> None:
    (value, *others) = profiles().values
    text = to_markdown(profiles(values=(value.model_copy(update={"value": "<i>\nx"}), *others)))
    assert f"{value.column} is &lt;i> x |" in text and "<i>" not in text


def test_a_page_tells_the_groups_of_each_model() -> None:
    outcome = finished_run("table")
    evidence = replace(found_evidence(outcome), clusters={"torch": profiles()})
    page = render_report([(outcome, evidence)], title="t")
    assert page.count("Clusters, torch") == 1 and "Clusters, keras" not in page
    assert "city is Rome" in page and "silhouette of 20 of the test split: 0.250 by inputs" in page
