"""The commands on registered models say which registry they mean, and show what they found."""

import json
from contextlib import nullcontext
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dbx_dl import model_commands, pipeline
from dbx_dl.cli import app
from dbx_dl.contracts import ListedVersion
from dbx_dl.register import listing
from dbx_dl.runtime import spark
from tests.unit.register.test_record import make_promotion

RUNNER = CliRunner()
CONFIG = Path(__file__).parents[2] / "conf" / "runs" / "digits.yml"
VERSION = ListedVersion(
    name="digits",
    version=3,
    aliases=("challenger", "champion"),
    metrics={"accuracy": 0.98765},
    table="main.vision.digits",
    table_version="7",
    framework="torch",
    network="convnet",
    sha256="0" * 64,
    run_id="r",
    created_at="2026-01-02T03:04:05+00:00",
    decision="version 3 becomes champion",
)


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.mark.parametrize("command", [["models"], ["rollback", "digits"], ["copy", "models:/a/1", "b"]])
def test_a_registry_must_be_named(command: list[str]) -> None:
    result = RUNNER.invoke(app, command)
    assert result.exit_code == 1
    assert result.stderr == ("error: which registry? Give --config, --tracking, or the variable MLFLOW_TRACKING_URI\n")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            ["models", "--tracking", ""],
            "which registry? Give --config, --tracking, or the variable MLFLOW_TRACKING_URI",
        ),
        (
            ["copy", "models:/a/1", "b", "--tracking", "sqlite:///m.db", "--to", "x", "--to-experiment", ""],
            "which experiment? --to-experiment is empty",
        ),
        (
            ["models", "--tracking", "sqlite:///nowhere/m.db"],
            "there is no MLflow database {here}/nowhere/m.db: correct its",
        ),
        (
            ["copy", "models:/a/1", "b", "--tracking", "sqlite:///nowhere/m.db"],
            "there is no MLflow database {here}/nowhere",
        ),
    ],
)
def test_wrong_places_are_said(
    command: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = RUNNER.invoke(app, command)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith(f"error: {message.format(here=tmp_path)}")
    assert not list(tmp_path.iterdir())


def test_versions_are_a_table_or_json(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str | None]] = []

    def list_models(uri: str, name: str | None) -> tuple[ListedVersion, ...]:
        asked.append((uri, name))
        return (VERSION,)

    monkeypatch.setattr(listing, "list_models", list_models)
    table = RUNNER.invoke(app, ["models", "digits", "--config", str(CONFIG)]).stdout
    for text in ("digits", "challenger, champion", "accuracy 0.9877", "main.vision.digits@7", "torch convnet"):
        assert text in table
    printed = RUNNER.invoke(app, ["models", "--json"], env={"MLFLOW_TRACKING_URI": "sqlite:///x.db"}).stdout
    assert json.loads(printed) == [VERSION.model_dump(mode="json")]
    assert asked == [("sqlite:///dbx_dl_demo/mlflow.db", "digits"), ("sqlite:///x.db", None)]


def test_a_promotion_is_shown_with_its_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark, "open_session", lambda settings, app_name: None)
    monkeypatch.setattr(pipeline, "promote_run", lambda session, config: make_promotion())
    result = RUNNER.invoke(app, ["promote", "--config", str(CONFIG)])
    assert result.exit_code == 0, result.stderr
    for text in ("version 1 (champion so far)", "version 2: met: good", "version 1: MISSED: other's"):
        assert text in result.stdout
    assert result.stdout.endswith("promotion: version 2 becomes champion\n")


def test_the_line_while_it_waits_has_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    asked: list[str] = []
    monkeypatch.setattr(model_commands, "shown_waiting", lambda what: (shown.append(what), nullcontext())[1])
    monkeypatch.setattr(listing, "list_models", lambda uri, name: (asked.append(uri), ())[1])
    RUNNER.invoke(app, ["models", "--tracking", "http://u:SECRET@h"])
    assert (shown, asked) == (["reading the registry http://***@h"], ["http://u:SECRET@h"])
