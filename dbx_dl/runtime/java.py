"""Which Java runs Spark and its Ivy: found as Spark finds it, refused in one line when it is absent or too old."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from dbx_dl.errors import SetupError

MIN_JAVA = 17
_FIX = "install a JDK 17 (Debian: apt-get install openjdk-17-jdk-headless) and put it on PATH or into JAVA_HOME"


def find_java() -> Path:
    """The java that Spark would start: JAVA_HOME's, else PATH's; SetupError when there is none."""
    home = os.environ.get("JAVA_HOME")
    if home:
        java = Path(home) / "bin" / "java"
        if not os.access(java, os.X_OK):
            raise SetupError(f"JAVA_HOME={home} has no bin/java", _FIX)
        return java
    on_path = shutil.which("java")
    if on_path is None:
        raise SetupError("Java not found", _FIX)
    return Path(on_path)


def read_java_version(java: Path) -> int:
    """The feature release of a java executable, such as 17; SetupError when it does not tell."""
    try:
        done = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SetupError(f"{java} cannot be run ({error})", _FIX) from None
    return parse_java_version(done.stderr + done.stdout, java)


def parse_java_version(text: str, java: Path) -> int:
    """The feature release in the output of `java -version`: 17 for "17.0.15", 8 for "1.8.0_392"."""
    match = re.search(r'version "(?:1\.)?(\d+)', text)
    if match is None:
        first = text.strip().splitlines()[0] if text.strip() else "nothing"
        raise SetupError(f"{java} -version said {first!r}, which names no version", _FIX)
    return int(match.group(1))


def require_java() -> Path:
    """The java that Spark would start; SetupError when it is absent or older than Spark 4 needs."""
    java = find_java()
    version = read_java_version(java)
    if version < MIN_JAVA:
        raise SetupError(f"Java {version} at {java} is too old, Spark 4 needs {MIN_JAVA} or newer", _FIX)
    return java
