"""`--json` prints what came out, an object a line, and nothing else on stdout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import dbx_dl
from dbx_dl import labelling, pipeline
from dbx_dl.cli import app
from dbx_dl.contracts import OnnxModel, PreparedTable, Promotion, RegisteredModel, Rollback, ScoredTable, TrainedModel
from dbx_dl.frameworks.activations import ACTIVATIONS
from dbx_dl.runtime import doctor, spark
from tests.unit.monitor.run_report.finished_run import finished_run
from tests.unit.test_command_help import COMMANDS

CONFIG = str(Path(__file__).parents[2] / "conf" / "runs" / "digits.yml")
MADE = finished_run("images")
BY_FRAMEWORK = {model.onnx.trained.framework: model for model in MADE.registered}


@pytest.fixture(autouse=True)
def stages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stages that give the contracts of a finished run, and no Spark."""
    monkeypatch.setattr(spark, "open_session", lambda settings, app_name: None)
    gives: dict[str, Any] = {
        "prepare_run": lambda session, config, *, refit: MADE.prepared,
        "train_run": lambda session, config, framework, *, resume: BY_FRAMEWORK[framework].onnx.trained,
        "export_run": lambda session, config, framework: BY_FRAMEWORK[framework].onnx,
        "register_run": lambda config, framework: BY_FRAMEWORK[framework],
        "promote_run": lambda session, config: MADE.promotion,
        "score_run": lambda session, config: MADE.scored,
        "run_pipeline": lambda session, config: MADE,
    }
    for name, stage in gives.items():
        monkeypatch.setattr(pipeline, name, stage)


def _print_lines(*arguments: str) -> list[str]:
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    return list(result.stdout.splitlines())


def _of_both(name: str) -> list[str]:
    return _print_lines(name, "--config", CONFIG)


def test_what_is_printed_has_no_password_of_the_tracking_store(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = BY_FRAMEWORK["keras"].onnx.trained.model_copy(update={"tracking_uri": "postgresql://u:SECRET@h/db"})
    monkeypatch.setattr(pipeline, "train_run", lambda session, config, framework, *, resume: trained)
    printed = "".join(_of_both("train"))
    assert '"postgresql://***@h/db"' in printed and "SECRET" not in printed


def test_a_stage_prints_its_contract() -> None:
    (prepared,) = _of_both("prepare")
    assert PreparedTable.model_validate_json(prepared) == MADE.prepared
    (scored,) = _of_both("score")
    assert ScoredTable.model_validate_json(scored) == MADE.scored
    (promotion,) = _of_both("promote")
    assert Promotion.model_validate_json(promotion) == MADE.promotion


def test_frameworks_have_a_line_each() -> None:
    models = [BY_FRAMEWORK["keras"], BY_FRAMEWORK["torch"]]
    trained = [TrainedModel.model_validate_json(line) for line in _of_both("train")]
    assert trained == [model.onnx.trained for model in models]
    assert [OnnxModel.model_validate_json(line) for line in _of_both("export")] == [model.onnx for model in models]
    *registered, promotion = _of_both("register")
    assert [RegisteredModel.model_validate_json(line) for line in registered] == models
    assert Promotion.model_validate_json(promotion) == MADE.promotion


def test_a_run_is_one_object() -> None:
    (line,) = _print_lines("run", CONFIG)
    found = json.loads(line)
    assert found["run"] == MADE.config.name
    assert Path(found["report"]).name == "report.html"
    assert PreparedTable.model_validate(found["prepared"]) == MADE.prepared
    assert [RegisteredModel.model_validate(model) for model in found["registered"]] == list(MADE.registered)
    assert ScoredTable.model_validate(found["scored"]) == MADE.scored


def test_a_machine_that_lacks_something_is_told_in_full_and_by_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = [doctor.Check("java", True, "17"), doctor.Check("jars", False, "none", "fetch them")]
    monkeypatch.setattr(doctor, "run_checks", lambda: checks)
    result = CliRunner().invoke(app, ["doctor", "--json"])
    assert result.exit_code == 1
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(check["name"], check["ok"], check["fix"]) for check in told] == [
        ("java", True, ""),
        ("jars", False, "fetch them"),
    ]


def test_every_command_that_ends_can_tell_its_result_as_json() -> None:
    mute = [name for name, command in COMMANDS.items() if all("--json" not in it.opts for it in command.params)]
    assert mute == ["label serve"]


def test_what_is_no_contract_is_an_object_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pipeline, "log_run", lambda config, framework: 3)
    assert [json.loads(line) for line in _of_both("log")] == [
        {"framework": name, "num_messages": 3} for name in ("keras", "torch")
    ]
    monkeypatch.setattr(dbx_dl, "copy_model", lambda source, target, **places: f"models:/{target}/1", raising=False)
    (copied,) = _print_lines("copy", "models:/a/2", "b", "--config", CONFIG)
    assert json.loads(copied) == {"source": "models:/a/2", "uri": "models:/b/1"}
    monkeypatch.setattr(labelling, "export_run", lambda session, config, path, **options: 5)
    (exported,) = _print_lines("label", "export", str(tmp_path / "a.csv"), "--config", CONFIG)
    assert json.loads(exported) == {"path": str(tmp_path / "a.csv"), "num_labels": 5}
    (written,) = _print_lines("init", str(tmp_path / "mine"))
    assert all(Path(file).is_file() for file in json.loads(written)["files"])
    activations = json.loads("".join(_print_lines("activations")))
    assert [entry["name"] for entry in activations] == list(ACTIVATIONS)


def test_a_rollback_is_its_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Rollback(name="digits", champion_version=1, rolled_back_version=2)
    monkeypatch.setattr(dbx_dl, "rollback_model", lambda session, name, **places: found, raising=False)
    (line,) = _print_lines("rollback", "--config", CONFIG)
    assert Rollback.model_validate_json(line) == found


@pytest.mark.parametrize(
    "arguments",
    [
        ("demo", "--data-only"),
        ("prepare", "--config", CONFIG, "--stream", "seen"),
        ("score", "--config", CONFIG, "--stream"),
        ("score", "--config", CONFIG, "--explain"),
    ],
)
def test_what_has_no_result_is_not_told_as_json(arguments: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, [*arguments, "--json"], env={"COLUMNS": "200", "TERM": "dumb"})
    assert done.exit_code == 2 and "--json tells a result, and --" in done.output.replace("\n", " ")
