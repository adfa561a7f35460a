"""What is said when executors lack what scoring needs, and that a local master is not asked."""

from __future__ import annotations

from typing import Any

import pytest

import dbx_dl
from dbx_dl.errors import SetupError
from dbx_dl.runtime.installations import Installation, describe_installation
from dbx_dl.score.executors import PACKAGES, check_scoring, compare_executors
from dbx_dl.score.model.providers import SessionSettings

CPU = ["CPUExecutionProvider"]


class LocalSession:
    """As much of a session as a check on a local master may ask of it."""

    def __init__(self) -> None:
        self.conf: Any = {"spark.master": "local[2]"}


def test_the_first_executor_that_differs_is_named() -> None:
    here = describe_installation(PACKAGES)
    compare_executors([(here, CPU)], SessionSettings())
    old = Installation("node-7", here.python, {**here.versions, "dbx_dl": "0.0.1"})
    with pytest.raises(
        SetupError, match=rf"executor node-7 has dbx_dl 0\.0\.1; the driver has dbx_dl {dbx_dl.__version__}"
    ):
        compare_executors([(here, CPU), (old, CPU)], SessionSettings())
    bare = Installation("node-8", here.python, {**here.versions, "onnxruntime": None})
    with pytest.raises(SetupError, match="executor node-8 has onnxruntime not installed"):
        compare_executors([(bare, [])], SessionSettings())
    with pytest.raises(SetupError, match=r"'cuda' was asked for, executor .* has cpu: install onnxruntime-gpu"):
        compare_executors([(here, CPU)], SessionSettings(providers=("cuda", "cpu")))


def test_a_local_master_runs_no_job() -> None:
    session: Any = LocalSession()  # it has no `range` that could start one
    check_scoring(session, SessionSettings())
    with pytest.raises(SetupError, match="this machine's ONNX Runtime has cpu"):
        check_scoring(session, SessionSettings(providers=("cuda",)))
