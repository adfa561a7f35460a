"""Image files in class folders become a Delta table of checked bytes with labels and splits."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dbx_dl.contracts import ImageSpec, PreparedTable, Target
from dbx_dl.errors import DataError
from dbx_dl.prepare.image_checks import check_files
from dbx_dl.prepare.outcomes import DETAIL, REASON, count_outcome, log_outcome, require_classes, require_usable
from dbx_dl.prepare.splits import assign_split
from dbx_dl.prepare.tables import (
    index_labels,
    kept_on_disk,
    rejects_name,
    require_writable,
    write_prepared,
    write_rejects,
)
from dbx_dl.runtime.session_settings import FILE_SETTINGS, batch_settings, session_settings
from dbx_dl.runtime.sources import explain_read_errors, read_image_files

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from dbx_dl.config import PrepareImagesConfig
    from dbx_dl.contracts import TableVersion
    from dbx_dl.prepare.outcomes import Outcome

logger = logging.getLogger(__name__)

KEY_COLUMN = "path"
COLUMNS = (
    "path",
    "content",
    "label",
    "label_index",
    "height",
    "width",
    "channels",
    "format",
    "size_bytes",
    "sha256",
    "split",
)


@dataclass(frozen=True)
class Survey:
    """What a listing of the source tells before any file is read."""

    num_files: int
    total_bytes: int
    max_bytes: int


def prepare_images(spark: SparkSession, config: PrepareImagesConfig) -> PreparedTable:
    """Check every image file below `config.source` and write the usable ones, pinned, to `config.table`.

    A file's key is its path relative to the source, its label the first folder of that path, its split a hash of the
    key. Bytes are stored as they are; `ImageSpec` says how to decode them. Unusable files go to `<table>_rejects`
    with a reason (`UndecodableImageError` lists the codes; `no_label` for files in no class folder): good plus
    rejected are all the files found. DataError, with the table as it was, when the source is missing or empty,
    nothing is usable, one class is left, the train split is empty or too much was rejected.
    """
    require_writable(spark, config.table)
    logger.info("preparing images of %s into table %s", config.source.place, config.table)
    what = f"image folder {config.source.place}"
    with session_settings(spark, FILE_SETTINGS), explain_read_errors(what):
        files = read_image_files(spark, config.source.place)
        survey = _survey_files(files, config.source.place)
        checked = check_files(files, config.max_pixels, config.min_side)
        labelled = checked.withColumns({"label": _label_of_path(), "split": assign_split(_path(), config.split)})
        settings = batch_settings(survey.total_bytes / survey.num_files, survey.max_bytes)
        with session_settings(spark, settings), kept_on_disk(labelled) as rows:
            outcome = count_outcome(rows, KEY_COLUMN)
            require_usable(outcome, "files", config.max_reject_fraction)
            log_outcome(outcome, "files")
            rejects, table = _write_tables(rows, outcome, config.table, survey.total_bytes)
    return _describe(config, table, rejects, outcome)


def _survey_files(files: DataFrame, source: str) -> Survey:
    """Count, sizes and class folders, from the listing alone."""
    from pyspark.sql import functions as F

    label = F.when(_path().contains("/"), _label_of_path())
    found = files.agg(
        F.count("*").alias("files"),
        F.count("path").alias("paths"),
        F.sum("size_bytes").alias("total"),
        F.max("size_bytes").alias("largest"),
        F.size(F.collect_set(label)).alias("labels"),
        F.min(label).alias("label"),
    ).collect()[0]
    if found["files"] == 0:
        raise DataError(f"image folder {source} holds no files: give a folder with one folder of images per class")
    if found["paths"] == 0:
        raise DataError(f"image source {source} is a file: give a folder with one folder of images per class")
    if found["labels"] == 0:
        raise DataError(f"no file of {source} lies in a class folder: put images at {source}/<label>/<file>")
    if found["labels"] == 1:
        require_classes((found["label"],), f"files of {source} that lie in a class folder")
    megabytes = found["total"] / 1e6
    logger.info("found %d files (%.1f MB) in %d class folders", found["files"], megabytes, found["labels"])
    return Survey(found["files"], found["total"], found["largest"])


def _write_tables(rows: DataFrame, outcome: Outcome, name: str, size_bytes: int) -> tuple[TableVersion, TableVersion]:
    from pyspark.sql import functions as F

    is_reject = F.col(REASON).isNotNull()
    rejected = rows.where(is_reject).select(
        "path", F.col(REASON).alias("reason"), F.col(DETAIL).alias("detail"), "size_bytes"
    )
    rejects = write_rejects(rejected, rejects_name(name))
    good = index_labels(rows.where(~is_reject), outcome.label_names).select(*COLUMNS)
    return rejects, write_prepared(good, name, KEY_COLUMN, size_bytes)


def _describe(
    config: PrepareImagesConfig, table: TableVersion, rejects: TableVersion, outcome: Outcome
) -> PreparedTable:
    return PreparedTable(
        table=table,
        rejects=rejects,
        source=config.source.place,
        key_column=KEY_COLUMN,
        inputs=ImageSpec(
            height=config.height,
            width=config.width,
            channels=config.channels,
            max_pixels=config.max_pixels,
            min_side=config.min_side,
        ),
        target=Target(column="label", label_names=outcome.label_names),
        split_rows=outcome.split_rows,
        class_rows={name: outcome.class_rows[name] for name in outcome.label_names},
        num_rejects=outcome.num_rejects,
        reject_reasons=outcome.reject_reasons,
    )


def _path() -> Column:
    from pyspark.sql import functions as F

    return F.col("path")


def _label_of_path() -> Column:
    from pyspark.sql import functions as F

    return F.substring_index(_path(), "/", 1)
