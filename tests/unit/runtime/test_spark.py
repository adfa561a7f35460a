"""What a local session is set to, and what is refused before any JVM starts."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from dbx_dl.config import SparkConfig
from dbx_dl.errors import SetupError
from dbx_dl.runtime import spark
from dbx_dl.runtime.spark import local_settings, open_session


def test_settings_bring_delta_from_files_and_nothing_from_the_network() -> None:
    settings = local_settings(SparkConfig(), [Path("/jars/a.jar"), Path("/jars/b.jar")])
    assert settings["spark.jars"] == "/jars/a.jar,/jars/b.jar"
    assert not [name for name in settings if name.startswith("spark.jars.")]
    assert settings["spark.sql.catalog.spark_catalog"].endswith("DeltaCatalog")
    assert settings["spark.sql.session.timeZone"] == "UTC"
    assert settings["spark.driver.bindAddress"] == settings["spark.driver.host"] == "127.0.0.1"


def test_config_decides_and_its_settings_win() -> None:
    config = SparkConfig(
        master="local[4]", driver_memory="3g", shuffle_partitions=7, settings={"spark.ui.enabled": "true"}
    )
    settings = local_settings(config, [])
    assert settings["spark.master"] == "local[4]"
    assert settings["spark.driver.memory"] == "3g"
    assert settings["spark.sql.shuffle.partitions"] == "7"
    assert settings["spark.ui.enabled"] == "true"


def test_workers_import_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["/theirs", str(tmp_path)]))
    path = local_settings(SparkConfig(), [])["spark.executorEnv.PYTHONPATH"]
    assert path.split(os.pathsep) == [str(tmp_path), "/theirs"]


def test_only_local_workers_are_started_by_this_package() -> None:
    name = "spark.python.daemon.module"
    assert local_settings(SparkConfig(), [])[name] == "dbx_dl.runtime.worker_daemon"
    assert name not in local_settings(SparkConfig(master="local-cluster[2,1,1024]"), [])
    assert name not in local_settings(SparkConfig(settings={"spark.pyspark.python": "/theirs/python"}), [])
    theirs = SparkConfig(settings={name: "theirs.daemon"})
    assert local_settings(theirs, [])[name] == "theirs.daemon"


def test_environment_is_given_back_after_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYSPARK_PYTHON", "/theirs/python")
    monkeypatch.delenv("SPARK_LOCAL_IP", raising=False)
    with spark._worker_environment():
        assert os.environ["PYSPARK_PYTHON"] == os.environ["PYSPARK_DRIVER_PYTHON"] == sys.executable
    assert os.environ["PYSPARK_PYTHON"] == "/theirs/python"
    assert "SPARK_LOCAL_IP" not in os.environ


@pytest.mark.parametrize(("variable", "message"), [("JAVA_HOME", "no bin/java"), ("DBX_DL_JARS_DIR", "is missing")])
def test_missing_parts_are_refused_before_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, message: str
) -> None:
    def start(*arguments: object) -> None:
        raise AssertionError("a JVM was started")

    monkeypatch.setattr(spark, "find_active_session", lambda: None)
    monkeypatch.setattr(spark, "start_jvm", start)
    monkeypatch.setenv(variable, str(tmp_path))
    with pytest.raises(SetupError, match=message):
        open_session(SparkConfig(), "refused")


def test_cause_of_a_failed_start_is_one_line() -> None:
    text = "An error occurred.\n: org.apache.spark.SparkException: Could not parse Master URL: 'x'\n\tat org.apache.A"
    assert spark._first_cause(Exception(text)) == "org.apache.spark.SparkException: Could not parse Master URL: 'x'"
