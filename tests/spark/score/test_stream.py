"""A stream scores what is new, once, with the newest model that it can get."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dbx_dl import score_stream
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.runtime.file_streams import await_stream
from dbx_dl.runtime.tables import has_table, pin_table, read_pinned
from dbx_dl.runtime.tracking import open_client
from dbx_dl.score.model.model_file import fetch_model
from dbx_dl.score.tables.stream import BatchScorer
from tests.image_bytes import encode_pixels, gradient
from tests.mlflow_databases import open_tracking
from tests.onnx_models import make_weights, write_linear_model
from tests.prepared_tables import IMAGES, SPEC, write_feature_table
from tests.ranks.observing import wait_until
from tests.registered_models import register
from tests.spark.prepare.sources import write_files
from tests.spark.score.changing_source import (
    NOWHERE,
    NUM_ROWS,
    ROWS,
    change_source,
    configure,
    run,
    score_afresh,
    write_model,
    write_source,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def with_stream(place: Path, **changes: Any) -> dict[str, Any]:
    return {"stream": {"checkpoint": str(place / "checkpoint"), **changes}}


def take_in(spark: SparkSession, place: Path, model: str, **changes: Any) -> None:
    config = configure(place, model, **{**with_stream(place), **changes})
    await_stream(score_stream(spark, config, tracking=NOWHERE))


def count_by_version(spark: SparkSession, place: Path) -> dict[int | None, int]:
    if not has_table(spark, str(place / "out")):
        return {}
    rows = read_pinned(spark, pin_table(spark, str(place / "out"))).groupBy("model_version").count().collect()
    return {row[0]: row[1] for row in rows}


def test_a_model_that_changes_counts_from_the_next_batch_on(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tracking = open_tracking(tmp_path)
    prepared = write_feature_table(tmp_path / "prepared", {"train": 4})
    for seed in (0, 1):
        register(tmp_path / str(seed), prepared, tracking, "m", make_weights(SPEC, 2, seed))
    client = open_client(tracking.uri)
    client.set_registered_model_alias("m", "live", "1")
    write_source(spark, tmp_path, has_feed=True)
    stream = with_stream(tmp_path, trigger="continuous", interval_seconds=0)
    query = score_stream(spark, configure(tmp_path, "models:/m@live", **stream), tracking=tracking)
    try:
        wait_for(query, lambda: count_by_version(spark, tmp_path) == {1: NUM_ROWS})
        client.set_registered_model_alias("m", "live", "2")
        changed = change_source(spark, tmp_path)["feed"]
        wait_for(query, lambda: count_by_version(spark, tmp_path) == {1: NUM_ROWS - 4, 2: changed})
        client.delete_registered_model_alias("m", "live")
        with caplog.at_level(logging.WARNING):
            insert(spark, tmp_path, 400)
            wait_for(query, lambda: count_by_version(spark, tmp_path).get(2) == changed + 1)
    finally:
        query.stop()
    assert "the last model goes on, models:/m@live cannot be looked up: model 'm' has no alias 'live'" in caplog.text
    keys = sorted(row[0] for row in read_pinned(spark, pin_table(spark, str(tmp_path / "out"))).select("key").collect())
    assert keys == sorted(str(i) for i in {*range(NUM_ROWS), 200, 207, 300, 400} - {3, 4})


def insert(spark: SparkSession, place: Path, key: int) -> None:
    spark.sql(f"INSERT INTO delta.`{place / 'in'}` SELECT {', '.join(ROWS)} FROM VALUES ({key}L) AS t(id)")


def wait_for(query: Any, is_so: Any) -> None:
    # Each look is a job beside the stream's own.
    wait_until(lambda: is_so() or not query.isActive, pause_seconds=1)
    assert query.isActive and is_so()


@pytest.mark.parametrize("write", ["append", pytest.param("merge", marks=pytest.mark.matrix)])
def test_every_row_is_scored_once(spark: SparkSession, tmp_path: Path, write: str) -> None:
    write_source(spark, tmp_path, has_feed=False)
    model = write_model(tmp_path)
    take_in(spark, tmp_path, model, write=write)
    insert(spark, tmp_path, 200)
    for _ in range(2):
        take_in(spark, tmp_path, model, write=write)
        table = pin_table(spark, str(tmp_path / "out"))
        assert read_pinned(spark, table).count() == NUM_ROWS + 1
    # A batch that comes again, as after a kill between the table's commit and the checkpoint's.
    config = configure(tmp_path, model, mode="incremental", write=write, **with_stream(tmp_path))
    batches = BatchScorer(config, NOWHERE.uri, str(tmp_path / "checkpoint"), fetch_model(model))
    batches.score(spark.read.format("delta").load(str(tmp_path / "in")).where("id = 200"), 1)
    assert pin_table(spark, str(tmp_path / "out")) == table
    scored = score_afresh(spark, tmp_path, model)
    names = ("key", "label", "probabilities", "error", "model_sha256", "input_hash")
    assert sorted(tuple(row) for row in read_pinned(spark, table).select(*names).collect()) == scored
    spark.sql(f"DELETE FROM delta.`{tmp_path / 'in'}` WHERE id = 200")
    with pytest.raises(DataError, match="enableChangeDataFeed"):
        take_in(spark, tmp_path, model, write=write)


def test_files_are_scored_as_they_come(spark: SparkSession, tmp_path: Path) -> None:
    write_linear_model(tmp_path / "m.onnx", IMAGES)
    for first in (0, 4):
        files = {f"a/{i:02d} ä.png": encode_pixels(gradient(6, 5) + i) for i in range(first, first + 4)}
        write_files(tmp_path / "in", {**files, f"broken {first}.png": b"x"})
        take_in(spark, tmp_path, str(tmp_path / "m.onnx"), source_format="images")
    rows = read_pinned(spark, pin_table(spark, str(tmp_path / "out"))).collect()
    assert {row["key"]: row["error"] is None for row in rows} == {
        **{f"a/{i:02d} ä.png": True for i in range(8)},
        **{f"broken {i}.png": False for i in (0, 4)},
    }


@pytest.mark.matrix
@pytest.mark.parametrize("kind", ["parquet", "json"])
def test_files_of_rows_are_scored_as_they_come(spark: SparkSession, tmp_path: Path, kind: str) -> None:
    model = write_model(tmp_path)
    for start in (0, 5):
        rows = spark.range(start, start + 5).selectExpr(*ROWS)
        rows.write.format(kind).mode("append").save(str(tmp_path / "in"))
        take_in(spark, tmp_path, model, source_format=kind)
    assert count_by_version(spark, tmp_path) == {None: 10}


def write_csv(place: Path, name: str, *lines: str, header: str = "id;colour;y;x") -> None:
    (place / "in").mkdir(exist_ok=True)
    (place / "in" / name).write_text("\n".join([*([header] if header else []), *lines, ""]), encoding="utf-8")


def test_csv_files_are_scored_as_they_come(spark: SparkSession, tmp_path: Path) -> None:
    settings = {"source_format": "csv", "csv": {"delimiter": ";"}}
    model = write_model(tmp_path)
    write_csv(tmp_path, "a.csv", "1;red;0.5;1.5", "2;;;2", "3;red", "4;blue;1;oops")
    take_in(spark, tmp_path, model, **settings)
    write_csv(tmp_path, "b ä.csv", '5;"re""d";7;1', "2;red;1;1")
    take_in(spark, tmp_path, model, **settings)
    rows = {row["key"]: row for row in read_pinned(spark, pin_table(spark, str(tmp_path / "out"))).collect()}
    assert sorted(rows) == ["1", "2", "3", "4", "5"]
    reasons = {key: row["error"].split(":")[0] for key, row in rows.items() if row["error"]}
    assert reasons == {"3": "malformed", "4": "unparsable"}


@pytest.mark.matrix
def test_a_batch_with_a_key_twice_or_another_header_writes_nothing(spark: SparkSession, tmp_path: Path) -> None:
    settings = {"source_format": "csv", "csv": {"delimiter": ";"}}
    model = write_model(tmp_path)
    write_csv(tmp_path, "a.csv", "1;red;0.5;1.5", "2;;;2")
    for _ in range(2):
        take_in(spark, tmp_path, model, **settings)
    table = pin_table(spark, str(tmp_path / "out"))
    write_csv(tmp_path, "c.csv", "6;red;1;1", "6;red;2;2")
    with pytest.raises(DataError, match=r"1 keys that several rows have \(such as '6'\)"):
        take_in(spark, tmp_path, model, **settings)
    assert pin_table(spark, str(tmp_path / "out")) == table
    write_csv(tmp_path, "c.csv", "6;red;1;1", header="id;x;y;colour")
    with pytest.raises(DataError, match=r"/in cannot be read: .*CSV header does not conform"):
        take_in(spark, tmp_path, model, **settings)
    assert pin_table(spark, str(tmp_path / "out")) == table


@pytest.mark.matrix
def test_csv_files_that_come_later_have_the_given_columns(spark: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    settings = {"source_format": "csv", "csv": {"header": False, "names": ["id", "x", "y", "colour"]}}
    model = write_model(tmp_path)
    take_in(spark, tmp_path, model, **settings)
    write_csv(tmp_path, "a.csv", "1,1.5,0.5,red", "2,2,,", header="")
    take_in(spark, tmp_path, model, **settings)
    assert count_by_version(spark, tmp_path) == {None: 2}
    expected = run(spark, tmp_path, model, table=str(tmp_path / "whole"), mode="incremental", **settings)
    scored = [pin_table(spark, str(tmp_path / "out")), expected.table]
    found = [read_pinned(spark, each).select("key", "probabilities", "input_hash").collect() for each in scored]
    assert sorted(found[0]) == sorted(found[1])
    with pytest.raises(DataError, match=r"csv source .* holds no files with rows"):
        (tmp_path / "empty").mkdir()
        take_in(spark, tmp_path, model, source_format="csv", source=str(tmp_path / "empty"))


def test_what_cannot_be_streamed_is_said(spark: SparkSession, tmp_path: Path) -> None:
    write_source(spark, tmp_path, has_feed=False)
    model = write_model(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    for changes, words in (
        ({"stream": None}, "needs a place to remember"),
        ({"source_format": "query", "source": "SELECT 1 AS id"}, "query cannot be streamed"),
        ({"source_format": "csv", "csv": {"key_column": "key"}}, "`csv.key_column` goes with files that are all there"),
        ({"write": "replace"}, "cannot be streamed: use merge or append"),
        ({"source_version": 0}, "leave out source_version"),
        (with_stream(tmp_path / "in"), "lies in"),
        ({"stream": {"checkpoint": str(tmp_path / "full")}}, "holds something else than a stream's checkpoint"),
        ({"where": "nosuch = 1"}, "is no condition on"),
    ):
        with pytest.raises(ConfigError, match=words):
            take_in(spark, tmp_path, model, **changes)
    assert not (tmp_path / "out").exists() and not (tmp_path / "checkpoint").exists()
