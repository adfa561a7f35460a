"""Sources as messages name them."""

from __future__ import annotations

from dbx_dl.runtime.row_sources import describe_source


def test_sources_fit_in_a_line() -> None:
    assert describe_source("a/b.csv", "csv") == "csv source a/b.csv"
    assert describe_source("SELECT *\n  FROM t", "query") == "query 'SELECT * FROM t'"
    assert describe_source("SELECT " + "x, " * 100, "query") == "query 'SELECT " + "x, " * 24 + "x …'"
