"""What the test layers share: one local Spark session with real Delta, and which tests run in one process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROOT = Path(__file__).parent

# How long an example takes says more about the machine's other work than about the code.
settings.register_profile("no_deadline", deadline=None)
settings.load_profile("no_deadline")

# Layers and files that share what costs most to make: of each, all tests run in one of pytest's processes.
SHARED = {
    "numerics": "numerics",
    "e2e/test_demo.py": "e2e/demo",
    "e2e/test_bad_input.py": "e2e/demo",
}


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the marks in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test its group: the tests of one file stay together, and those of SHARED."""
    for item in items:
        path = item.path.relative_to(ROOT).as_posix()
        group = SHARED.get(path) or SHARED.get(path.split("/", 1)[0]) or path
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """A session on local[2] with Delta, shared by the tests of one of pytest's processes."""
    from dbx_dl.config import SparkConfig
    from dbx_dl.runtime.spark import open_session

    session = open_session(SparkConfig(driver_memory="1g"), "tests")
    yield session
    session.stop()
