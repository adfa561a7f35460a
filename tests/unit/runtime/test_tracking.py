"""The MLflow client: reached at once, quiet, and without credentials in messages."""

import logging
import os
import socket
from pathlib import Path

import pytest

from dbx_dl.config import TrackingConfig
from dbx_dl.errors import RegistryError
from dbx_dl.runtime.tracking import (
    ensure_experiment,
    explain_failure,
    open_client,
    quiet_mlflow,
    short_waits,
)


def test_an_experiment_is_made_once_with_its_artifact_folder(tmp_path: Path) -> None:
    tracking = TrackingConfig(uri=f"sqlite:///{tmp_path}/deep/m.db", experiment="e", artifacts=str(tmp_path / "files"))
    client = open_client(tracking.uri)
    experiment = ensure_experiment(client, tracking)
    assert ensure_experiment(client, tracking) == experiment
    assert client.get_experiment(experiment).artifact_location == (tmp_path / "files").as_uri()


def test_a_store_that_cannot_be_reached_is_said_at_once() -> None:
    with pytest.raises(RegistryError, match=r"cannot reach MLflow at sqlite:////proc/nowhere/m.db"):
        open_client("sqlite:////proc/nowhere/m.db")


def test_a_database_that_is_only_read_is_not_made(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/typo/m.db"
    with pytest.raises(RegistryError, match=f"there is no MLflow database {tmp_path}/typo/m.db: correct its URI"):
        open_client(uri, should_create=False)
    assert not list(tmp_path.iterdir())
    open_client(uri)
    open_client(uri, should_create=False)


def test_an_experiment_is_not_made_where_its_files_cannot_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    tracking = TrackingConfig(uri=f"sqlite:///{tmp_path}/m.db", experiment="e", artifacts=str(tmp_path / "file" / "a"))
    client = open_client(tracking.uri)
    with pytest.raises(RegistryError, match=r"no artifacts can be kept in .*file/a: Not a directory"):
        ensure_experiment(client, tracking)
    assert client.get_experiment_by_name("e") is None


def test_messages_hide_passwords() -> None:
    text = explain_failure(RuntimeError("no answer from postgresql://user:secret@host/db\nmore"))
    assert text == "no answer from postgresql://***@host/db"


def test_an_unreachable_database_is_told_without_its_password() -> None:
    with pytest.raises(RegistryError) as failure:
        open_client("postgresql://127.0.0.1:9/db?user=u&password=SECRET")
    assert "SECRET" not in str(failure.value)


def test_quietness_ends_with_the_block() -> None:
    name = "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"
    with quiet_mlflow():
        pass
    level, before = logging.getLogger("mlflow").level, os.environ.get(name)
    with pytest.raises(ValueError, match="inside"), quiet_mlflow():
        assert logging.getLogger("mlflow").level >= logging.WARNING and os.environ[name] == "false"
        raise ValueError("inside")
    assert (logging.getLogger("mlflow").level, os.environ.get(name)) == (level, before)


def test_a_server_that_does_not_answer_is_one_short_line() -> None:
    with pytest.raises(RegistryError) as failure:
        open_client("http://127.0.0.1:9")
    assert str(failure.value) == "cannot reach MLflow at http://127.0.0.1:9: no answer: [Errno 111] Connection refused"


def test_a_server_that_accepts_and_stays_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.create_server(("127.0.0.1", 0)) as server:  # the kernel accepts, nobody reads
        uri = f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(RegistryError) as failure:
            open_client(uri)
    assert str(failure.value) == f"cannot reach MLflow at {uri}: no answer: Read timed out. (read timeout=1)"


def test_the_inner_patience_counts_and_the_users_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    timeout, retries = "MLFLOW_HTTP_REQUEST_TIMEOUT", "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
    monkeypatch.delenv(timeout, raising=False)
    monkeypatch.setenv(retries, "3")
    with short_waits(20):
        with short_waits(600):
            assert (os.environ[timeout], os.environ[retries]) == ("600", "3")
        assert (os.environ[timeout], os.environ[retries]) == ("20", "3")
    assert timeout not in os.environ and os.environ[retries] == "3"
