"""What a version says of its promotion: a section of Markdown that replaces an earlier one, and where the JSON is."""

from dbx_dl.contracts import (
    Check,
    Estimate,
    Fairness,
    GroupRates,
    Latency,
    MeasuredGroup,
    MeasuredModel,
    Promotion,
    TableVersion,
)
from dbx_dl.register.record import describe_decision, name_record


def make_promotion(num_groups: int = 1) -> Promotion:
    groups = tuple(
        MeasuredGroup(column="clinic", group=f"a|{number}", metric="accuracy", num_rows=40, value=0.9)
        for number in range(num_groups)
    )
    champion = MeasuredModel(
        version=1,
        sha256="1" * 64,
        metrics={"accuracy": Estimate(value=0.9, low=0.85, high=0.94)},
        groups=groups,
        latency=Latency(ms_per_row=0.01234, ms_per_call=1.5),
    )
    difference = {"accuracy": Estimate(value=0.05, low=0.01, high=0.09)}
    challenger = champion.model_copy(
        update={"version": 2, "metrics": {"accuracy": Estimate(value=0.95)}, "differences": difference}
    )
    return Promotion(
        name="m",
        metric="accuracy",
        values={1: 0.9, 2: 0.95},
        champion_version=2,
        previous_version=1,
        reason="version 2 becomes champion",
        present_version=1,
        challenger_version=2,
        table=TableVersion(name="t", path="/t", version=7),
        num_rows=200,
        models=(challenger, champion),
        checks=(Check(version=2, is_met=True, detail="good"), Check(version=1, is_met=False, detail="other's")),
        decided_at="2026-01-02T03:04:05+00:00",
        record="runs:/r/promotions/m-2-20260102T0304050000.json",
    )


def test_groups_and_checks_with_markup_are_shown() -> None:
    promotion = make_promotion()
    (challenger, champion), mark = promotion.models, "<script>"
    groups = tuple(group.model_copy(update={"group": mark}) for group in challenger.groups)
    marked = promotion.model_copy(
        update={
            "models": tuple(model.model_copy(update={"groups": groups}) for model in (challenger, champion)),
            "checks": (Check(version=2, is_met=True, detail=f"group {mark}"),),
            "reason": f"of {mark}",
        }
    )
    text = describe_decision("own <b>text</b>", marked)
    assert mark not in text and text.count("&lt;script>") >= 3 and text.startswith("own <b>text</b>")


def test_the_comparison_is_a_table_of_text() -> None:
    assert make_promotion().compare() == (
        ("", "version 2", "version 1 (champion so far)"),
        ("accuracy", "0.9500, +0.0500 [+0.0100, +0.0900] to the champion", "0.9000 [0.8500, 0.9400]"),
        ("accuracy, clinic = a|0 (40 rows)", "0.9000", "0.9000"),
        ("ms a row", "0.0123", "0.0123"),
        ("ms a call", "1.5", "1.5"),
    )


def test_groups_of_each_version_are_a_table_of_their_own() -> None:
    promotion = make_promotion()
    assert promotion.compare_groups() == ()
    fairness = Fairness(favourable="yes", groups=(GroupRates(column="sex", group="f", num_rows=9, base_rate=0.5),))
    models = tuple(model.model_copy(update={"fairness": fairness}) for model in promotion.models)
    promotion = promotion.model_copy(update={"models": models})
    header, *rows = promotion.compare_groups()
    assert header[:4] == ("", "predicted 'yes' by group", "rows", "base rate")
    assert [row[:4] for row in rows] == [
        ("version 2", "sex = f", "9", "0.5000"),
        ("version 1 (champion so far)", "sex = f", "9", "0.5000"),
    ]
    assert "| version 2 | sex = f | 9 | 0.5000 |" in describe_decision("", promotion)


def test_a_later_decision_replaces_the_earlier_one() -> None:
    first = describe_decision("Trained.\n\n- Data", make_promotion())
    assert first.startswith("Trained.\n\n- Data\n\n### Promotion\n") and "200 test rows of `t` version 7" in first
    assert "| accuracy, clinic = a\\|0 (40 rows) | 0.9000 | 0.9000 |" in first
    assert "- met: good" in first and "other's" not in first
    later = make_promotion().model_copy(update={"reason": "version 3 stays"})
    second = describe_decision(first, later)
    assert second.count("### Promotion") == 1 and "version 3 stays" in second and "version 2 becomes" not in second


def test_a_long_description_fits_mlflows_database() -> None:
    text = describe_decision("", make_promotion(200))
    assert len(text) <= 5000 and text.endswith("\n…") and text.startswith("### Promotion")


def test_a_promotion_survives_as_a_file_and_older_files_are_read(tmp_path) -> None:
    promotion = make_promotion()
    assert Promotion.load(promotion.save(tmp_path / "promotion.json")) == promotion
    assert name_record(promotion) == "promotions/m-2-20260102T0304050000.json"
    old = '{"name": "m", "metric": "auc", "values": {"1": 0.5}, "champion_version": 1, "previous_version": null, '
    old += '"reason": ""}'
    (tmp_path / "old.json").write_text(old)
    assert Promotion.load(tmp_path / "old.json").compare() == ()
