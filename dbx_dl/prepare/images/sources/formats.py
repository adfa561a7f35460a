"""The formats of sources of images, or recordings, by the name that run configs use."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dbx_dl.prepare.images.sources.coco import find_in_coco
from dbx_dl.prepare.images.sources.folders import find_in_folders
from dbx_dl.prepare.images.sources.found import FoundImages
from dbx_dl.prepare.images.sources.idx import find_in_idx
from dbx_dl.prepare.images.sources.manifests import find_in_manifest
from dbx_dl.prepare.images.sources.tables import find_in_table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dbx_dl.config import AudioSource, ImageSource

IMAGE_SOURCES: dict[str, Callable[[SparkSession, Any], FoundImages]] = {
    "folders": find_in_folders,
    "manifest": find_in_manifest,
    "idx": find_in_idx,
    "coco": find_in_coco,
    "table": find_in_table,
}


def find_files(spark: SparkSession, source: ImageSource | AudioSource) -> FoundImages:
    """List a source's files; DataError or ConfigError when it is absent or not what its config says.

    Whatever is wrong with single files is a row's `reason`. What executors find wrong with the whole (a folder that
    cannot be listed) fails the job that uses the listing; `explain_read_errors` turns that into a DataError.
    """
    return IMAGE_SOURCES[source.format](spark, source)
