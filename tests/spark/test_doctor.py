"""On a machine that is set up, every check of the doctor is ok, and the session that is there stays open."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from dbx_dl.runtime.doctor import CHECKS, run_checks

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.mark.skipif(find_spec("horovod") is None, reason="needs Horovod, which this environment lacks")
def test_everything_is_ok_where_the_tests_run(spark: SparkSession) -> None:
    checks = run_checks()
    assert [check.name for check in checks] == list(CHECKS)
    assert [f"{check.name}: {check.detail}" for check in checks if not check.ok] == []
    found = {check.name: check.detail for check in checks}
    assert "2 free slots on the active session" in found["spark"]
    assert found["horovod.torch"].startswith("built with Gloo")
    assert found["horovod.tensorflow"].startswith("built with Gloo")
    assert spark.range(1).count() == 1
