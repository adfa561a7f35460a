"""A picture of what prepare made: some files of every class as the model sees them, and what was rejected."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.contracts import FileSpec
from dbx_dl.figures import class_samples, encode_png
from dbx_dl.runtime.tables import read_pinned
from dbx_dl.runtime.whole_files import write_whole
from dbx_dl.transforms.pictures import draw_file

if TYPE_CHECKING:
    import numpy as np
    from pyspark.sql import SparkSession

    from dbx_dl.contracts import PreparedTable

logger = logging.getLogger(__name__)

MAX_CLASSES, NUM_PER_CLASS, MAX_REJECTS = 12, 8, 12
_UNLABELLED = "(no label)"


def draw_file_samples(spark: SparkSession, prepared: PreparedTable, path: str | os.PathLike[str]) -> Path:
    """Write a PNG with files of the first classes, the same ones every time, and the first rejects by key."""
    figure = class_samples(_decode_samples(spark, prepared), _list_rejects(spark, prepared))
    target = Path(path).absolute()
    with write_whole(target) as partial:
        partial.write_bytes(encode_png(figure))
    logger.info("samples: %s", target)
    return target


def _decode_samples(spark: SparkSession, prepared: PreparedTable) -> dict[str, list[np.ndarray]]:
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    spec = prepared.inputs
    if not isinstance(spec, FileSpec):
        raise TypeError("samples are drawn of tables of files")
    rows = read_pinned(spark, prepared.table)
    label = (
        F.concat_ws(", ", "label")
        if prepared.target.task in ("multilabel", "boxes", "segmentation")
        else F.col("label")
    )
    named = rows.select("key", "sha256", F.coalesce(label, F.lit(_UNLABELLED)).alias("label"))
    names = [
        row["label"]
        for row in named.groupBy("label").count().orderBy(F.desc("count"), "label").limit(MAX_CLASSES).collect()
    ]
    place = F.row_number().over(Window.partitionBy("label").orderBy("sha256", "key"))
    chosen = named.where(F.col("label").isin(names)).withColumn("place", place).where(F.col("place") <= NUM_PER_CLASS)
    contents = rows.select("key", "content").join(F.broadcast(chosen.select("key", "label", "place")), "key")
    samples: dict[str, list[np.ndarray]] = {name: [] for name in sorted(names)}
    for row in sorted(contents.collect(), key=lambda row: int(row["place"])):
        samples[row["label"]].append(draw_file(bytes(row["content"]), spec))
    return samples


def _list_rejects(spark: SparkSession, prepared: PreparedTable) -> list[tuple[str, str]]:
    if prepared.rejects is None or not prepared.num_rejects:
        return []
    rows = read_pinned(spark, prepared.rejects).select("path", "reason").orderBy("path").limit(MAX_REJECTS).collect()
    return [(str(row["path"]), str(row["reason"])) for row in rows]
