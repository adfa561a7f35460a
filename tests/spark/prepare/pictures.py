"""Small pictures in class folders, and what tests ask of a listing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from dbx_dl.config import ImageSource
from dbx_dl.prepare.images.sources.formats import find_files
from tests.image_bytes import encode_pixels, gradient
from tests.spark.prepare.sources import write_files

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.prepare.images.sources.found import FoundImages

PICTURES = {f"{label}/{i}.png": encode_pixels(gradient(4 + i, 5)) for label in ("cat", "dog") for i in range(3)}


def write_pictures(folder: Path) -> None:
    """PICTURES, one file in no class folder, an empty one, and two that Spark does not see."""
    write_files(folder, PICTURES | {"top.png": b"x", "cat/empty.png": b"", "_hidden/x.png": b"", "cat/.x.png": b""})


def find(spark: SparkSession, **source: Any) -> FoundImages:
    """The images of a source as a run config gives it."""
    return find_files(spark, TypeAdapter(ImageSource).validate_python(source))


def rows_of(df: DataFrame) -> dict[str, Any]:
    """Rows by key; no key may be there twice."""
    rows = df.collect()
    by_key = {row["key"]: row for row in rows}
    assert len(by_key) == len(rows)
    return by_key


def reasons_of(found: FoundImages) -> list[tuple[str | None, str | None]]:
    """Key and reason of every row, sorted."""
    return sorted(((row["key"], row["reason"]) for row in found.listing.collect()), key=str)
