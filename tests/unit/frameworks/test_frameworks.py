"""Choosing a framework: unknown names, processes in which one cannot be loaded, and the same files in each."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

import dbx_dl.frameworks
from dbx_dl.errors import ConfigError, SetupError
from dbx_dl.frameworks import FRAMEWORKS, load_framework


def test_unknown_framework_names_the_valid_ones() -> None:
    with pytest.raises(ConfigError, match=r"unknown framework 'jax': choose one of keras, torch"):
        load_framework("jax")


def test_keras_refuses_another_backend_before_it_loads_anything() -> None:
    script = """
import sys
from dbx_dl.errors import ConfigError
from dbx_dl.frameworks import load_framework
try:
    load_framework("keras")
except ConfigError as error:
    print(error, sorted({"keras", "tensorflow"} & set(sys.modules)))
"""
    environment = os.environ | {"KERAS_BACKEND": "jax"}
    output = subprocess.check_output([sys.executable, "-c", script], env=environment, text=True)
    assert output == "KERAS_BACKEND is 'jax'; framework keras needs it unset or 'tensorflow' []\n"


@pytest.mark.skipif(find_spec("triton") is None, reason="this build of torch has no triton")
def test_torch_is_refused_where_tensorflow_would_crash_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", ModuleType("tensorflow"))
    monkeypatch.delitem(sys.modules, "triton", raising=False)
    with pytest.raises(SetupError, match="train in a fresh process"):
        load_framework("torch")


def test_frameworks_have_the_same_files() -> None:
    root = Path(dbx_dl.frameworks.__file__).parent
    # A file may have become a folder.
    files = {
        name: sorted(path.stem for path in (root / name).glob("[!_]*") if path.suffix in (".py", ""))
        for name in FRAMEWORKS
    }
    assert files["keras"] == files["torch"]
    assert len(files["keras"]) >= 6
