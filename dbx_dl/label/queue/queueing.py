"""Items that are most worth a person's time, from a table of predictions into a queue table, without repeats."""

from __future__ import annotations

import logging
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dbx_dl.contracts import QueuedItems
from dbx_dl.errors import DataError
from dbx_dl.label.inserts import again_after_races, create_table, insert_new
from dbx_dl.label.queue.choosing import Candidates, choose_candidates
from dbx_dl.label.queue.measuring import PLACE, choose_place, measure_items, to_places
from dbx_dl.label.scores import pick_scores, read_scores
from dbx_dl.label.table import read_standing
from dbx_dl.runtime.table_writes import replace_table
from dbx_dl.runtime.tables import has_table, pin_table, quote_table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.config.label import LabelConfig, QueueConfig

logger = logging.getLogger(__name__)

QUEUE_SCHEMA = (
    "item_key string, position bigint, uncertainty double, strategy string, queue_id string, queued_at timestamp"
)


def queue_items(
    spark: SparkSession, config: LabelConfig, queue: QueueConfig, *, scores: DataFrame | None = None
) -> QueuedItems:
    """Put the items into the queue table that `queue` asks for: those without a person's or a rule's label there.

    `scores` are predictions that are not in a table, such as what `score_udf` gives, with the columns of its struct;
    they are worked out several times, so keep what is expensive in a table. Columns of the queue: item_key, position
    (the first is labelled first; later queues go on behind), uncertainty, strategy, queue_id, queued_at. In one commit;
    two at once queue no item twice. Where fewer items are left than the budget, all of them are queued, and that is
    told. DataError when predictions or one of their columns are absent.
    """
    what = f"scores {queue.scores}"
    if scores is not None:
        rows, what = pick_scores(scores, queue.key, "scores"), "scores"
    elif queue.scores is not None:
        rows, _ = read_scores(spark, queue.scores, queue.key)
    else:
        raise DataError("which predictions? Name the table `label.queue.scores`, or give scores")
    measured = measure_items(rows, config.task, queue, what)
    create_table(spark, queue.table, QUEUE_SCHEMA, "queue of items")
    labelled = _read_labelled(spark, config)
    taken = labelled if queue.renew else labelled.union(_read_queued(spark, queue.table)).distinct()
    unlabelled = measured.join(taken, "item_key", "left_anti")
    num_left, num_unknown = _count(unlabelled)
    candidates, keys, num_placeless = _take_candidates(unlabelled, queue)
    centres = _take_centres(measured.join(labelled, "item_key", "left_semi"), queue) if queue.is_spread else None
    chosen = choose_candidates(candidates, centres, queue)
    queue_id = uuid.uuid4().hex
    chosen_rows = _to_rows(spark, keys, candidates, chosen, queue, queue_id)
    num_queued = _write(spark, queue, chosen_rows)
    found = QueuedItems(
        table=pin_table(spark, queue.table),
        queue_id=queue_id,
        strategy=queue.strategy,
        num_queued=num_queued,
        num_wanted=queue.budget,
        num_left=num_left,
        num_compared=len(keys),
        num_unknown=num_unknown + num_placeless,
        alike_by=choose_place(rows, queue, what) if queue.is_spread else None,
    )
    for sentence in found.list_reductions():
        logger.warning("%s", sentence)
    return found


def _read_labelled(spark: SparkSession, config: LabelConfig) -> DataFrame:
    """Keys of the items that a person or a rule has labelled."""
    if not has_table(spark, config.table):
        return spark.createDataFrame([], "item_key string")
    labels = read_standing(spark, config.table, task=config.task)
    return labels.where("source <> 'model'").select("item_key").distinct()


def _read_queued(spark: SparkSession, name: str) -> DataFrame:
    return spark.sql(f"SELECT item_key FROM {quote_table(name)}")


def _count(unlabelled: DataFrame) -> tuple[int, int]:
    from pyspark.sql import functions as F

    found = unlabelled.agg(F.count("uncertainty").alias("known"), F.count("*").alias("all")).collect()[0]
    return found["known"], found["all"] - found["known"]


def _take_candidates(unlabelled: DataFrame, queue: QueueConfig) -> tuple[Candidates, list[str], int]:
    """The most worthy items, of equally worthy ones any, but the same every time; how many of them have no place."""
    from pyspark.sql import functions as F

    chance = F.xxhash64(F.col("item_key"), F.lit(queue.seed))
    wanted = queue.budget if not queue.is_spread else queue.max_candidates
    if queue.strategy == "mix":
        wanted = min(queue.max_candidates, queue.mix_factor * queue.budget)
    known = unlabelled.where("uncertainty IS NOT NULL")
    found = known.orderBy(F.col("uncertainty").desc(), chance, "item_key").limit(wanted).toArrow()
    uncertainties = found.column("uncertainty").to_numpy().astype(float)
    keys = found.column("item_key").to_pylist()
    if not queue.is_spread:
        return Candidates(uncertainties), keys, 0
    places, is_known = to_places(found)
    kept = [key for key, has in zip(keys, is_known, strict=True) if has]
    return Candidates(uncertainties[is_known], places), kept, len(keys) - len(kept)


def _take_centres(labelled: DataFrame, queue: QueueConfig) -> NDArray[np.float64] | None:
    """Where labelled items are: all of them, or a sample."""
    from pyspark.sql import functions as F

    chance = F.xxhash64(F.col("item_key"), F.lit(queue.seed))
    found = labelled.orderBy(chance, "item_key").limit(queue.max_candidates).select(PLACE).toArrow()
    return to_places(found)[0] if found.num_rows else None


def _to_rows(
    spark: SparkSession,
    keys: list[str],
    candidates: Candidates,
    chosen: NDArray[np.int64],
    queue: QueueConfig,
    queue_id: str,
) -> DataFrame:
    import pyarrow as pa

    now, num = datetime.now(UTC), len(chosen)
    first = 0 if queue.renew else _next_position(spark, queue.table)
    columns = {
        "item_key": pa.array([keys[place] for place in chosen.tolist()], pa.string()),
        "position": pa.array(range(first, first + num), pa.int64()),
        "uncertainty": pa.array(
            candidates.uncertainties_n[chosen] if queue.uncertainty is not None else [None] * num, pa.float64()
        ),
        "strategy": pa.array([queue.strategy] * num, pa.string()),
        "queue_id": pa.array([queue_id] * num, pa.string()),
        "queued_at": pa.array([now] * num, pa.timestamp("us", tz="UTC")),
    }
    return spark.createDataFrame(pa.table(columns))


def _next_position(spark: SparkSession, name: str) -> int:
    (row,) = spark.sql(f"SELECT max(position) AS last FROM {quote_table(name)}").collect()
    return 0 if row["last"] is None else int(row["last"]) + 1


def _write(spark: SparkSession, queue: QueueConfig, rows: DataFrame) -> int:
    if not queue.renew:
        return insert_new(spark, queue.table, rows, "item_key")
    again_after_races(queue.table, lambda: replace_table(rows, queue.table))
    return int(rows.count())
