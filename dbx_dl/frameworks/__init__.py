"""The only place that imports keras, torch or Horovod's bindings; each framework is a package with the same files."""

from importlib import import_module
from typing import cast

from dbx_dl.errors import ConfigError
from dbx_dl.frameworks.interface import Framework

FRAMEWORKS: dict[str, str] = {"keras": "dbx_dl.frameworks.keras", "torch": "dbx_dl.frameworks.torch"}


def load_framework(name: str) -> Framework:
    """Import the named framework in this process; a process must load only one (TensorFlow before triton crashes)."""
    if name not in FRAMEWORKS:
        raise ConfigError(f"unknown framework {name!r}: choose one of {', '.join(FRAMEWORKS)}")
    return cast(Framework, import_module(FRAMEWORKS[name]))
