"""A local session has Delta from files alone, runs UDFs under this very Python, and says in a line what is missing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pyspark
import pytest
from pyspark.sql import functions as F

from dbx_dl.config import SparkConfig
from dbx_dl.runtime.slots import count_slots
from dbx_dl.runtime.spark import open_session

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from pyspark.sql import SparkSession

SPARK = ".".join(pyspark.__version__.split(".")[:2])
OPEN = (
    "from dbx_dl.config import SparkConfig\n"
    "from dbx_dl.errors import SetupError\n"
    "from dbx_dl.runtime.spark import open_session\n"
    "config = SparkConfig(**CONFIG)\n"
    "try:\n"
    "    spark = open_session(config, 'alone')\n"
    "except SetupError as error:\n"
    "    raise SystemExit(f'error: {error}')\n"
)


def run_alone(
    code: str, config: dict[str, object] | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Open a session in a process of its own, then run `code` there with `spark`."""
    script = OPEN.replace("CONFIG", repr(config or {})) + code
    variables = {**os.environ, **environment}
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=variables, check=False)


def test_delta_is_written_read_and_merged(spark: SparkSession, tmp_path: Path) -> None:
    table = f"delta.`{tmp_path / 'numbers'}`"
    spark.range(10).write.format("delta").save(str(tmp_path / "numbers"))
    spark.range(5, 15).createOrReplaceTempView("more")
    spark.sql(f"MERGE INTO {table} t USING more m ON t.id = m.id WHEN NOT MATCHED THEN INSERT *")
    assert spark.sql(f"SELECT count(*), max(id) FROM {table}").collect() == [(15, 14)]
    assert spark.sql(f"SELECT count(*) FROM {table} VERSION AS OF 0").collect() == [(10,)]


def test_workers_import_no_archive_before_each_task(spark: SparkSession) -> None:
    def find_archives(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow
        import pyspark

        for _ in batches:
            found = [
                pyspark.__file__,
                *(place for place in sys.path_importer_cache if ".zip" in place or ".jar" in place),
            ]
            yield pyarrow.RecordBatch.from_arrays([pyarrow.array(found)], names=["place"])

    places = [row.place for row in spark.range(1).mapInArrow(find_archives, "place string").collect()]
    assert places[0].endswith("pyspark/__init__.py")
    assert not [place for place in places if "spark" in place and (".zip" in place or ".jar" in place)]


def test_session_is_local_and_small(spark: SparkSession) -> None:
    assert spark.conf.get("spark.sql.session.timeZone") == "UTC"
    assert spark.conf.get("spark.driver.host") == "127.0.0.1"
    assert spark.conf.get("spark.ui.enabled") == "false"
    assert count_slots(spark) == 2


def test_udf_runs_under_this_python_and_imports_from_here(spark: SparkSession) -> None:
    @F.udf("array<string>")
    def look(_: int) -> list[str]:
        import sys

        return [sys.executable, *sys.path]

    executable, *path = spark.range(1).select(look("id")).collect()[0][0]
    assert executable == sys.executable
    assert str(Path.cwd()) in path


def test_active_session_is_taken(spark: SparkSession) -> None:
    assert open_session(SparkConfig(master="local[1]"), "another") is spark


def test_start_is_silent_and_leaves_nothing_behind(tmp_path: Path) -> None:
    code = (
        "import os\n"
        f"os.chdir({str(tmp_path)!r})\n"
        "spark.sql('CREATE TABLE letters USING delta AS SELECT 1 AS a')\n"
        "print(spark.conf.get('spark.sql.warehouse.dir'), spark.table('letters').count())\n"
        "spark.stop()\n"
    )
    done = run_alone(code, TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    warehouse, count = done.stdout.split()
    assert count == "1"
    assert done.stderr == ""
    assert not Path(warehouse.removeprefix("file:")).exists()
    assert [path.name for path in tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("config", "environment", "message"),
    [
        ({}, {"PATH": "", "JAVA_HOME": ""}, "Java not found: install a JDK 17"),
        ({}, {"DBX_DL_JARS_DIR": "/no/such/folder"}, f"delta-spark_{SPARK}_2.13-4.4.0.jar is missing"),
        ({"driver_memory": "2q"}, {}, "Spark's JVM did not start (Invalid maximum heap size"),
        ({"master": "locall[2]"}, {}, "Could not parse Master URL: 'locall[2]'"),
    ],
    ids=["java", "jars", "memory", "master"],
)
def test_what_is_missing_or_wrong_is_one_line(
    config: dict[str, object], environment: dict[str, str], message: str
) -> None:
    done = run_alone("", config, **environment)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


# Everything in test_connect stands on it.
@pytest.mark.matrix
def test_connect_session_has_delta_too(tmp_path: Path) -> None:
    code = (
        f"path = {str(tmp_path / 'numbers')!r}\n"
        "spark.range(3).write.format('delta').save(path)\n"
        "print(type(spark).__module__, spark.read.format('delta').load(path).count())\n"
        "spark.stop()\n"
    )
    done = run_alone(code, {"settings": {"spark.api.mode": "connect"}}, SPARK_TESTING="1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["pyspark.sql.connect.session", "3"]


def test_ctrl_c_interrupts_a_call_and_the_session_goes_on(spark: SparkSession) -> None:
    """PySpark's own handler fails in the middle of a call; its answer would be read as that of the next one."""
    press = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
    began = time.monotonic()
    press.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            spark.range(0, 10**14, 1, 2).selectExpr("sum(hash(id))").collect()
    finally:
        press.cancel()
    assert time.monotonic() - began < 30
    assert spark.range(7).count() == 7
    assert spark.sql("SELECT 'next' AS word").collect() == [("next",)]
