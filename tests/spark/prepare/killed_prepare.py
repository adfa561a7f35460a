"""Runs in a process of its own: a prepare that ends as on a machine that dies, by SIGKILL for it and for its JVM.

`python -m tests.spark.prepare.killed_prepare FOLDER MOMENT [TABLE]`; TABLE is a name in a catalog that outlives the
process, and the moment `never` lets the prepare end and prints what it made.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from dbx_dl.config import PrepareImagesConfig, SparkConfig
from dbx_dl.prepare import commits
from dbx_dl.prepare.commits import load_prepared
from dbx_dl.prepare.images.prepare import prepare_images
from dbx_dl.prepare.images.tables import ImageTable
from dbx_dl.runtime.spark import open_session
from dbx_dl.runtime.tables import read_pinned
from tests.killing import end_after, end_before, end_within

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dbx_dl.contracts import PreparedTable


def configure(place: Path, **changes: Any) -> PrepareImagesConfig:
    values = {"source": str(place / "in"), "table": str(place / "out"), "height": 8, "width": 8, "channels": 1}
    return PrepareImagesConfig.model_validate({**values, **changes})


def list_data_files(place: Path) -> set[Path]:
    """Data files of the main table, committed or not."""
    return {*(place / "out").glob("split=*/*.parquet"), *(place / "warehouse" / "out").glob("split=*/*.parquet")}


def catalog_settings(place: Path) -> dict[str, str]:
    """A Hive catalog that is kept in files, with managed tables below `warehouse`."""
    return {
        "spark.sql.catalogImplementation": "hive",
        "spark.sql.warehouse.dir": (place / "warehouse").as_uri(),
        "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={place / 'catalog'};create=true",
        "spark.driver.extraJavaOptions": f"-Dderby.stream.error.file={place / 'derby.log'}",
    }


def describe_state(spark: SparkSession, prepared: PreparedTable) -> dict[str, Any]:
    """What readers find: counts, and the length of every content by key."""
    rows = read_pinned(spark, prepared.table).select("key", F.length("content")).collect()
    found = load_prepared(spark, prepared.table.name)
    assert found == prepared and found.rejects is not None
    return {
        "contents": {row[0]: row[1] for row in rows},
        "num_rejects": read_pinned(spark, found.rejects).count(),
    }


def list_commits(place: Path, table: str) -> set[Path]:
    """Commits of a managed table, which its catalog learns of only after the first."""
    return set((place / "warehouse" / table / "_delta_log").glob("*.json"))


MOMENTS: dict[str, Callable[[Path], None]] = {
    "before the rejects": lambda place: end_before(commits, "_write_rejects"),
    "after the rejects": lambda place: end_before(commits, "_append_meta"),
    "after the description": lambda place: end_before(ImageTable, "merge"),
    "amid the data files": lambda place: end_within(ImageTable, "merge", partial(list_data_files, place)),
    "after the commit": lambda place: end_after(ImageTable, "merge"),
    "amid the first data files": lambda place: end_within(ImageTable, "replace", partial(list_data_files, place)),
    "after the first commit": lambda place: end_after(ImageTable, "replace"),
    "amid the description": lambda place: end_within(commits, "_append_meta", partial(list_commits, place, "out_meta")),
    "amid the first commit": lambda place: end_within(ImageTable, "replace", partial(list_commits, place, "out")),
    "never": lambda place: None,
}


def main(folder: Path, moment: str, table: str | None = None) -> None:
    """Prepare, and end at that moment."""
    MOMENTS[moment](folder)
    settings = {} if table is None else catalog_settings(folder)
    spark = open_session(SparkConfig(driver_memory="1g", settings=settings), "killed")
    changes = {} if table is None else {"table": table}
    print(json.dumps(describe_state(spark, prepare_images(spark, configure(folder, **changes)))))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
