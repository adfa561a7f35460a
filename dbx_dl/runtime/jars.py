"""Delta's seven jars for the installed Spark: fetched once by its Ivy, checked by SHA-256, kept in the user's cache.

Variables: DBX_DL_JARS_DIR names a folder that already holds the jars (no network is used); DBX_DL_MAVEN_MIRROR names
the root of a Maven repository (URL or folder) or an ivysettings.xml file; XDG_CACHE_HOME moves the cache.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from dbx_dl.errors import SetupError

logger = logging.getLogger(__name__)

_NEWEST_SPARK = "4.1"
_FETCH = "run `python -m dbx_dl.runtime.jars` (or `make demo`)"


@dataclass(frozen=True)
class Jar:
    """One jar: the SHA-256 of its bytes, and its Maven coordinates."""

    sha256: str
    group: str
    artifact: str
    version: str

    @property
    def spark(self) -> str:
        """The only Spark that the jar is for, such as 4.1; empty for any."""
        parts = self.artifact.split("_")
        return parts[1] if len(parts) == 3 else ""

    @property
    def file_name(self) -> str:
        """The name that Maven repositories give the file."""
        return f"{self.artifact}-{self.version}.jar"


def list_jars() -> list[Jar]:
    """The jars that a local session of the installed Spark needs, read from jars.txt beside this module."""
    lines = Path(__file__).with_name("jars.txt").read_text(encoding="utf-8").splitlines()
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    jars = [Jar(sha256, *coordinates.split(":")) for sha256, coordinates in rows]
    return [jar for jar in jars if jar.spark in ("", _spark_minor())]


def _spark_minor() -> str:
    """The installed Spark, such as 4.1; the newest that there are jars for where none is installed."""
    try:
        return ".".join(version("pyspark").split(".")[:2])
    except PackageNotFoundError:
        return _NEWEST_SPARK


def jars_folder() -> Path:
    """Where the jars are looked for: DBX_DL_JARS_DIR, else the user's cache."""
    offline = os.environ.get("DBX_DL_JARS_DIR")
    if offline:
        return Path(offline).absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache).absolute() / "dbx_dl" / "jars"


def find_jars() -> list[Path]:
    """The checked jars in `jars_folder`; SetupError when one is absent or has other bytes than the list says."""
    folder = jars_folder()
    problems = _find_problems(folder)
    if problems:
        fix = _FETCH
        if os.environ.get("DBX_DL_JARS_DIR"):
            fix = f"DBX_DL_JARS_DIR must hold the files of {Path(__file__).with_name('jars.txt')}"
        raise SetupError(f"Delta's jars in {folder}: {_summarize(problems)}", fix)
    return [folder / jar.file_name for jar in list_jars()]


def fetch_jars() -> list[Path]:
    """The checked jars, downloaded first where the cache lacks any; all or nothing, safe to repeat and to run twice."""
    folder = jars_folder()
    if os.environ.get("DBX_DL_JARS_DIR") or not _find_problems(folder):
        return find_jars()
    from dbx_dl.runtime.ivy import download_jars

    logger.info("fetching Delta's %d jars into %s (13 MB, about ten seconds)", len(list_jars()), folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as work:
        fetched = Path(work) / "jars"
        download_jars(list_jars(), fetched, Path(work))
        problems = _find_problems(fetched)
        if problems:
            raise SetupError(f"the repository's files are not the ones that dbx_dl knows: {_summarize(problems)}")
        for jar in list_jars():
            (fetched / jar.file_name).replace(folder / jar.file_name)
    logger.info("Delta's jars are in %s", folder)
    return find_jars()


def _find_problems(folder: Path) -> list[str]:
    problems = []
    for jar in list_jars():
        path = folder / jar.file_name
        if not path.is_file():
            problems.append(f"{jar.file_name} is missing")
        elif (found := hashlib.sha256(path.read_bytes()).hexdigest()) != jar.sha256:
            problems.append(f"{jar.file_name} has SHA-256 {found}, expected {jar.sha256}")
    return problems


def _summarize(problems: list[str]) -> str:
    return problems[0] + (f" (and {len(problems) - 1} more)" if len(problems) > 1 else "")


def main() -> int:
    """Fetch the jars with progress on the terminal; the exit code is 1 when that fails."""
    logging.basicConfig(level=logging.INFO, format="[jars] %(message)s", stream=sys.stderr)
    try:
        paths = fetch_jars()
    except SetupError as error:
        logger.error("error: %s", error)
        return 1
    logger.info("%d jars are in place in %s", len(paths), paths[0].parent)
    return 0


if __name__ == "__main__":
    sys.exit(main())
