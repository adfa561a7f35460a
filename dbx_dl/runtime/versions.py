"""Installed packages against the lock of the checkout, or against the package's own ranges where there is none."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from dbx_dl.errors import SetupError

INSTALL = "pip install -c constraints.txt '.[all,dev]'"


def compare_versions(lock: Path | None = None) -> str:
    """What is installed, in a line; SetupError names the packages that are missing or differ from the lock.

    `lock` is constraints.txt of the checkout by default. Locked packages that are not installed do not count (a
    CPU-only torch needs no nvidia-*), except those that dbx_dl itself asks for.
    """
    missing = [name for name in list_needs() if _installed_version(name) is None]
    if missing:
        raise SetupError(f"{', '.join(missing)} not installed", INSTALL)
    lock = lock or Path(__file__).parents[2] / "constraints.txt"
    if not lock.is_file():
        return f"{len(list_needs())} direct packages are installed; there is no constraints.txt to compare with"
    pins = read_pins(lock)
    differing = [
        f"{name} {found} (locked {pin})"
        for name, pin in pins.items()
        if (found := _installed_version(name)) is not None and found.split("+")[0] != pin
    ]
    if differing:
        more = f" and {len(differing) - 4} more" if len(differing) > 4 else ""
        raise SetupError(f"{', '.join(differing[:4])}{more}", INSTALL)
    return f"{len(pins)} locked packages, none differs"


def read_pins(lock: Path) -> dict[str, str]:
    """Name to version of every `name==version` line."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==", 1) for line in lines if "==" in line and not line.startswith("#")]
    return {name.strip(): version.strip() for name, version in pairs}


def list_needs() -> list[str]:
    """Names of the packages that dbx_dl[all] asks for directly; SetupError when dbx_dl is not installed."""
    try:
        requirements = metadata.requires("dbx_dl") or []
    except metadata.PackageNotFoundError:
        raise SetupError("dbx_dl is not installed in this Python", INSTALL) from None
    wanted = [line for line in requirements if "extra ==" not in line or _has_extra(line, "all")]
    return sorted({_read_name(line) for line in wanted})


def _has_extra(requirement: str, extra: str) -> bool:
    return f"extra == '{extra}'" in requirement.replace('"', "'")


def _read_name(requirement: str) -> str:
    for index, character in enumerate(requirement):
        if not (character.isalnum() or character in "-_."):
            return requirement[:index]
    return requirement


def _installed_version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
