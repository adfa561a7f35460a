"""What `connect_process` does on Spark Connect with the scorer: a table, UDFs, SQL and a stream."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl.config import ScoreConfig, TrackingConfig
from dbx_dl.runtime.file_streams import await_stream
from dbx_dl.runtime.tables import pin_table, read_pinned
from dbx_dl.score.sql import register_sql_function
from dbx_dl.score.tables.stream import score_stream
from dbx_dl.score.tables.table import score_table
from dbx_dl.score.udf import score_udf
from tests.udf_kinds import AVAILABLE_KINDS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOWHERE = TrackingConfig(uri="sqlite:////nowhere/m.db")


def score_pictures(spark: SparkSession, folder: str, model: str, table: str) -> dict[str, Any]:
    """Score a folder of files into a table, and that folder's bytes with both kinds of UDF."""
    config = ScoreConfig(source=folder, source_format="images", model=model, table=table, mode="incremental")
    scored = score_table(spark, config, tracking=NOWHERE)
    labels = {row["key"]: row["label"] for row in read_pinned(spark, scored.table).collect()}
    files = spark.read.format("binaryFile").load(folder)
    found: dict[str, Any] = {"labels": labels, "scored": scored.model_dump()}
    for kind in AVAILABLE_KINDS:
        predictions = files.select("length", score_udf(spark, model, kind=kind)("content").alias("p"))
        rows = predictions.select("p.label", "p.error").collect()
        found[kind] = sorted(row["label"] or row["error"].split(":")[0] for row in rows)
    files.createOrReplaceTempView("files")
    shared = str(Path(table).with_name("models"))
    register_sql_function(spark, "predict_picture", model, top_k=1, model_folder=shared)
    rows = spark.sql("SELECT p.top_k, p.error FROM (SELECT predict_picture(content) AS p FROM files)").collect()
    found["sql"] = sorted(row["top_k"][0]["label"] if row["top_k"] else row["error"].split(":")[0] for row in rows)
    return {**found, **_go_on(spark, config)}


def _go_on(spark: SparkSession, config: ScoreConfig) -> dict[str, Any]:
    """Score again after one file has gone, then all files as a stream, twice."""
    (Path(config.source) / "text.png").unlink()
    later = score_table(spark, config, tracking=NOWHERE)
    changes = {"table": config.table + "_stream", "stream": {"checkpoint": config.table + "_checkpoint"}}
    streamed = ScoreConfig.model_validate({**config.model_dump(), **changes})
    for _ in range(2):
        await_stream(score_stream(spark, streamed, tracking=NOWHERE))
    rows = read_pinned(spark, pin_table(spark, streamed.table)).collect()
    return {"later": later.model_dump(), "streamed": {row["key"]: row["label"] for row in rows}}
