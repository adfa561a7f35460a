"""A machine's Python and packages beside the driver's: what differs, in a line."""

from __future__ import annotations

import platform
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import dbx_dl
from dbx_dl.errors import SetupError

_OTHER_NAMES = {"tensorflow": ("tensorflow-cpu",), "onnxruntime": ("onnxruntime-gpu",)}
INSTALL_ALIKE = "install the same wheels on the driver and on every executor"


@dataclass(frozen=True)
class Installation:
    """A machine's Python and packages; `problem` is what else is wrong there."""

    host: str
    python: str
    versions: dict[str, str | None]
    problem: str = ""


def describe_installation(packages: Sequence[str], problem: str = "") -> Installation:
    """This machine's; nothing is imported to find a version."""
    versions = {name: _read_version(name) for name in packages}
    host = socket.gethostname()
    return Installation(host, platform.python_version(), {"dbx_dl": dbx_dl.__version__, **versions}, problem)


def describe_difference(here: Installation, executor: Installation) -> str:
    """What an executor has otherwise than the driver, in a line; empty where nothing matters.

    Python's patch level and a build's suffix (2.9.0+cpu) do not.
    """
    names: dict[str, tuple[str | None, str | None]] = {"Python": (_minor(here.python), _minor(executor.python))}
    names |= {name: (here.versions[name], executor.versions.get(name)) for name in here.versions}
    differing = {name: pair for name, pair in names.items() if _public(pair[0]) != _public(pair[1])}
    if not differing:
        return ""
    there = ", ".join(f"{name} {theirs or 'not installed'}" for name, (_, theirs) in differing.items())
    ours = ", ".join(f"{name} {mine or 'not installed'}" for name, (mine, _) in differing.items())
    return f"executor {executor.host} has {there}; the driver has {ours}"


def explain_spark_failure(error: Exception) -> SetupError:
    """Why a small Python task failed on the executors: dbx_dl is absent, another Python, or Spark's own reason."""
    text = str(error)
    if "No module named 'dbx_dl'" in text:
        return SetupError("dbx_dl is not installed on the executors", f"install dbx_dl {dbx_dl.__version__} there too")
    if "PYTHON_VERSION_MISMATCH" in text:
        mine = platform.python_version()
        return SetupError(f"the executors run another Python than the driver's {mine}", "set PYSPARK_PYTHON for both")
    first = next((line for line in text.splitlines() if line.strip()), type(error).__name__)
    return SetupError(f"Spark cannot run a small Python task on its executors ({first.strip()})")


def _read_version(name: str) -> str | None:
    for candidate in (name, *_OTHER_NAMES.get(name, ())):
        with suppress(PackageNotFoundError):
            return version(candidate)
    return None


def _minor(python: str) -> str:
    return ".".join(python.split(".")[:2])


def _public(found: str | None) -> str | None:
    return found and found.partition("+")[0]
