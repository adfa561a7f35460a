"""Runs in a process of its own: a table prepared on a Spark Connect session, whose client has no JVM."""

from __future__ import annotations

from typing import Any

from dbx_dl.config import PrepareTableConfig, SparkConfig
from dbx_dl.prepare.tabular.prepare import prepare_table
from dbx_dl.runtime.spark import open_session


def prepare_remotely(values: dict[str, Any]) -> dict[str, Any]:
    """The contract, as JSON values, of what a config given as values prepares."""
    spark = open_session(SparkConfig(driver_memory="1g", settings={"spark.api.mode": "connect"}), "tests")
    try:
        return prepare_table(spark, PrepareTableConfig.model_validate(values)).model_dump(mode="json")
    finally:
        spark.stop()
