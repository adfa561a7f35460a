"""What the test layers share: one local Spark session with real Delta, and which tests run in one process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# These JVMs live for seconds or minutes on few cores: there it does not pay to compile hot code twice. Code that is
# compiled once gets 48 MB by default, which Spark's own code fills: the JVM then sweeps it and compiles it anew.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=256m")

# How long an example takes says more about the machine's other work than about the code.
settings.register_profile("no_deadline", deadline=None)
settings.load_profile("no_deadline")

# Layers and files that share what costs most to make: of each, all tests run in one of pytest's processes.
SHARED = {
    "numerics": "numerics",
    # Two with scenarios that no other file looks at.
    "numerics/test_activations.py": "numerics/activations",
    "numerics/test_architectures.py": "numerics/architectures",
    "e2e/test_demo.py": "e2e/demo",
    "e2e/test_bad_input.py": "e2e/demo",
    "e2e/test_explain.py": "e2e/demo",
    "e2e/test_monitor.py": "e2e/demo",
}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of one file in one process, and those of SHARED.

    By the path of a test: the marks of `--dist loadgroup` are lost on pytest 9.2.
    """
    from xdist.scheduler import LoadScopeScheduling

    class LoadSharedScheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path = nodeid.split("::", 1)[0].removeprefix("tests/")
            return SHARED.get(path) or SHARED.get(path.split("/", 1)[0]) or path

    return LoadSharedScheduling(config, log)


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """A session on local[2] with Delta, shared by the tests of one of pytest's processes."""
    from dbx_dl.config import SparkConfig
    from dbx_dl.runtime.spark import open_session

    session = open_session(SparkConfig(driver_memory="1g"), "tests")
    yield session
    session.stop()
