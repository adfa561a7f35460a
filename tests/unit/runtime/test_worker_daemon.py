"""Spark's archives leave the workers' module path only where the packages in them are found without."""

from __future__ import annotations

import importlib
from pathlib import Path

from dbx_dl.runtime.worker_daemon import drop_archives


def test_archives_go_where_packages_are_installed_and_all_else_stays(tmp_path: Path) -> None:
    lib = "/spark/python/lib"
    archives = [f"{lib}/pyspark.zip", f"{lib}/py4j-0.10.9.9-src.zip", "/spark/jars/spark-core_2.13-4.1.4.jar"]
    theirs = ["/work", "/work/packages.zip", "/work/mine.egg", "/nowhere"]
    for name in ("pyspark", "py4j"):
        (tmp_path / name).mkdir()
        assert drop_archives([*archives, *theirs, str(tmp_path)]) == [*archives, *theirs, str(tmp_path)]
        (tmp_path / name / "__init__.py").touch()
        importlib.invalidate_caches()
    assert drop_archives([theirs[0], *archives, *theirs[1:], str(tmp_path)]) == [*theirs, str(tmp_path)]
