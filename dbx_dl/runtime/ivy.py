"""Downloads of jars through the Ivy that Spark ships, in a Java process of its own and without any other resolver."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

from dbx_dl.contracts.secret_texts import hide_secrets
from dbx_dl.errors import SetupError
from dbx_dl.runtime.java import require_java

if TYPE_CHECKING:
    from dbx_dl.runtime.jars import Jar

TIMEOUT_SECONDS = 600
_MIRROR = "DBX_DL_MAVEN_MIRROR"
_FIX = (
    "check the network, set DBX_DL_MAVEN_MIRROR to a Maven repository's root or an ivysettings.xml, "
    "or DBX_DL_JARS_DIR to a folder with the jars"
)


def download_jars(jars: Sequence[Jar], folder: Path, work: Path) -> None:
    """Download exactly these jars (none of their dependencies) into `folder`; `work` is an empty folder to use.

    SetupError when Java or Spark is absent, or when the repository cannot be reached or lacks a jar.
    """
    settings = work / "ivysettings.xml"
    settings.write_text(make_settings(), encoding="utf-8")
    mirror = Path(os.environ.get(_MIRROR, ""))
    if mirror.is_file():
        settings = mirror.absolute()
    wanted = work / "ivy.xml"
    wanted.write_text(_make_module(jars), encoding="utf-8")
    pattern = f"{folder}/[artifact]-[revision].[ext]"
    command = [str(require_java()), "-jar", str(find_ivy()), "-settings", str(settings), "-ivy", str(wanted)]
    command += ["-cache", str(work / "cache"), "-confs", "default", "-retrieve", pattern]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise SetupError(f"fetching Delta's jars took over {TIMEOUT_SECONDS} s", _FIX) from None
    if done.returncode != 0:
        raise SetupError(f"fetching Delta's jars failed ({explain_failure(done.stdout + done.stderr)})", _FIX)


def find_ivy() -> Path:
    """The Ivy jar in pyspark's installation; SetupError when pyspark is not installed."""
    spec = importlib.util.find_spec("pyspark")
    folders = list(spec.submodule_search_locations or []) if spec else []
    found = [path for folder in folders for path in sorted(Path(folder).glob("jars/ivy-*.jar"))]
    if not found:
        raise SetupError("pyspark (with its jars) is not installed in this Python", "pip install 'dbx_dl[spark]'")
    return found[0]


def make_settings() -> str:
    """Ivy settings with one resolver: DBX_DL_MAVEN_MIRROR's repository, else Ivy's own default one."""
    mirror = os.environ.get(_MIRROR, "")
    root = ""
    if mirror and not Path(mirror).is_file():
        if "://" not in mirror and not Path(mirror).is_dir():
            raise SetupError(f"{_MIRROR}={mirror} is neither a URL, a folder nor a file")
        root = " root=" + quoteattr(mirror if "://" in mirror else Path(mirror).absolute().as_uri())
    return (
        '<ivysettings><settings defaultResolver="central"/><timeout-constraints>'
        '<timeout-constraint name="patient" connectionTimeout="20000" readTimeout="120000"/></timeout-constraints>'
        f'<resolvers><ibiblio name="central" m2compatible="true" usepoms="false" timeoutConstraint="patient"{root}/>'
        "</resolvers></ivysettings>\n"
    )


def explain_failure(output: str) -> str:
    """The line of Ivy's output that says why it failed, without the module lists around it and a mirror's password."""
    lines = [line.strip(" :\t") for line in hide_secrets(output).splitlines()]
    for mark in ("SERVER ERROR", "unknown host", "timed out", "Exception", "module not found", "[FAILED", "ERROR"):
        for line in lines:
            if mark.lower() in line.lower():
                return line[:300]
    return lines[-1][:300] if lines else "no output"


def _make_module(jars: Sequence[Jar]) -> str:
    needs = "".join(
        f'<dependency org="{jar.group}" name="{jar.artifact}" rev="{jar.version}" transitive="false"/>' for jar in jars
    )
    return (
        '<ivy-module version="2.0"><info organisation="dbx_dl" module="jars"/>'
        f'<configurations><conf name="default"/></configurations><dependencies>{needs}</dependencies></ivy-module>\n'
    )
