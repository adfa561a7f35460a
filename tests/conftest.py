"""What the test layers share: one local Spark session with real Delta."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# How long an example takes says more about the machine's other work than about the code.
settings.register_profile("no_deadline", deadline=None)
settings.load_profile("no_deadline")


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """A session on local[2] with Delta, shared by the tests of one pytest run."""
    from dbx_dl.config import SparkConfig
    from dbx_dl.runtime.spark import open_session

    session = open_session(SparkConfig(driver_memory="1g"), "tests")
    yield session
    session.stop()
