"""Images of any source become a Delta table of checked bytes with labels and splits, and stay up to date."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbx_dl.contracts import ImageSpec, PreparedTable, Target
from dbx_dl.prepare.commits import PresentTable, find_present, publish, stay
from dbx_dl.prepare.images.changes import ImageChanges, find_changes
from dbx_dl.prepare.images.checks import CheckSettings, check_images
from dbx_dl.prepare.images.rows import future_rows, has_news, judge_duplicates, order_for_reading
from dbx_dl.prepare.images.sources.formats import find_images
from dbx_dl.prepare.images.statistics import count_duplicates, measure_images, pixel_sums
from dbx_dl.prepare.images.survey import require_images, survey_images
from dbx_dl.prepare.images.tables import ImageTable
from dbx_dl.prepare.outcomes import count_outcome, log_outcome, require_usable
from dbx_dl.prepare.settings import require_same_settings
from dbx_dl.prepare.splits import SplitBounds, fit_split
from dbx_dl.prepare.tables import kept_on_disk, order_labels
from dbx_dl.runtime.session_settings import FILE_SETTINGS, session_settings
from dbx_dl.runtime.sources import explain_read_errors

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.config import PrepareImagesConfig
    from dbx_dl.contracts import TableVersion
    from dbx_dl.prepare.images.sources.found import FoundImages
    from dbx_dl.prepare.images.survey import Survey

logger = logging.getLogger(__name__)

KEY_COLUMN = "key"


@dataclass(frozen=True)
class _Update:
    """One prepare under way: what is there, what was found, and how they differ."""

    config: PrepareImagesConfig
    earlier: PresentTable | None
    found: FoundImages
    changes: ImageChanges
    survey: Survey
    bounds: SplitBounds


def prepare_images(spark: SparkSession, config: PrepareImagesConfig) -> PreparedTable:
    """Check every image of `config.source` and bring the table `config.table` up to date with the usable ones.

    Columns: key, path, content (the bytes as they came, or resized and encoded again), label, label_index, height,
    width (upright), channels (of the file), format, size_bytes, sha256 (of the source's bytes), split, modified_at,
    prepared_at, pixel_means and pixel_deviations (per channel of the model's pixels), and the source's own columns.
    Unusable images go to `<table>_rejects` with a reason (`UndecodableImageError` and `sources` list the codes):
    good plus rejected are all the images found.

    On a table that an earlier prepare wrote, only new and changed images are read; rows keep their split, labels their
    index, and where nothing changed nothing is committed. `config.refit` starts anew. DataError, with the table as it
    was, when the source is missing or empty, nothing is usable, one class is left, the train split is empty, too much
    was rejected, or the settings differ from the earlier ones.
    """
    present = find_present(spark, config.table)
    earlier = None if config.refit else present
    settings = settings_of(config)
    require_same_settings(earlier, settings, config.table)
    logger.info("preparing images of %s into table %s", config.source.place, config.table)
    with session_settings(spark, FILE_SETTINGS), explain_read_errors(f"image source {config.source.place}"):
        found = find_images(spark, config.source)
        with kept_on_disk(found.listing) as listing:
            return update_images(spark, config, earlier, found, listing, settings)


def update_images(
    spark: SparkSession,
    config: PrepareImagesConfig,
    earlier: PresentTable | None,
    found: FoundImages,
    listing: DataFrame,
    settings: dict[str, Any],
    *,
    is_whole: bool = True,
) -> PreparedTable:
    """Bring the table up to date with a listing, which is all of the source if `is_whole`, else some new images."""
    changes = find_changes(
        spark, listing, earlier, found.extra_columns, is_whole=is_whole, delete_removed=config.delete_removed
    )
    survey = survey_images(listing, changes, earlier)
    require_images(survey, config, found.task)
    if earlier is not None and survey.is_unchanged(config.delete_removed):
        return stay(earlier)
    bounds = _split_bounds(listing, config, earlier)
    update = _Update(config, earlier, found, changes, survey, bounds)
    ordered = order_for_reading(changes.to_read, config, bounds, survey)
    checked = check_images(found.read(ordered), check_settings(config))
    with kept_on_disk(checked) as rows:
        return _commit(spark, update, judge_duplicates(rows, changes, config.duplicates), settings)


def check_settings(config: PrepareImagesConfig) -> CheckSettings:
    """What the checks need of the config."""
    resize = None if config.resize == "none" else config.resize
    encoding = config.encoding or ("png" if resize else "original")
    return CheckSettings(
        spec=image_spec(config),
        max_file_bytes=config.max_file_bytes,
        resize=resize,
        encoding=None if encoding == "original" else encoding,
    )


def image_spec(config: PrepareImagesConfig) -> ImageSpec:
    """How a model reads the stored bytes; an image that was fitted is padded."""
    resize = {"none": "fill", "fit": "pad"}.get(config.resize, config.resize)
    return ImageSpec.model_validate(
        {
            "height": config.height,
            "width": config.width,
            "channels": config.channels,
            "resize": resize,
            "max_pixels": config.max_pixels,
            "min_side": config.min_side,
        }
    )


def settings_of(config: PrepareImagesConfig) -> dict[str, Any]:
    """What has to stay the same from one prepare of a table to the next."""
    names = {"height", "width", "channels", "resize", "encoding", "min_side", "max_pixels", "max_file_bytes", "split"}
    return {"kind": "images", **config.model_dump(mode="json", include=names)}


def _split_bounds(listing: DataFrame, config: PrepareImagesConfig, earlier: PresentTable | None) -> SplitBounds:
    from pyspark.sql import functions as F

    if earlier is not None:
        return {name: (float(a), float(b)) for name, (a, b) in earlier.settings["split_bounds"].items()}
    return fit_split(listing.where("reason IS NULL"), config.split, F.col("key"), F.col("label").cast("string"))


def _commit(spark: SparkSession, update: _Update, rows: DataFrame, settings: dict[str, Any]) -> PreparedTable:
    config, earlier, is_labelled = update.config, update.earlier, update.found.task != "none"
    is_leaving = config.delete_removed and update.survey.num_gone > 0
    if earlier is not None and not is_leaving and not has_news(rows, update.changes):
        return stay(earlier)
    future = future_rows(update.changes, rows)
    outcome = count_outcome(future.every, KEY_COLUMN, pixel_sums(config.channels))
    require_usable(outcome, "files", config.max_reject_fraction, needs_classes=update.found.task == "multiclass")
    log_outcome(outcome, "files")
    known = earlier.prepared.target.label_names if earlier else (update.found.label_names or ())
    present = set(outcome.label_names)
    names = order_labels(outcome.label_names, known if earlier else [name for name in known if name in present])
    table = ImageTable(spark, config, names if is_labelled else (), update.survey, update.found.extra_columns)
    num_duplicates = count_duplicates(future.good) if config.duplicates == "report" else 0
    statistics = measure_images(outcome, config.channels, num_duplicates)
    for sentence in statistics.warnings:
        logger.warning("%s", sentence)

    def describe(main: TableVersion, rejects: TableVersion, prepare_id: str) -> PreparedTable:
        return PreparedTable(
            table=main,
            rejects=rejects,
            source=config.source.place,
            key_column=KEY_COLUMN,
            inputs=image_spec(config),
            target=Target(task=_task(update.found.task, names), column="label", label_names=table.label_names),
            split_rows=outcome.split_rows,
            class_rows={name: outcome.count_label(name) for name in table.label_names},
            num_rejects=outcome.num_rejects,
            reject_reasons=outcome.reject_reasons,
            prepare_id=prepare_id,
            statistics=statistics,
        )

    def write() -> None:
        if earlier is None:
            table.replace(rows)
        else:
            table.merge(rows, future.left)

    kept = settings | {"split_bounds": update.bounds}
    prepared = publish(spark, config.table, future.rejects, describe, write, kept, earlier)
    return prepared if earlier is None else table.compact(prepared)


def _task(task: str, names: tuple[str, ...]) -> Any:
    return "binary" if task == "multiclass" and len(names) == 2 else task
