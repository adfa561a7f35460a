"""Runs in a process of its own: image sources on a Spark Connect session, whose client has no JVM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from dbx_dl.config import ImageSource, SparkConfig
from dbx_dl.errors import DataError
from dbx_dl.prepare.images.sources.formats import find_images
from dbx_dl.runtime.sources import explain_read_errors
from dbx_dl.runtime.spark import open_session


def list_sources(sources: dict[str, dict[str, Any]], gone: str) -> dict[str, Any]:
    """Of every source what its listing says, by key, and the number of bytes that reading it gives.

    The folder `gone` is removed between listing its parents and itself.
    """
    settings = {"spark.api.mode": "connect"}
    spark = open_session(SparkConfig(driver_memory="1g", settings=settings), "tests")
    try:
        table = spark.createDataFrame([("k", b"123", "a")], "path string, content binary, label string")
        table.createOrReplaceTempView("pictures")
        found: dict[str, Any] = {"session": type(spark).__module__}
        for name, values in sources.items():
            images = find_images(spark, TypeAdapter(ImageSource).validate_python(values))
            rows = images.read(images.listing.where("true")).collect()
            found[name] = sorted([[row["key"], row["reason"], len(row["content"] or b"")] for row in rows], key=str)
        listing = find_images(spark, TypeAdapter(ImageSource).validate_python(str(Path(gone).parent))).listing
        Path(gone).rmdir()
        try:
            with explain_read_errors("folder"):
                listing.collect()
        except DataError as error:
            found["gone"] = str(error)
        return found
    finally:
        spark.stop()
