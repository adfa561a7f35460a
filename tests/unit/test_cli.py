"""The command line's manners: exit codes, one or two lines for a failure, tracebacks only where they are asked for."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from dbx_dl import cli, demo
from dbx_dl.cli import app
from dbx_dl.errors import DataError, RankFailedError
from tests.rules.source_files import ROOT

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and cache of the test's own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(directory: Path) -> Path:
        raise error

    monkeypatch.setattr(demo, "write_demo_data", fail)


def test_every_stage_has_a_command() -> None:
    names = {command.callback.__name__ for command in app.registered_commands if command.callback}
    assert names == {
        *(
            "card",
            "demo",
            "explain",
            "run",
            "prepare",
            "train",
            "search",
            "log",
            "export",
            "compare",
            "register",
            "score",
            "monitor",
            "report",
            "doctor",
        ),
        *("init", "inspect", "promote", "backtest", "rollback", "models", "copy", "networks", "tasks", "activations"),
        "clusters",
    }


def test_no_command_shows_the_help() -> None:
    assert "prepare" in RUNNER.invoke(app, []).output


@pytest.mark.parametrize("arguments", [["train"], ["nonsense"], ["run", "a.yml", "--unknown"]])
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    assert RUNNER.invoke(app, arguments).exit_code == 2


def test_a_mistyped_key_names_the_nearest(tmp_path: Path) -> None:
    config = tmp_path / "run.yml"
    config.write_text("name: x\ndirctory: y\n")
    result = RUNNER.invoke(app, ["run", str(config)])
    assert result.exit_code == 1
    assert "unknown key 'dirctory'; did you mean 'directory'?" in result.stderr
    assert result.stderr.startswith("error: ") and len(result.stderr.splitlines()) == 1


def test_a_missing_config_is_one_line(tmp_path: Path) -> None:
    result = RUNNER.invoke(app, ["score", "--config", str(tmp_path / "none.yml")])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"error: cannot read the run config {tmp_path / 'none.yml'}: No such file or directory\n"


@pytest.mark.parametrize("options", [["--every", "5"], ["--stream", "s", "--every", "0"], ["--stream", "s", "--refit"]])
def test_options_of_prepare_that_do_not_go_together_are_wrong_usage(options: list[str]) -> None:
    assert RUNNER.invoke(app, ["prepare", "--config", "x.yml", *options]).exit_code == 2


def test_a_stream_is_not_explained(tmp_path: Path) -> None:
    result = RUNNER.invoke(app, ["score", "--config", str(tmp_path / "none.yml"), "--explain", "--stream"])
    assert result.exit_code == 2 and "leave out --stream" in result.stderr


def test_data_only_writes_the_data(tmp_path: Path) -> None:
    result = RUNNER.invoke(app, ["demo", "--data-only", "--dir", str(tmp_path / "d")])
    assert result.exit_code == 0
    assert len(list((tmp_path / "d" / "data" / "digits").glob("*/*.png"))) == 1801


def test_errors_of_ours_are_told_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    _fail_with(monkeypatch, DataError("the disk is full"))
    result = RUNNER.invoke(app, ["demo", "--data-only"])
    assert (result.exit_code, result.stderr) == (1, "error: the disk is full\n")


def test_errors_with_a_traceback_are_cut_to_first_and_last_line(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    _fail_with(
        monkeypatch,
        RankFailedError("rank 1 failed:\nTraceback (most recent call last):\n  File x\nValueError: bad batch"),
    )
    result = RUNNER.invoke(app, ["demo", "--data-only"])
    first, second = result.stderr.splitlines()
    assert first == "error: rank 1 failed: ValueError: bad batch"
    assert "File x" in Path(second.rpartition(" ")[2]).read_text()


def test_bugs_are_one_line_and_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    _fail_with(monkeypatch, ZeroDivisionError("a bug\nwith lines"))
    result = RUNNER.invoke(app, ["demo", "--data-only"])
    first, second = result.stderr.splitlines()
    assert (result.exit_code, first) == (1, "error: unexpected ZeroDivisionError: a bug")
    assert "Traceback" in Path(second.rpartition(" ")[2]).read_text()


def test_a_place_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for command in (["init", str(tmp_path / "file" / "p")], ["demo", "--data-only", "--dir", str(tmp_path / "file")]):
        result = RUNNER.invoke(app, command)
        assert result.exit_code == 1
        said = next(line for line in result.stderr.splitlines() if line.startswith("error: "))
        assert said.startswith(f"error: cannot use {tmp_path / 'file'}") and said.endswith(": Not a directory")


def test_verbose_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    _fail_with(monkeypatch, ZeroDivisionError("a bug"))
    result = RUNNER.invoke(app, ["demo", "--data-only", "--verbose"])
    assert result.exit_code == 1
    assert "Traceback" in result.stderr and "ZeroDivisionError: a bug" in result.stderr


def test_ctrl_c_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    _fail_with(monkeypatch, KeyboardInterrupt())
    result = RUNNER.invoke(app, ["demo", "--data-only"])
    assert result.exit_code == 130
    assert "Traceback" not in result.output and "error" not in result.output


def test_what_fails_while_cleaning_up_after_ctrl_c_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        try:
            try:
                raise KeyboardInterrupt
            finally:
                raise ConnectionError("the interrupted connection")
        except ConnectionError:
            raise DataError("nothing came back") from None

    monkeypatch.setattr("dbx_dl.demo.write_demo_data", interrupt)
    result = RUNNER.invoke(app, ["demo", "--data-only"])
    assert result.exit_code == 130
    assert "Traceback" not in result.output and "error" not in result.output


def test_the_mlflow_command_names_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.mlflow_command("sqlite:///demo/mlflow.db").endswith(
        f"mlflow ui --backend-store-uri sqlite:///{tmp_path}/demo/mlflow.db"
    )
    assert cli.mlflow_command("sqlite:////abs/mlflow.db").endswith("sqlite:////abs/mlflow.db")
    assert cli.mlflow_command("https://mlflow.example.com") == "see https://mlflow.example.com"
    assert cli.mlflow_command("https://u:SECRET@mlflow.example.com") == "see https://***@mlflow.example.com"
    assert "SECRET" not in cli.mlflow_command("postgresql://u:SECRET@h/db")


def test_failures_and_their_log_show_no_password(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    address = "postgresql://u:SECRET@h/db"
    monkeypatch.setattr(sys, "argv", ["dbx-dl", "train", "--set", f"tracking.uri={address}"])
    for verbose in ([], ["--verbose"]):
        _fail_with(monkeypatch, ValueError(f"no such store: {address}"))
        result = RUNNER.invoke(app, ["demo", "--data-only", *verbose])
        assert "no such store" in result.stderr and "SECRET" not in result.stderr
    (log,) = cache.rglob("dbx-dl.log")
    assert "tracking.uri=postgresql://***@h/db" in log.read_text() and "SECRET" not in log.read_text()


SETTINGS_COMMANDS = (
    *("prepare", "train", "search", "log", "export", "compare", "register", "promote", "backtest", "score", "report"),
)


@pytest.mark.parametrize("command", SETTINGS_COMMANDS)
def test_settings_are_validated_before_anything_starts(command: str) -> None:
    config = str(ROOT / "conf" / "runs" / "digits.yml")
    result = RUNNER.invoke(app, [command, "--config", config, "--set", "train.num_rank=4"])
    assert result.exit_code == 1
    assert "unknown key 'train.num_rank'; did you mean 'num_ranks'?" in result.stderr


def test_registering_leaves_promotion_to_another_task(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr("dbx_dl.runtime.spark.open_session", lambda config, app_name: None)
    uri = SimpleNamespace(uri="models:/digits/1")
    monkeypatch.setattr("dbx_dl.pipeline.register_run", lambda config, framework: done.append(framework) or uri)
    reason = SimpleNamespace(reason="better")
    monkeypatch.setattr("dbx_dl.pipeline.promote_run", lambda spark, config: done.append("promote") or reason)
    config = ["--config", str(ROOT / "conf" / "runs" / "digits.yml")]
    assert RUNNER.invoke(app, ["register", *config, "--no-promote"]).exit_code == 0
    assert done == ["keras", "torch"]
    assert "promotion: better" in RUNNER.invoke(app, ["register", *config]).stdout
    assert done[2:] == ["keras", "torch", "promote"]
