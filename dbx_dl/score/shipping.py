"""A model file on its way to the workers: shipped once, under a name that says its content, and checked there."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from dbx_dl.score.model_file import local_store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dbx_dl.score.model_file import ModelFile


def ship_model(spark: SparkSession, model: ModelFile) -> str:
    """Make the file available to this session's workers; returns the name by which `find_shipped` finds it there.

    The copy that Spark serves stays as long as this process lives; shipping the same content again costs nothing.
    """
    name = f"dbx_dl-{model.sha256}.onnx"
    copy = local_store() / name
    if not copy.exists():
        partial = copy.with_suffix(f".{os.getpid()}.partial")
        shutil.copyfile(model.path, partial)
        partial.replace(copy)
    spark.addArtifacts(str(copy), file=True)
    return name


def find_shipped(name: str) -> str:
    """The path of a shipped file on this worker."""
    from pyspark import SparkFiles

    return str(SparkFiles.get(name))
