"""A model file on its way to the workers: shipped once, under a name that says its content, and checked there."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.runtime.whole_files import write_whole
from dbx_dl.score.model.external_data import list_data_files, read_locations, require_inside
from dbx_dl.score.model.model_file import local_store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from dbx_dl.score.model.model_file import ModelFile


def ship_model(spark: SparkSession, model: ModelFile) -> str:
    """Make the file available to this session's workers; returns the name by which `find_shipped` finds it there.

    The copies that Spark serves stay as long as this process lives; shipping the same content again costs nothing.
    """
    name = f"dbx_dl-{model.sha256}.onnx"
    sources = [model.path, *list_data_files(model.path)]
    for place, source in enumerate(sources):
        ship_file(spark, source, name if place == 0 else _data_name(name, place - 1))
    return name


def find_shipped(name: str) -> str:
    """The path of a shipped file on this worker; one with weights in further files has them beside it."""
    from pyspark import SparkFiles

    path = Path(SparkFiles.get(name))
    locations = read_locations(path)
    return str(_put_together(path, locations) if locations else path)


def find_file(name: str) -> str:
    """The path of a file on this worker that `ship_file` shipped."""
    from pyspark import SparkFiles

    return str(SparkFiles.get(name))


def ship_file(spark: SparkSession, source: Path, name: str) -> None:
    """Make one file available under a name that says its content; `find_file` finds it on a worker."""
    copy = local_store() / name
    if not copy.exists():
        with write_whole(copy) as partial:
            shutil.copyfile(source, partial)
    spark.addArtifacts(str(copy), file=True)


def _put_together(path: Path, locations: list[str]) -> Path:
    """A folder beside the shipped files with the model and its further files under their own names, as links."""
    folder = path.with_suffix(".files")
    for location in locations:
        require_inside(path, location)
    if not folder.exists():
        partial = Path(tempfile.mkdtemp(prefix=f"{path.stem}.", suffix=".partial", dir=path.parent))
        _link(path, partial / path.name)
        for place, location in enumerate(locations):
            (partial / location).parent.mkdir(parents=True, exist_ok=True)
            _link(path.with_name(_data_name(path.name, place)), partial / location)
        try:
            partial.rename(folder)
        except OSError:  # another worker was faster
            shutil.rmtree(partial, ignore_errors=True)
    return folder / path.name


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _data_name(name: str, place: int) -> str:
    return f"{name}.{place}.data"
