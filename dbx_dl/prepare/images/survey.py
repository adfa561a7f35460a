"""What listings tell before any image is read: how much there is, and how much of it is new."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.errors import DataError
from dbx_dl.prepare.images.changes import REJECT_IDENTITY
from dbx_dl.prepare.outcomes import require_classes
from dbx_dl.prepare.tables import has_equal_rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row

    from dbx_dl.config import PrepareFilesSection
    from dbx_dl.prepare.commits import PresentTable
    from dbx_dl.prepare.images.changes import ImageChanges

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Survey:
    """Counts of a listing; `num_to_read` images of `bytes_to_read` are new or changed, `num_gone` only in the table.

    Sizes that are unknown before reading count as 0. `label` is an example of the `num_labels` found, 2 meaning more
    than one. `rejects_changed`: by what is known before anything is read.
    """

    num_found: int
    num_labelled: int
    num_labels: int
    label: str | None
    num_to_read: int
    bytes_to_read: int
    num_gone: int
    rejects_changed: bool

    def is_unchanged(self, delete_removed: bool) -> bool:
        """Whether the table is up to date already."""
        return not (self.num_to_read or self.rejects_changed or (delete_removed and self.num_gone))

    @property
    def mean_bytes(self) -> float:
        """Mean size of an image that is read; 0 where sizes are unknown."""
        return self.bytes_to_read / max(1, self.num_to_read)


def survey_images(listing: DataFrame, changes: ImageChanges, earlier: PresentTable | None) -> Survey:
    """Count what was found and what has to be done about it."""
    found = _count_listing(listing)
    images, size_bytes, gone = found["readable"], found["bytes"] or 0, 0
    if changes.gone is not None:
        images, size_bytes, gone = _count_changes(changes.to_read, changes.gone)
    survey = Survey(
        num_found=found["found"],
        num_labelled=found["labelled"],
        num_labels=0 if not found["labelled"] else 1 + (found["first"] != found["last"]),
        label=found["first"],
        num_to_read=images,
        bytes_to_read=size_bytes,
        num_gone=gone,
        rejects_changed=_rejects_changed(changes, earlier, found["found"] - found["readable"]),
    )
    _log(survey, earlier)
    return survey


def require_files(survey: Survey, config: PrepareFilesSection, noun: str, task: str) -> None:
    """DataError when nothing was found, or labels are asked for and there are none, or only one."""
    place = config.source.place
    if survey.num_found == 0:
        raise DataError(f"{noun} source {place} holds no files: give a folder with one folder of {noun}s per class")
    if task not in ("multiclass", "sequence"):
        return
    if survey.num_labelled == 0:
        raise DataError(
            f"no {noun} of {place} has a label: put {noun}s at <label>/<file> below it, or set `source.label`"
        )
    if survey.num_labels == 1 and task == "multiclass":
        require_classes((str(survey.label),), f"labelled {noun}s of {place}")


def _count_listing(listing: DataFrame) -> Row:
    from pyspark.sql import functions as F

    label, is_readable = F.col("label").cast("string"), F.col("reason").isNull()
    return listing.agg(
        F.count("*").alias("found"),
        F.count(label).alias("labelled"),
        F.min(label).alias("first"),
        F.max(label).alias("last"),
        F.count_if(is_readable).alias("readable"),
        F.sum(F.when(is_readable, F.col("size_bytes"))).alias("bytes"),
    ).collect()[0]


def _count_changes(to_read: DataFrame, gone: DataFrame) -> tuple[int, int, int]:
    """How many images have to be read, their bytes, and how many are gone; asked at once, each plan costs time."""
    from pyspark.sql import functions as F

    sizes = F.coalesce(F.sum("size_bytes"), F.lit(0))
    counts = to_read.agg(F.count("*").alias("images"), sizes.alias("bytes"))
    found = counts.crossJoin(gone.agg(F.count("*").alias("gone"))).collect()[0]
    return found["images"], found["bytes"], found["gone"]


def _rejects_changed(changes: ImageChanges, earlier: PresentTable | None, num_refused: int) -> bool:
    if earlier is None or changes.kept_rejects is None or changes.earlier_rejects is None:
        return True
    if not (num_refused or earlier.prepared.num_rejects):
        return False
    now = changes.listed_rejects.unionByName(changes.kept_rejects)
    return not has_equal_rows(now, changes.earlier_rejects, REJECT_IDENTITY)


def _log(survey: Survey, earlier: PresentTable | None) -> None:
    megabytes = survey.bytes_to_read / 1e6
    if earlier is None:
        logger.info("found %d files (%.1f MB)", survey.num_found, megabytes)
        return
    logger.info(
        "found %d files: %d new or changed (%.1f MB), %d of the table's are gone",
        survey.num_found,
        survey.num_to_read,
        megabytes,
        survey.num_gone,
    )
