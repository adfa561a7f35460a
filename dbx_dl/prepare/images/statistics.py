"""What training needs to know of an image table's pixels and classes, from narrow columns alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dbx_dl.contracts import TableStatistics
from dbx_dl.prepare.class_weights import weigh_classes

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from dbx_dl.prepare.outcomes import Outcome


def pixel_sums(channels: int) -> dict[str, Column]:
    """What has to be summed over rows for `measure_images`: per channel an image's mean, and its mean square."""
    from pyspark.sql import functions as F

    sums: dict[str, Column] = {}
    for channel in range(channels):
        mean, deviation = F.col("pixel_means")[channel], F.col("pixel_deviations")[channel]
        sums |= {f"mean_{channel}": mean, f"square_{channel}": mean * mean + deviation * deviation}
    return sums


def measure_images(outcome: Outcome, channels: int, num_duplicates: int) -> TableStatistics:
    """Statistics from an outcome with `pixel_sums`; means and deviations are over all pixels of the train split."""
    num_rows = max(1, outcome.split_rows["train"])
    means = [outcome.train_sums[f"mean_{channel}"] / num_rows for channel in range(channels)]
    squares = [outcome.train_sums[f"square_{channel}"] / num_rows for channel in range(channels)]
    repeated = f"{num_duplicates} images have the bytes of another one: `duplicates: drop` leaves them out"
    return TableStatistics(
        class_rows=outcome.class_rows,
        class_weights=weigh_classes(outcome.class_rows["train"]),
        channel_means=tuple(means),
        channel_deviations=tuple(math.sqrt(max(0.0, s - m * m)) for s, m in zip(squares, means, strict=True)),
        num_duplicates=num_duplicates,
        warnings=(repeated,) if num_duplicates else (),
    )


def count_duplicates(good: DataFrame) -> int:
    """Good rows (with the column sha256) whose bytes an earlier one has."""
    from pyspark.sql import functions as F

    found = good.agg(F.count("sha256").alias("files"), F.count_distinct("sha256").alias("contents")).collect()[0]
    return int(found["files"] - found["contents"])
