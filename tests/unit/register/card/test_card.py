"""A card says what the run's contracts say, as Markdown and as a page, and stays with a real registered version."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbx_dl.config import RegisterConfig, TrackingConfig
from dbx_dl.config.card import CardConfig
from dbx_dl.contracts import (
    Check,
    Estimate,
    Fairness,
    FeatureImportance,
    Finding,
    GroupRates,
    Importances,
    MeasuredGroup,
    MeasuredModel,
    Promotion,
    RegisteredModel,
)
from dbx_dl.errors import RegistryError
from dbx_dl.register.card.card import describe_card, remove_card, write_card
from dbx_dl.register.card.rendering import render_markdown, render_page
from dbx_dl.register.card.sections import CardFacts, list_sections
from dbx_dl.register.model_version import register_model
from dbx_dl.register.record import HEADING, describe_decision
from dbx_dl.runtime.tracking import open_client
from tests.prepared_tables import write_feature_table
from tests.registered_models import make_onnx
from tests.unit.monitor.run_report.finished_run import finished_run


def measured_promotion(model: RegisteredModel) -> Promotion:
    """What a promotion measured of a version, with groups that fare differently."""
    rates = [
        GroupRates(column="sex", group=group, num_rows=50, selection_rate=rate)
        for group, rate in (("a", 0.4), ("b", 0.7))
    ]
    measured = MeasuredModel(
        version=model.version,
        sha256=model.onnx.file.sha256,
        metrics={"accuracy": Estimate(value=0.91, low=0.87, high=0.94), "log_loss": Estimate(value=0.3)},
        groups=(MeasuredGroup(column="sex", group="a", metric="accuracy", num_rows=50, value=None),),
        fairness=Fairness(favourable="up", groups=tuple(rates), gaps={"sex": {"demographic_parity_difference": 0.3}}),
    )
    checks = (
        Check(version=model.version, is_met=False, detail="accuracy 0.91 is below 0.95"),
        Check(version=model.version, is_met=None, detail="group c has 3 rows"),
        Check(version=99, is_met=True, detail="of another version"),
    )
    return Promotion(
        name=model.name, metric="accuracy", values={model.version: 0.91}, champion_version=None, previous_version=None,
        reason="no version reaches 0.95", table=model.onnx.trained.prepared.table, num_rows=269, models=(measured,),
        checks=checks,
    )  # fmt: skip


def importances_of(model: RegisteredModel, sha256: str | None = None) -> Importances:
    return Importances(
        table=model.onnx.trained.prepared.table, model_name=model.name, model_version=model.version,
        model_sha256=sha256 or model.onnx.file.sha256, metric="auc", value=0.9, num_rows=10, num_repeats=2,
        confidence=0.9, seed=0, features=(FeatureImportance(feature="a|b", value=0.1, low=0.05, high=0.2),),
    )  # fmt: skip


def test_a_card_tells_data_metrics_groups_and_limits() -> None:
    model = finished_run("table").registered[0]
    config = CardConfig(intended_use="For tests.", caveats=("Never used.",))
    facts = CardFacts(model, config, measured_promotion(model), importances_of(model))
    text = render_markdown("cells, version 1", list_sections(facts))
    assert text.startswith("# cells, version 1\n\n## Model details\n")
    for line in (
        "For tests.",
        "Never used.",
        "Delta table `/t/rows`, version 3, from `demo/data/breast_cancer.csv`: rows 1,258 train, 270 validation, 269",
        "4 rows of the source could not be used: 1 empty, 1 not_an_image, 1 too_small, 1 truncated.",
        "| accuracy | 0.9100 | 0.8700 to 0.9400 |",
        "| log loss (less is better) | 0.3000 | – |",
        "| missed | accuracy 0.91 is below 0.95 |",
        "| not judged | group c has 3 rows |",
        "| sex | demographic parity difference | 0.3000 |",
        "| sex = b | 50 | – | 0.7000 | – | – | – | – |",
        "| a\\|b | 0.1000 | 0.0500 to 0.2000 |",
        "There are 269 test rows: look at intervals rather than at values.",
    ):
        assert line in text, line
    assert "of another version" not in text


def test_what_monitoring_warned_of_is_told_and_long_tables_are_cut() -> None:
    model = finished_run().registered[0]
    common = {"window": "May", "area": "quality", "metric": "error_rate", "num_rows": 90}
    calm = Finding(**common, value=0.1, status="ok")
    alerts = [Finding(**common, part=f"group {n}", value=0.4, low=0.3, high=0.5, status="alert") for n in range(40)]
    text = render_markdown("t", list_sections(CardFacts(model, CardConfig(), findings=(calm, *alerts))))
    assert "Of 41 figures 40 are a warning or an alert." in text
    assert "| alert | May | quality group 29 | error rate | 0.4000 | 0.3000 to 0.5000 |" in text
    assert "group 30" not in text and "| and 10 more |" in text
    quiet = render_markdown("t", list_sections(CardFacts(model, CardConfig(), findings=(calm,))))
    assert "Of 1 figures 0 are a warning" in quiet and "| alert" not in quiet


def test_what_is_of_another_file_or_not_measured_is_not_told() -> None:
    model = finished_run().registered[1]
    other = measured_promotion(finished_run().registered[0])
    text = render_markdown("t", list_sections(CardFacts(model, CardConfig(), other, importances_of(model, "1" * 64))))
    assert "No promotion measured this version" in text and "| accuracy | 0.9800 |" in text
    assert "What decides" not in text and "No groups of rows were compared" in text
    assert text.count("Not said by who trained it") == 2


def test_a_page_escapes_what_people_write_and_shows_code() -> None:
    model = finished_run().registered[0]
    facts = CardFacts(model, CardConfig(intended_use="<script>alert(1)</script> and `x < 1`"))
    page = render_page("a & b", list_sections(facts), [("curves", "data:image/png;base64,AA==")])
    assert "<script>" not in page and "<code>x &lt; 1</code>" in page
    assert "a &amp; b" in page and page.count("<img") == 1 and page.count("<section>") == len(list_sections(facts))


def test_a_class_with_markup_is_shown_in_markdown_too() -> None:
    model = finished_run().registered[0]
    prepared = model.onnx.trained.prepared.model_copy(update={"class_rows": {"<script>alert(1)</script>": 3}})
    trained = model.onnx.trained.model_copy(update={"prepared": prepared})
    marked = model.model_copy(update={"onnx": model.onnx.model_copy(update={"trained": trained})})
    text = render_markdown("<b>", list_sections(CardFacts(marked, CardConfig())))
    assert text.startswith("# &lt;b>") and "| &lt;script>alert(1)&lt;/script> | 3 |" in text
    assert "fewer than 50 rows: &lt;script>" in text and "<script>" not in text


def test_a_section_of_the_description_is_replaced_and_promotions_stay() -> None:
    once = describe_card(f"What it is.\n\n{HEADING}\n\nbetter", "model_cards/a-1")
    again = describe_card(once, "model_cards/a-2")
    assert again.startswith("What it is.\n\n### Model card") and again.endswith(f"{HEADING}\n\nbetter")
    assert again.count("### Model card") == 1 and "a-2" in again and "a-1" not in again
    assert len(describe_card("x" * 6000, "a")) <= 5000
    noted = once.replace(f"\n\n{HEADING}", f"\n\nWatch the nights.\n\n### Contact\n\nus\n\n{HEADING}")
    kept = describe_card(noted, "model_cards/a-2")
    assert "What it is.\n\nWatch the nights.\n\n### Contact\n\nus\n\n### Model card" in kept and "a-1" not in kept
    assert remove_card(once) == f"What it is.\n\n{HEADING}\n\nbetter" and remove_card("plain") == "plain"
    decided = describe_decision(again, measured_promotion(finished_run().registered[0]))
    assert decided.count("### Model card") == 1 and decided.count(HEADING) == 1


def test_a_card_is_attached_to_a_registered_version(tmp_path: Path) -> None:
    tracking = TrackingConfig(uri=f"sqlite:///{tmp_path}/m.db", experiment="t", artifacts=str(tmp_path / "artifacts"))
    prepared = write_feature_table(tmp_path / "table", {"train": 20, "test": 10})
    onnx = make_onnx(tmp_path / "model", prepared, tracking)
    model = register_model(onnx, RegisterConfig(name="carded"), tracking=tracking)
    for _ in range(2):
        card = write_card(
            model, directory=str(tmp_path / "out"), tracking=tracking, promotion=measured_promotion(model)
        )
    client = open_client(tracking.uri)
    version = client.get_model_version("carded", "1")
    assert version.tags["dbx_dl_card"] == card.artifact == "model_cards/carded-1"
    assert version.description.count("### Model card") == 1 and "trained with torch" in version.description
    names = [Path(file.path).name for file in client.list_artifacts(card.run_id, card.artifact)]
    assert sorted(names) == ["model_card.html", "model_card.md"]
    assert Path(card.page).read_text().startswith("<!doctype html>")
    gone = model.model_copy(update={"version": 7})
    with pytest.raises(RegistryError, match="card of carded version 7 is not attached"):
        write_card(gone, directory=str(tmp_path / "out"), tracking=tracking)
