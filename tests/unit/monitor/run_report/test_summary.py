"""The summary's cells: one column per run and framework."""

from dbx_dl.monitor.run_report.summary import MISSING, Summary, format_metric, summarize
from tests.unit.monitor.run_report.finished_run import finished_run


def _column(summary: Summary, position: int) -> dict[str, str]:
    return {row[0]: row[position + 1] for row in summary.rows}


def test_one_column_per_run_and_framework() -> None:
    summary = summarize([finished_run("images"), finished_run("table")])
    assert summary.columns == (
        ("digits", "keras"),
        ("digits", "torch"),
        ("breast_cancer", "keras"),
        ("breast_cancer", "torch"),
    )
    assert all(len(row) == 5 for row in summary.rows)


def test_champion_is_marked_and_owns_the_scores() -> None:
    summary = summarize([finished_run("images")])
    keras, torch = _column(summary, 0), _column(summary, 1)
    assert (keras["version"], torch["version"]) == ("v1", "v2 ★ champion")
    assert (keras["scored"], keras["errors"]) == (MISSING, MISSING)
    assert (torch["scored"], torch["speed"], torch["errors"]) == ("1,801 images", "900 images/s", "4")
    assert torch["on test split"] == "accuracy 0.9887"
    assert torch["ONNX parity"] == "3.1e-07"


def test_scores_of_an_older_champion_name_it() -> None:
    summary = summarize([finished_run("images", champion_version=9, scored_by=9)])
    assert _column(summary, 0)["scored"] == "1,801 by v9"
    assert _column(summary, 1)["scored"] == MISSING
    assert "★" not in str(summary.rows)


def test_scores_of_a_file_say_so() -> None:
    assert _column(summarize([finished_run("images", scored_by=None)]), 0)["scored"] == "1,801 by a file"


def test_metric_names_read_well() -> None:
    assert format_metric(finished_run("table"), 0.98765) == "AUC 0.9877"
    assert format_metric(finished_run("images"), None) == f"accuracy {MISSING}"


def test_no_run_is_an_empty_summary() -> None:
    assert summarize([]) == Summary(columns=(), rows=())
