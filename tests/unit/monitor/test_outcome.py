"""What a finished run says about its models."""

from dataclasses import replace

from dbx_dl.contracts import Target
from tests.unit.monitor.run_report.finished_run import finished_run


def test_the_champion_is_the_promoted_version() -> None:
    outcome = finished_run(champion_version=2)
    assert [outcome.is_champion(model) for model in outcome.registered] == [False, True]
    nobody = finished_run(champion_version=None)
    assert not any(nobody.is_champion(model) for model in nobody.registered)


def test_values_of_promotion_come_before_those_of_the_export_gate() -> None:
    outcome = finished_run("table")
    assert outcome.metric == "auc"
    assert [outcome.metric_value(model) for model in outcome.registered] == [0.9812, 0.9887]
    promotion = outcome.promotion.model_copy(update={"values": {2: 0.5}})
    measured = type(outcome)(outcome.config, outcome.prepared, outcome.registered, promotion, outcome.scored)
    assert [measured.metric_value(model) for model in measured.registered] == [0.999, 0.5]


def test_rows_are_called_what_they_are() -> None:
    assert (finished_run("images").row_noun, finished_run("table").row_noun) == ("images", "rows")


def test_models_say_whether_classes_are_predicted_whatever_the_table_was_prepared_for() -> None:
    outcome = finished_run()
    assert outcome.has_classes
    model = outcome.registered[0]
    trained = model.onnx.trained
    target = Target(task="reconstruction", column="label")
    prepared = trained.prepared.model_copy(update={"target": target})
    onnx = model.onnx.model_copy(update={"trained": trained.model_copy(update={"prepared": prepared})})
    assert not replace(outcome, registered=(model.model_copy(update={"onnx": onnx}),)).has_classes
