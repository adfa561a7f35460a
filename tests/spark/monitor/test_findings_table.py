"""The table of findings: the same look twice is one, a kill leaves it whole, and it remembers what was seen."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from dbx_dl.contracts import Finding, TableVersion, Window
from dbx_dl.errors import DataError
from dbx_dl.monitor.findings_table import (
    COLUMNS,
    LookMark,
    find_position,
    read_findings,
    require_findings_table,
    write_findings,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def mark(version: int = 3, **changes: Any) -> LookMark:
    values: dict[str, Any] = {
        "run": "digits",
        "source": TableVersion(name="scores", path="/scores", version=version),
        "source_id": "id-1",
        "windows_by": "commits",
        "looked_at": NOON,
    }
    return LookMark(**{**values, **changes})


def window(first: int, last: int) -> Window:
    return Window(name=f"v{first}-v{last}", first_version=first, last_version=last)


def finding(of: Window, **changes: Any) -> Finding:
    values = {"window": of.name, "area": "drift", "metric": "psi", "value": 0.25, "num_rows": 10, **changes}
    return Finding.model_validate(values)


def read(spark: SparkSession, name: str) -> list[tuple[Any, ...]]:
    names = [f"`{column}`" for column in COLUMNS if column != "looked_at"]
    rows = spark.read.format("delta").load(name).select(*names).collect()
    return sorted((tuple(row) for row in rows), key=str)


def test_the_same_look_twice_gives_the_same_table(spark: SparkSession, tmp_path: Path) -> None:
    name, one, two = str(tmp_path / "findings"), window(0, 3), window(4, 5)
    full = finding(
        one, column="it's \\ a", part="x", low=0.1, high=None, baseline=0.0, limit=0.2, p_value=1e-12,
        adjusted_p_value=0.5, status="alert", detail="Ü \"quoted\"",
    )  # fmt: skip
    write_findings(spark, name, mark(), (one,), (full, finding(one, metric="gone")))
    write_findings(spark, name, mark(5), (two,), (finding(two, value=None),))
    before = read(spark, name)
    again = mark(looked_at=datetime(2026, 1, 2, tzinfo=UTC), baseline=TableVersion(name="p", path="/p", version=7))
    written = write_findings(spark, name, again, (one,), (full, finding(one, metric="gone")))
    assert [row[:4] + row[6:] for row in read(spark, name)] == [row[:4] + row[6:] for row in before]
    assert written.version == 3 and len(before) == 3
    # A look that finds less leaves nothing of the earlier one of that window, and all of others.
    write_findings(spark, name, again, (one,), (full,))
    windows, findings = read_findings(spark, name, mark(), 9)
    assert windows == (one, two) and findings == (full, finding(two, value=None))
    assert read_findings(spark, name, mark(), 1) == ((two,), (finding(two, value=None),))


def test_what_was_seen_is_remembered_for_each_run_and_table(spark: SparkSession, tmp_path: Path) -> None:
    name = str(tmp_path / "findings")
    for first, last in ((0, 3), (4, 9)):
        write_findings(spark, name, mark(last), (window(first, last),), (finding(window(first, last)),))
    whole = Window(name="v12", last_version=12)
    write_findings(spark, name, mark(12, windows_by="whole"), (whole,), (finding(whole),))
    assert find_position(spark, name, "digits", "id-1") == 9
    assert find_position(spark, name, "digits", "id-2") is None and find_position(spark, name, "other", "id-1") is None


def test_moments_do_not_depend_on_the_time_zone(spark: SparkSession, tmp_path: Path) -> None:
    name = str(tmp_path / "findings")
    day = Window(name="2026-01-01", start=datetime(2026, 1, 1, tzinfo=UTC), end=datetime(2026, 1, 2, tzinfo=UTC))
    own = mark(windows_by="time")
    zone = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", "Asia/Kolkata")
    try:
        write_findings(spark, name, own, (day,), (finding(day),))
        assert read_findings(spark, name, own, 1)[0] == (day,)
    finally:
        spark.conf.set("spark.sql.session.timeZone", str(zone))
    micros = spark.read.format("delta").load(name).selectExpr("unix_micros(looked_at)").collect()[0][0]
    assert datetime.fromtimestamp(micros / 1e6, UTC) == NOON


def test_several_at_once_all_arrive_in_a_table_that_none_has_made(spark: SparkSession, tmp_path: Path) -> None:
    name = str(tmp_path / "findings")
    errors: list[Exception] = []

    def write(run: str) -> None:
        try:
            write_findings(spark, name, mark(run=run), (window(0, 3),), (finding(window(0, 3)),))
        except Exception as error:
            errors.append(error)

    threads = [Thread(target=write, args=(run,)) for run in ("one", "two", "three")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors and len(read(spark, name)) == 3


@pytest.mark.matrix
def test_a_commit_that_breaks_leaves_the_table_as_it_was(spark: SparkSession, tmp_path: Path) -> None:
    name = str(tmp_path / "findings")
    write_findings(spark, name, mark(), (window(0, 3),), (finding(window(0, 3)),))
    before = read(spark, name)
    (tmp_path / "findings" / "_delta_log").chmod(0o755)
    broken = spark.createDataFrame([(1,)], "n int").selectExpr(
        *(f"CAST(raise_error('no') AS {kind}) AS `{column}`" for column, kind in COLUMNS.items())
    )
    from dbx_dl.runtime.table_writes import replace_rows

    with pytest.raises(Exception, match="no"):
        replace_rows(broken, name, "run = 'digits'")
    assert read(spark, name) == before


def test_another_table_is_not_overwritten(spark: SparkSession, tmp_path: Path) -> None:
    spark.range(3).write.format("delta").save(str(tmp_path / "numbers"))
    with pytest.raises(DataError, match="holds no findings"):
        require_findings_table(spark, str(tmp_path / "numbers"))
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="name another place for the findings"):
        write_findings(spark, str(tmp_path / "files"), mark(), (window(0, 3),), (finding(window(0, 3)),))
