"""Images of any source become a Delta table of checked bytes with labels and splits, and stay up to date."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dbx_dl.config import PrepareImagesConfig
from dbx_dl.contracts import PreparedTable, TableStatistics, Target
from dbx_dl.errors import ConfigError
from dbx_dl.prepare.commits import PresentTable, find_present, publish, stay
from dbx_dl.prepare.images.changes import REJECT_IDENTITY, ImageChanges, find_changes, find_unread
from dbx_dl.prepare.images.checks import check_files
from dbx_dl.prepare.images.kind import IMAGES
from dbx_dl.prepare.images.layout import num_read_tasks
from dbx_dl.prepare.images.rows import (
    FutureRows,
    News,
    drop_contents,
    find_news,
    find_repeated,
    future_rows,
    order_for_reading,
    reject_repeated,
    stored_sums,
)
from dbx_dl.prepare.images.sources.formats import find_files
from dbx_dl.prepare.images.sources.user_columns import require_free
from dbx_dl.prepare.images.statistics import count_duplicates
from dbx_dl.prepare.images.survey import require_files, survey_images
from dbx_dl.prepare.images.tables import ImageTable
from dbx_dl.prepare.label_texts import fit_label_text, hide_labels
from dbx_dl.prepare.labels import label_files, pin_labels
from dbx_dl.prepare.outcomes import count_outcome, log_outcome, require_usable
from dbx_dl.prepare.settings import require_same_settings, require_section, split_bounds_of
from dbx_dl.prepare.splits import SplitBounds, fit_split
from dbx_dl.prepare.tables import has_equal_rows, order_labels
from dbx_dl.runtime.kept_rows import kept_on_disk
from dbx_dl.runtime.progress import told_progress
from dbx_dl.runtime.session_settings import file_settings, session_settings
from dbx_dl.runtime.sources import explain_read_errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.config import PrepareFilesSection
    from dbx_dl.contracts import TableVersion
    from dbx_dl.prepare.images.kind import FileKind
    from dbx_dl.prepare.images.sources.found import FoundImages
    from dbx_dl.prepare.images.survey import Survey
    from dbx_dl.prepare.outcomes import Outcome

logger = logging.getLogger(__name__)

KEY_COLUMN = "key"


@dataclass(frozen=True)
class _Update:
    """One prepare under way: what is there, what was found, and how they differ; `labels` are of another table."""

    spark: SparkSession
    config: PrepareFilesSection
    kind: FileKind
    earlier: PresentTable | None
    found: FoundImages
    changes: ImageChanges
    survey: Survey
    bounds: SplitBounds
    labels: TableVersion | None

    @property
    def num_tasks(self) -> int:
        """Tasks that read and check files."""
        return num_read_tasks(self.survey.num_to_read, self.survey.mean_bytes, self.config)

    def describe_progress(self, tasks_done: int, num_tasks: int) -> str:
        """How many files are checked; tasks have about equally many."""
        num_files = self.survey.num_to_read
        return f"checked about {num_files * tasks_done // num_tasks:,} of {num_files:,} {self.kind.noun}s"


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
    require_section(config, PrepareImagesConfig)
    return bring_in(spark, config, lambda: find_files(spark, config.source))


def bring_in(
    spark: SparkSession,
    config: PrepareFilesSection,
    find: Callable[[], FoundImages],
    kind: FileKind = IMAGES,
    *,
    is_whole: bool = True,
) -> PreparedTable:
    """Bring the table up to date with the files of a kind that `find` lists; errors as of `prepare_images`."""
    present = find_present(spark, config.table)
    earlier = None if config.refit else present
    settings = kind.list_settings(config)
    require_same_settings(earlier, settings, config.table)
    logger.info("preparing %ss of %s into table %s", kind.noun, config.source.place, config.table)
    reading = file_settings(spark.version, has_contents=True)
    labels = pin_labels(spark, config.labels)
    with session_settings(spark, reading), explain_read_errors(f"{kind.noun} source {config.source.place}"):
        found = find()
        require_free(found.extra_columns, kind.columns, config.source.place)
        with kept_on_disk(found.listing) as listing:
            found = replace(found, listing=listing)
            if config.labels is not None and labels is not None:
                found = label_files(spark, found, config.labels, labels, config.source.place)
                config = config.model_copy(update={"delete_removed": True})
            found = _read_as_asked(found, config, kind.noun)
            return _update_files(spark, config, kind, earlier, found, settings, labels, is_whole=is_whole)


def _update_files(
    spark: SparkSession,
    config: PrepareFilesSection,
    kind: FileKind,
    earlier: PresentTable | None,
    found: FoundImages,
    settings: dict[str, Any],
    labels: TableVersion | None,
    *,
    is_whole: bool,
) -> PreparedTable:
    """Bring the table up to date with a listing, which is all of the source if `is_whole`, else some new files."""
    listing = found.listing
    unread = find_unread(spark, listing, earlier, found.extra_columns)
    # Of the first prepare the listing itself, which is kept already.
    with kept_on_disk(unread) if earlier else nullcontext(unread) as to_read:
        changes = find_changes(
            spark, listing, to_read, earlier, is_whole=is_whole, delete_removed=config.delete_removed
        )
        with told_progress(spark, lambda done, of: f"listed {done} of {of} parts of {config.source.place}"):
            survey = survey_images(listing, changes, earlier)
        require_files(survey, config, kind.noun, found.task)
        if earlier is not None and survey.is_unchanged(config.delete_removed):
            return stay(earlier)
        bounds = split_bounds_of(earlier) if earlier else _fit_bounds(listing, config)
        update = _Update(spark, config, kind, earlier, found, changes, survey, bounds, labels)
        ordered = order_for_reading(to_read, config, bounds, update.num_tasks)
        checked = check_files(found.read(ordered), kind.make_check(config))
        with kept_on_disk(checked) as rows, kept_on_disk(drop_contents(rows)) as narrow:
            return _commit(update, rows, narrow, settings)


def _read_as_asked(found: FoundImages, config: PrepareFilesSection, noun: str) -> FoundImages:
    """Labels are texts to be written where the config says so; ConfigError where files have not one label each."""
    if config.task is None:
        return found
    if found.task != "multiclass":
        raise ConfigError(
            f"`task: {config.task}` takes {noun}s with one text each: {config.source.place} has labels for {found.task}"
        )
    return replace(found, task=config.task, label_names=None)


def _fit_bounds(listing: DataFrame, config: PrepareFilesSection) -> SplitBounds:
    from pyspark.sql import functions as F

    return fit_split(listing.where("reason IS NULL"), config.split, F.col("key"), F.col("label").cast("string"))


def _commit(update: _Update, rows: DataFrame, narrow: DataFrame, settings: dict[str, Any]) -> PreparedTable:
    """Count the checked `rows`, of which `narrow` lacks the content, and commit what they change."""
    spark, config, kind, earlier, changes = update.spark, update.config, update.kind, update.earlier, update.changes
    with told_progress(spark, update.describe_progress, update.num_tasks):
        repeated = find_repeated(narrow, changes) if config.duplicates == "drop" else None
        judged = reject_repeated(narrow, repeated)
        future = future_rows(changes, judged, kind.measures)
        news = find_news(judged, changes) if earlier else None
        rejects_changed = news is None or _rejects_changed(update, future, news)
        is_leaving = config.delete_removed and update.survey.num_gone > 0
        if earlier is not None and news is not None and not (news.num_new or rejects_changed or is_leaving):
            return stay(earlier)
        every = hide_labels(future.every) if update.found.task == "sequence" else future.every
        outcome = count_outcome(every, KEY_COLUMN, kind.list_sums(config) | stored_sums())
    require_usable(outcome, "files", config.max_reject_fraction, needs_classes=update.found.task == "multiclass")
    log_outcome(outcome, "files")
    target, sentences = _find_target(update, outcome, future)
    statistics = _measure(update, outcome, future, sentences)
    num_stored = outcome.sums["stored_rows"]
    table = ImageTable(
        spark=spark,
        config=config,
        label_names=target.label_names,
        columns=(*kind.columns, *update.found.extra_columns),
        rows=reject_repeated(rows, repeated),
        is_sorted=update.found.keeps_order,
        num_tasks=update.num_tasks,
        num_images=int(num_stored),
        mean_bytes=outcome.sums["stored_bytes"] / max(1.0, num_stored),
    )

    def describe(main: TableVersion, rejects: TableVersion, prepare_id: str) -> PreparedTable:
        return PreparedTable(
            table=main,
            rejects=rejects,
            source=config.source.place,
            key_column=KEY_COLUMN,
            inputs=kind.make_spec(config),
            target=target,
            split_rows=outcome.split_rows,
            class_rows={name: outcome.count_label(name) for name in target.label_names},
            num_rejects=outcome.num_rejects,
            reject_reasons=outcome.reject_reasons,
            prepare_id=prepare_id,
            statistics=statistics,
            labels=update.labels,
        )

    def write() -> None:
        if news is None:
            table.replace()
        else:
            table.merge(future.left, news)

    kept = settings | {"split_bounds": update.bounds}
    # Planning what finds nothing would take longer than all else of writing nothing.
    rejects = future.rejects if outcome.num_rejects else spark.createDataFrame([], future.rejects.schema)
    prepared = publish(spark, config, rejects, describe, write, kept, earlier, rejects_changed=rejects_changed)
    return prepared if earlier is None else table.compact(prepared)


def _rejects_changed(update: _Update, future: FutureRows, news: News) -> bool:
    if not news.num_refused:
        return update.survey.rejects_changed
    before = update.changes.earlier_rejects
    return before is None or not has_equal_rows(future.rejects, before, REJECT_IDENTITY)


def _find_target(update: _Update, outcome: Outcome, future: FutureRows) -> tuple[Target, list[str]]:
    """What is learned, and sentences about what of it is not."""
    if update.found.task != "sequence":
        return _find_labels(update, outcome), []
    known = update.earlier.prepared.target.text if update.earlier else None
    return fit_label_text(future.good.where("split = 'train'"), update.config.label_text, known)


def _find_labels(update: _Update, outcome: Outcome) -> Target:
    """Labels that are known keep their index, in a new table those of the source their order."""
    task, earlier = update.found.task, update.earlier
    if earlier is not None:
        known = earlier.prepared.target.label_names
    else:
        present = set(outcome.label_names)
        known = tuple(name for name in update.found.label_names or () if name in present)
    names = order_labels(outcome.label_names, known) if task != "none" else ()
    is_binary = task == "multiclass" and len(names) == 2
    target = Target(task="binary" if is_binary else task, column="label", label_names=names)
    return update.kind.aim(update.config, target)


def _measure(update: _Update, outcome: Outcome, future: FutureRows, sentences: list[str]) -> TableStatistics:
    config, kind = update.config, update.kind
    num_duplicates = count_duplicates(future.good) if config.duplicates == "report" else 0
    statistics = kind.measure(config, outcome, num_duplicates)
    earlier = update.earlier.prepared if update.earlier else None
    distributions = kind.distribute(config, future.good.where("split = 'train'"), earlier)
    told = {"warnings": (*statistics.warnings, *sentences), "distributions": distributions}
    statistics = statistics.model_copy(update=told)
    for sentence in statistics.warnings:
        logger.warning("%s", sentence)
    return statistics
