"""Images and recordings of a window that are least like those of the train split, beside typical ones of these."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.contracts import FileSpec
from dbx_dl.errors import DbxDlError
from dbx_dl.monitor.run_report.pictures import show_file
from dbx_dl.monitor.scored_rows import WINDOW
from dbx_dl.runtime.tables import quote_column, read_pinned
from dbx_dl.transforms.image_measures import measure_pixels
from dbx_dl.transforms.pictures import draw_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.contracts import PreparedTable
    from dbx_dl.monitor.windows import Look

logger = logging.getLogger(__name__)

# So many of either side are drawn, and so many of these are shown.
NUM_DRAWN, NUM_SHOWN = 64, 12
# They are drawn by a hash of the key; of more rows than this the first that come, so that not all files are read again.
MAX_HASHED = 20_000
MEASURES = ("brightness", "contrast", "sharpness")
# In the units of `ImageMeasures`: what varies less is taken to vary by so much.
_LEAST_DEVIATION = (0.25, 0.25, 1.0)


@dataclass(frozen=True)
class ShownFile:
    """A file as a picture (data URI), with what is told of it."""

    key: str
    picture: str
    remark: str


@dataclass(frozen=True)
class ShownFiles:
    """Files of a window, the least like the train split first, and typical ones of the train split."""

    window: str
    unlike: tuple[ShownFile, ...]
    typical: tuple[ShownFile, ...]


def show_files(
    spark: SparkSession, look: Look, prepared: PreparedTable, num_rows: Mapping[str, float]
) -> ShownFiles | None:
    """Files of the look's last window that has some; None for other inputs, or where nothing can be shown.

    `num_rows` are those of each window.
    """
    spec = prepared.inputs
    if not isinstance(spec, FileSpec) or spec.column not in look.rows.columns:
        return None
    try:
        train = read_pinned(spark, prepared.table).where("split = 'train'")
        baseline = _draw_sample(train, prepared.split_rows.get("train", 0), prepared.key_column, spec)
    except DbxDlError as error:
        logger.warning("files of the train split cannot be shown: %s", error)
        return None
    for window in reversed(look.windows):
        rows = look.rows.where(look.rows[WINDOW] == window.name)
        sample = _draw_sample(rows, num_rows.get(window.name, 0), "key", spec)
        if sample and len(baseline) > 1:
            return compare_files(window.name, sample, baseline, spec)
    return None


def _draw_sample(rows: DataFrame, num_rows: float, key: str, spec: FileSpec) -> dict[str, bytes]:
    """Contents of some readable files by key."""
    from pyspark.sql import functions as F

    content, name = F.col(quote_column(spec.column)), F.col(quote_column(key)).cast("string")
    chosen = rows.where(content.isNotNull()).select(name.alias("key"), content.alias("content"))
    ordered = chosen.orderBy(F.xxhash64("key"), "key") if num_rows <= MAX_HASHED else chosen
    drawn = ordered.limit(NUM_DRAWN).collect()
    return {row["key"]: bytes(row["content"]) for row in drawn if _is_readable(bytes(row["content"]), spec)}


def _is_readable(content: bytes, spec: FileSpec) -> bool:
    try:
        draw_file(content, spec)
    except DbxDlError:
        return False
    return True


def compare_files(window: str, sample: dict[str, bytes], baseline: dict[str, bytes], spec: FileSpec) -> ShownFiles:
    """Both sides by their distance from the baseline's mean, in its deviations, in the measure that is furthest off."""
    import numpy as np

    own, other = (
        np.array([measure_pixels(draw_file(content, spec)) for content in each.values()]) for each in (sample, baseline)
    )
    mean, deviation = other.mean(axis=0), np.maximum(other.std(axis=0), _LEAST_DEVIATION)
    distances, others = (own - mean) / deviation, (other - mean) / deviation
    unlike = np.argsort(-np.abs(distances).max(axis=1), kind="stable")[:NUM_SHOWN]
    typical = np.argsort(np.abs(others).max(axis=1), kind="stable")[:NUM_SHOWN]
    return ShownFiles(
        window,
        _show(sample, unlike.tolist(), distances, spec),
        _show(baseline, typical.tolist(), None, spec),
    )


def _show(
    files: dict[str, bytes], order: Sequence[int], distances: NDArray[np.float64] | None, spec: FileSpec
) -> tuple[ShownFile, ...]:
    keys = list(files)
    remarks = ["" if distances is None else _tell(distances[place]) for place in order]
    return tuple(
        ShownFile(keys[place], show_file(files[keys[place]], spec), remark)
        for place, remark in zip(order, remarks, strict=True)
    )


def _tell(distances: NDArray[np.float64]) -> str:
    """The measure that is furthest off."""
    import numpy as np

    place = int(np.argmax(np.abs(distances)))
    return f"{MEASURES[place]} {distances[place]:+.1f} sd"
