"""constraints.txt locks everything that setup.py asks for, inside its ranges, and the jars fit the locked Spark."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, requires
from typing import Any
from unittest.mock import patch

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dbx_dl.runtime import jars
from dbx_dl.runtime.jars import list_jars
from dbx_dl.runtime.versions import read_pins
from tests.rules.source_files import ROOT, list_files


@cache
def read_setup() -> dict[str, Any]:
    """The arguments that setup.py hands to setuptools."""
    with patch("setuptools.setup") as setup:
        runpy.run_path(str(ROOT / "setup.py"))
    return dict(setup.call_args.kwargs)


@cache
def locked() -> dict[str, str]:
    """Normalized name to version of every pin."""
    return {canonicalize_name(name): version for name, version in read_pins(ROOT / "constraints.txt").items()}


def direct_requirements() -> list[str]:
    """What `.[all,dev,docs]` asks for."""
    extras = read_setup()["extras_require"]
    return sorted({*read_setup()["install_requires"], *extras["all"], *extras["dev"], *extras["docs"]})


@pytest.mark.parametrize("line", direct_requirements())
def test_pin_lies_in_the_range(line: str) -> None:
    requirement = Requirement(line)
    assert requirement.specifier.contains(locked()[canonicalize_name(requirement.name)])


def test_every_transitive_package_is_locked() -> None:
    needed = {name for line in direct_requirements() for name in _walk(Requirement(line), set())}
    assert sorted(needed - set(locked())) == []


def test_lock_has_one_line_a_package_and_nothing_of_our_own() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    names = [canonicalize_name(line.split("==")[0]) for line in lines if line and not line.startswith("#")]
    assert len(names) == len(set(names)) == len(locked())
    assert names == sorted(names)
    assert not {"dbx-dl", "horovod", "pip"} & set(names)


def test_jars_fit_the_locked_spark_and_delta() -> None:
    spark_minor = ".".join(locked()["pyspark"].split(".")[:2])
    delta = {jar.artifact: jar.version for jar in list_jars() if jar.group == "io.delta"}
    assert f"delta-spark_{spark_minor}_2.13" in delta
    assert spark_minor == jars._NEWEST_SPARK
    assert set(delta.values()) == {locked()["delta-spark"]}


def test_files_beside_the_code_are_packaged() -> None:
    package = ROOT / "dbx_dl"
    patterns = read_setup()["package_data"]["dbx_dl"]
    packaged = {path for pattern in patterns for path in package.glob(pattern)}
    beside = {path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert beside - packaged == set(list_files("dbx_dl"))


def _walk(requirement: Requirement, seen: set[str]) -> Iterator[str]:
    """The requirement and, as far as they are installed, all that it asks for on this platform."""
    key = f"{canonicalize_name(requirement.name)}{sorted(requirement.extras)}"
    if key in seen:
        return
    seen.add(key)
    yield canonicalize_name(requirement.name)
    try:
        lines = requires(requirement.name) or []
    except PackageNotFoundError:
        return
    for line in lines:
        child = Requirement(line)
        extras = requirement.extras or {""}
        if child.marker is None or any(child.marker.evaluate({"extra": extra}) for extra in extras):
            yield from _walk(child, seen)
