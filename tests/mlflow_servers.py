"""MLflow's own servers in processes of their own: a registry over a database, and the scoring server of a model."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from fastapi import FastAPI

from tests.mlflow_databases import put_database

ROOT = Path(__file__).parents[1]
_PATIENCE_SECONDS = 180


@contextmanager
def serve_registry(folder: Path) -> Iterator[str]:
    """The URI of a tracking server and registry with a SQLite database and artifacts in `folder`."""
    put_database(folder / "server.db")
    store = ["--backend-store-uri", f"sqlite:///{folder}/server.db", "--artifacts-destination", str(folder / "files")]
    with _running(["server", *store, "--workers", "1"], folder, {}, "/health") as uri:
        yield uri


def explain_no_serving() -> str | None:
    """Why MLflow's own server of models does not start with the FastAPI that is there; None where it does."""
    place = find_spec("mlflow.pyfunc.scoring_server")
    is_old = place is not None and "@app.route(" in Path(str(place.origin)).read_text(encoding="utf-8")
    if is_old and not hasattr(FastAPI, "route"):
        return f"MLflow {version('mlflow')} serves models by a method that FastAPI {version('fastapi')} lacks"
    return None


@contextmanager
def serve_model(model: str, tracking_uri: str, folder: Path) -> Iterator[str]:
    """The URI of `mlflow models serve` for a registered model, without an environment of its own."""
    command = ["models", "serve", "--model-uri", model, "--env-manager", "local"]
    with _running(command, folder, {"MLFLOW_TRACKING_URI": tracking_uri}, "/ping") as uri:
        yield uri


@contextmanager
def _running(command: list[str], folder: Path, variables: dict[str, str], path: str) -> Iterator[str]:
    port = find_port()
    uri = f"http://127.0.0.1:{port}"
    programs = Path(sys.executable).parent  # mlflow starts uvicorn by its bare name
    path_variable = os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)])
    environment = {**os.environ, **variables, "PATH": path_variable, "PYTHONPATH": str(ROOT)}
    environment["MLFLOW_DISABLE_TELEMETRY"] = "true"
    # The server otherwise starts six processes for jobs of its own, which are no part of what is tested.
    environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{port}.log").open("w") as log:
        process = subprocess.Popen(
            [str(programs / "mlflow"), *command, "--host", "127.0.0.1", "--port", str(port)],
            env=environment,
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _await_answer(uri + path, process, Path(log.name))
            yield uri
        finally:
            with suppress(ProcessLookupError):  # it ended by itself: the error above says why
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def find_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _await_answer(uri: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(_PATIENCE_SECONDS * 5):
        try:
            with urllib.request.urlopen(uri, timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            pass
        if process.poll() is not None:
            break
        time.sleep(0.2)
    raise AssertionError(f"no answer at {uri}:\n{log.read_text()[-3000:]}")
