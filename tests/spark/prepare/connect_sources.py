"""What `connect_process` does on Spark Connect with image sources: list and read them, and prepare."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from dbx_dl.config import ImageSource, PrepareImagesConfig
from dbx_dl.errors import DataError
from dbx_dl.prepare.images.prepare import prepare_images
from dbx_dl.prepare.images.sources.formats import find_files
from dbx_dl.runtime import progress
from dbx_dl.runtime.sources import explain_read_errors

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def list_sources(spark: SparkSession, sources: dict[str, dict[str, Any]], gone: str, folder: str) -> dict[str, Any]:
    """Of every source what its listing says, by key, and the number of bytes that reading it gives.

    The folder `gone` is removed between listing its parents and itself. `folder`: see `prepare_twice`.
    """
    table = spark.createDataFrame([("k", b"123", "a")], "path string, content binary, label string")
    table.createOrReplaceTempView("pictures")
    found: dict[str, Any] = {}
    for name, values in sources.items():
        images = find_files(spark, TypeAdapter(ImageSource).validate_python(values))
        rows = images.read(images.listing.where("true")).collect()
        found[name] = sorted([[row["key"], row["reason"], len(row["content"] or b"")] for row in rows], key=str)
    listing = find_files(spark, TypeAdapter(ImageSource).validate_python(str(Path(gone).parent))).listing
    Path(gone).rmdir()
    try:
        with explain_read_errors("folder"):
            listing.collect()
    except DataError as error:
        found["gone"] = str(error)
    return found | prepare_twice(spark, Path(folder))


def prepare_twice(spark: SparkSession, folder: Path) -> dict[str, Any]:
    """Prepare the class folders in `folder`/in, add an image, prepare again; the contracts, and what was told."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("dbx_dl").addHandler(handler)
    logging.getLogger("dbx_dl").setLevel(logging.INFO)
    progress.INTERVAL_SECONDS = 0.02
    values = {"source": str(folder / "in"), "table": str(folder / "out"), "height": 8, "width": 8, "channels": 1}
    config = PrepareImagesConfig.model_validate(values)
    first = prepare_images(spark, config)
    (folder / "in" / "cat" / "late.png").write_bytes((folder / "in" / "dog" / "0.png").read_bytes())
    second = prepare_images(spark, config)
    counts = [[it.table.version, it.num_rows, it.num_rejects] for it in (first, second)]
    return {"prepared": counts, "again": prepare_images(spark, config) == second, "lines": lines}
