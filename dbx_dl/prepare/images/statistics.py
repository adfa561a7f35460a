"""What training needs to know of an image table's pixels and classes, from narrow columns alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dbx_dl.contracts import TableStatistics
from dbx_dl.prepare.class_weights import weigh_classes

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from dbx_dl.prepare.outcomes import Outcome


def measure_images(good: DataFrame, outcome: Outcome, channels: int) -> TableStatistics:
    """Statistics of good rows with the columns split, sha256, pixel_means and pixel_deviations.

    Means and deviations are over all pixels of the train split; every image has as many.
    """
    from pyspark.sql import functions as F

    aggregates = [F.count("sha256").alias("files"), F.count_distinct("sha256").alias("contents")]
    is_train = F.col("split") == "train"
    for channel in range(channels):
        mean, deviation = F.col("pixel_means")[channel], F.col("pixel_deviations")[channel]
        aggregates.append(F.avg(F.when(is_train, mean)).alias(f"mean_{channel}"))
        aggregates.append(F.avg(F.when(is_train, mean * mean + deviation * deviation)).alias(f"square_{channel}"))
    found = good.agg(*aggregates).collect()[0]
    means = tuple(float(found[f"mean_{channel}"] or 0.0) for channel in range(channels))
    squares = [float(found[f"square_{channel}"] or 0.0) for channel in range(channels)]
    num_duplicates = found["files"] - found["contents"]
    return TableStatistics(
        class_rows=outcome.class_rows,
        class_weights=weigh_classes(outcome.class_rows["train"]),
        channel_means=means,
        channel_deviations=tuple(math.sqrt(max(0.0, s - m * m)) for s, m in zip(squares, means, strict=True)),
        num_duplicates=num_duplicates,
    )
