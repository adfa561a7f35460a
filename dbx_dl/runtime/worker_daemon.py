"""Starts Spark's Python workers from installed modules in place of Spark's archives, which take time at every task."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from pathlib import Path
from runpy import run_module

# What Spark puts before everything else on its workers' path.
_ARCHIVES = ("pyspark.zip", "py4j-*-src.zip", "spark-core_*.jar")


def drop_archives(path: list[str]) -> list[str]:
    """The module path without Spark's own archives, where pyspark and py4j are found without these too.

    Modules in an archive are compiled by each process that starts workers, and before each task
    (`importlib.invalidate_caches`) workers read the archives' tables of contents, thousands of entries: 0.1 s.
    """
    kept = [entry for entry in path if not any(Path(entry).match(pattern) for pattern in _ARCHIVES)]
    specs = [PathFinder.find_spec(name, kept) for name in ("pyspark", "py4j")]
    # A folder without code in it has no origin.
    return kept if all(spec is not None and spec.origin for spec in specs) else path


if __name__ == "__main__":
    sys.path[:] = drop_archives(sys.path)
    sys.path_importer_cache.clear()
    run_module("pyspark.daemon", run_name="__main__")
