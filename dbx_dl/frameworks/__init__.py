"""The only place that imports keras, torch or Horovod's bindings; each framework is a package with the same files."""

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import cast

from dbx_dl.errors import ConfigError, SetupError
from dbx_dl.frameworks.interface import Framework

FRAMEWORKS: dict[str, str] = {"keras": "dbx_dl.frameworks.keras", "torch": "dbx_dl.frameworks.torch"}


def load_framework(name: str) -> Framework:
    """Import the named framework in this process; a process must load only one.

    ConfigError for an unknown name, SetupError for torch in a process where it would crash.
    """
    if name not in FRAMEWORKS:
        raise ConfigError(f"unknown framework {name!r}: choose one of {', '.join(FRAMEWORKS)}")
    if name == "torch" and _would_crash_torch():
        raise SetupError("TensorFlow is loaded in this process and PyTorch would crash it: train in a fresh process")
    return cast(Framework, import_module(FRAMEWORKS[name]))


def _would_crash_torch() -> bool:
    # triton, which torch brings and loads when first needed, ends in a SIGSEGV if TensorFlow came before it.
    return "tensorflow" in sys.modules and "triton" not in sys.modules and find_spec("triton") is not None
