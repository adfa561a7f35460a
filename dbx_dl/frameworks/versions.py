"""Versions and settings on which a framework's numbers depend, for the record of a run."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version


def describe_environment(packages: tuple[str, ...]) -> dict[str, str]:
    """Python's version, the machine's kind and the versions of the installed ones of `packages`."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def read_setting(name: str) -> str:
    """An environment variable's value, or `default` where it is not set."""
    return os.environ.get(name, "default")
