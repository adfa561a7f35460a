"""A source table that changes between runs of the scorer, and what its predictions must be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl import score_table
from dbx_dl.config import ScoreConfig, TrackingConfig
from dbx_dl.contracts import ScoredTable
from dbx_dl.runtime.tables import read_pinned
from tests.onnx_models import write_linear_model
from tests.prepared_tables import SPEC

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NOWHERE = TrackingConfig(uri="sqlite:////nowhere/m.db")
NUM_ROWS = 100
# Every twentieth row cannot be scored.
ROWS = (
    "id",
    "id % 4 AS day",
    "IF(id % 20 = 7, 'oops', CAST(id / 10 AS string)) AS x",
    "IF(id % 9 = 0, NULL, id / 7) AS y",
    "IF(id % 3 = 0, 'red', NULL) AS colour",
    "'ignored' AS note",
)


def write_model(place: Path, seed: int = 0) -> str:
    write_linear_model(place / f"model_{seed}.onnx", SPEC, seed=seed)
    return str(place / f"model_{seed}.onnx")


def write_source(spark: SparkSession, place: Path, *, has_feed: bool, has_text: bool = True) -> None:
    """The source; its numbers lie in text, which only Spark reads, unless `has_text` is false."""
    rows = spark.range(NUM_ROWS).selectExpr(*ROWS).coalesce(1)
    rows = rows if has_text else rows.selectExpr("* EXCEPT (x)", "id / 10 AS x")
    writer = rows.write.format("delta").partitionBy("day").option("delta.enableChangeDataFeed", str(has_feed).lower())
    writer.save(str(place / "in"))


def change_source(spark: SparkSession, place: Path) -> dict[str, int]:
    """In two commits: change a row in a column that no model takes, one twice; delete, add, give another key."""
    table = f"delta.`{place / 'in'}`"
    spark.sql(
        f"MERGE INTO {table} AS t USING (SELECT {', '.join(ROWS)} FROM VALUES (1L), (2L), (3L), (4L), (200L), (207L) "
        "AS v(id)) AS s ON t.id = s.id WHEN MATCHED AND s.id = 1 THEN UPDATE SET note = 'other' "
        "WHEN MATCHED AND s.id = 2 THEN UPDATE SET y = 4.5 WHEN MATCHED AND s.id = 3 THEN DELETE "
        "WHEN MATCHED THEN UPDATE SET id = 300 WHEN NOT MATCHED THEN INSERT *"
    )
    spark.sql(f"UPDATE {table} SET y = 5.5 WHERE id = 2")
    return {"feed": 5, "hash": 4, "removed": 2}


def configure(place: Path, model: str, **changes: Any) -> ScoreConfig:
    values = {"source": str(place / "in"), "source_format": "delta", "key": "id", "model": model}
    return ScoreConfig.model_validate({**values, "table": str(place / "out"), **changes})


def run(spark: SparkSession, place: Path, model: str, **changes: Any) -> ScoredTable:
    return score_table(spark, configure(place, model, **changes), tracking=NOWHERE)


def read_rows(spark: SparkSession, scored: ScoredTable, *more: str) -> list[tuple[Any, ...]]:
    """Rows by key, with what a later run of the same model may not change."""
    names = ("key", "label", "probabilities", "error", "model_sha256", "input_hash", *more)
    return sorted(tuple(row) for row in read_pinned(spark, scored.table).select(*names).collect())


def score_afresh(spark: SparkSession, place: Path, model: str, **changes: Any) -> list[tuple[Any, ...]]:
    """What scoring the whole source as it is now into a new table gives."""
    scored = run(spark, place, model, **{"table": str(place / "afresh"), "mode": "incremental", **changes})
    return read_rows(spark, scored)
