"""Scored rows with late labels, written once for all tests of a process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.spark.monitor.scored_frames import Scored, write_scored

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def scored(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Scored:
    return write_scored(spark, tmp_path_factory.mktemp("scored"))
