"""The page holds everything it shows, and escapes what came from the data."""

import re
from dataclasses import replace

import pytest

from dbx_dl.contracts import ExplainedTable, TableVersion
from dbx_dl.monitor.run_report.explanations import ExplainedRow, ShownExplanations
from dbx_dl.monitor.run_report.outcome import RunOutcome
from dbx_dl.monitor.run_report.page import render_report
from tests.unit.monitor.run_report.finished_run import finished_run, found_evidence
from tests.unit.register.test_record import make_promotion


@pytest.fixture(scope="module")
def page() -> str:
    """The page of an image run and a table run."""
    outcomes = [finished_run("images"), finished_run("table")]
    return render_report([(outcome, found_evidence(outcome)) for outcome in outcomes], title="two <runs>")


def test_nothing_is_loaded_from_elsewhere(page: str) -> None:
    sources = re.findall(r'(?:src|srcset|href)="([^"]*)"', page)
    assert len(sources) > 20
    assert all(source.startswith(("data:image/png;base64,", "#")) for source in sources)
    assert "<script" not in page and "@import" not in page and "url(" not in page


def test_text_from_the_data_is_escaped(page: str) -> None:
    assert "two &lt;runs&gt;" in page and "<runs>" not in page
    assert "3/&lt;b&gt;.png" in page and "<b>" not in page


def test_figures_come_for_light_and_dark(page: str) -> None:
    assert page.count("<picture>") == page.count('prefers-color-scheme: dark)"') == 8


def test_every_part_of_the_path_is_told(page: str) -> None:
    assert re.findall(r'class="stage">(\w+)<', page)[:6] == ["input", "prepare", "train", "export", "register", "score"]
    for text in ("version 2 is champion: 0.9887 beats 0.9812", "truncated 1, not_an_image 1", "1,801", "and 2 more in"):
        assert text in page


def test_the_comparison_of_a_promotion_is_shown() -> None:
    outcome, promotion = finished_run("images"), make_promotion()
    shown = RunOutcome(outcome.config, outcome.prepared, outcome.registered, promotion, outcome.scored)
    page = render_report([(shown, found_evidence(shown))], title="t")
    for text in (
        "version 1 (champion so far)",
        "+0.0500 [+0.0100, +0.0900]",
        "clinic = a|0",
        'tag good">met',
        "missed",
    ):
        assert text in page


def test_wrong_samples_are_marked_with_truth_and_prediction(page: str) -> None:
    outcome = finished_run("images")
    wrong = [sample for sample in found_evidence(outcome).samples if not sample.is_right]
    assert wrong
    assert page.count('class="sample wrong"') == len(wrong)
    assert f"{wrong[0].truth} → {wrong[0].label}" in page


def test_runs_without_classes_have_a_page_without_confusion() -> None:
    outcome = finished_run("table")
    evidence = replace(found_evidence(outcome), predictions={}, samples=[], score_labels={})
    page = render_report([(outcome, evidence)], title="numbers")
    assert "Confusion matrix" not in page and "model sees them" not in page
    assert page.count("<picture>") == 2 and "Scored with" in page


def test_what_explains_predictions_is_shown_beside_them() -> None:
    table = ExplainedTable(
        table=TableVersion(name="/t/explained", path="/t/explained", version=0), source="s", model_name="digits",
        model_version=2, model_sha256="0" * 64, method="integrated_gradients", num_rows=40, num_errors=1,
        error_reasons={}, largest_gap=0.01, seconds=1.0,
    )  # fmt: skip
    picture = "data:image/png;base64,AAAA"
    image = ExplainedRow("0/1.png", "7", 0.98, picture, picture, ())
    columns = ExplainedRow("p <1>", "benign", 2.5, None, None, (("mean <radius>", 0.25), ("texture", -0.125)))
    for kind, row in (("images", image), ("table", columns)):
        outcome = finished_run(kind)
        evidence = replace(found_evidence(outcome), explanations=ShownExplanations(table, (row,)))
        page = render_report([(outcome, evidence)], title="why")
        assert "Why digits v2 predicts what it does, by integrated gradients" in page
        assert "1 of 40 explained" in page and "/t/explained" in page
        assert page.count('<div class="heat">') == (kind == "images") == page.count("Red speaks for")
    assert 'class="for">+0.25<' in page and 'class="against">-0.125<' in page
    assert "mean &lt;radius&gt;" in page and "p &lt;1&gt;" in page and "<radius>" not in page
