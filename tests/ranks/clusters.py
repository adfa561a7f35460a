"""Spark clusters of several JVMs on one machine."""

from __future__ import annotations

from pathlib import Path

import pyspark


def link_spark_home(folder: Path) -> str:
    """A Spark home made of links, since executors of `local-cluster` write their work into it."""
    folder.mkdir(parents=True)
    for entry in Path(pyspark.__file__).parent.iterdir():
        if entry.name != "work":
            (folder / entry.name).symlink_to(entry)
    return str(folder)
