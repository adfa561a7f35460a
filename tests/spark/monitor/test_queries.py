"""Every query of conf/queries runs on a table of findings and answers what its first line asks."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dbx_dl.contracts import TableVersion
from dbx_dl.monitor.findings_table import LookMark, write_findings
from tests.rules.source_files import ROOT, name_of
from tests.unit.monitor.page.looks import list_findings, make_windows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

QUERIES = sorted((ROOT / "conf" / "queries").glob("*.sql"))
WINDOWS = make_windows(2)
# What the first row of an answer holds.
FIRST = {
    "should_it_be_trained_anew": {"window": WINDOWS[1].name, "area": "drift", "alerts": 2, "checks": 4},
    "which_columns_drift": {"column": "age", "metric": "psi", "times_the_limit": 2.25},
    "how_did_a_column_move": {
        "column": "age",
        "window": WINDOWS[0].name,
        "metric": "kolmogorov_smirnov",
        "status": "ok",
    },
    "is_the_model_still_good": {"window": WINDOWS[0].name, "metric": "accuracy", "value": 0.96, "baseline": 0.97},
    "how_good_is_it_by_slice": {"slice": "colour = blue", "metric": "accuracy", "value": 0.95, "whole_window": 0.89},
    "where_does_it_err": {"slice": "colour = red, age < 30", "mean_error": 0.4, "elsewhere": 0.1},
    "is_it_fair": {"metric": "demographic_parity_difference", "value": 0.2, "status": "alert"},
    "how_does_scoring_go": {"window": WINDOWS[1].name, "num_rows": 1001.0, "error_share": 0.01},
}


@pytest.fixture(scope="module")
def findings(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    name = str(tmp_path_factory.mktemp("queries") / "findings")
    source = TableVersion(name="scores", path="/scores", version=3)
    for run, found in (("churn", list_findings(WINDOWS)), ("zeros", list_findings(WINDOWS)[:1])):
        mark = LookMark(run, source, "id", "time", datetime(2026, 3, 3, tzinfo=UTC))
        write_findings(spark, name, mark, WINDOWS, found)
    spark.read.format("delta").load(name).createOrReplaceTempView("findings")
    yield
    spark.catalog.dropTempView("findings")


def test_every_question_has_an_answer_that_is_checked() -> None:
    assert {query.stem for query in QUERIES} == set(FIRST)


@pytest.mark.parametrize("query", QUERIES, ids=name_of)
def test_a_query_answers(spark: SparkSession, findings: None, query: Path) -> None:
    first = spark.sql(query.read_text(encoding="utf-8")).first()
    assert first is not None and first["run"] == "churn"
    assert {name: first[name] for name in FIRST[query.stem]} == FIRST[query.stem]
