"""Folders of pictures that the tests of image sources share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.spark.prepare.pictures import write_pictures

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`write_pictures` below a folder whose name Spark would take for a pattern."""
    folder = tmp_path_factory.mktemp("pictures [1]")
    write_pictures(folder)
    return folder


@pytest.fixture
def remote(spark: SparkSession, pictures: Path) -> Iterator[str]:
    """The same folder as an URI that only Spark can open."""
    name = "fs.viewfs.mounttable.pictures.link./data"
    spark.conf.set(name, pictures.as_uri())
    yield "viewfs://pictures/data"
    spark.conf.unset(name)
