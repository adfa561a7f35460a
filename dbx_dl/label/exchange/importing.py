"""A file of labels into the labels table: all of it or nothing."""

from __future__ import annotations

import hashlib
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dbx_dl.contracts import LabelEvent, WrittenLabels
from dbx_dl.errors import DataError
from dbx_dl.label.clashes import find_clashes
from dbx_dl.label.exchange.reading import READERS
from dbx_dl.label.exchange.rows import ImportDefaults
from dbx_dl.label.rules import LabelRules
from dbx_dl.label.table import append_labels, read_events
from dbx_dl.runtime.databricks import mount_path
from dbx_dl.runtime.tables import has_table, pin_table, quote_column, read_pinned, require_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import SparkSession

    from dbx_dl.config.label import LabelConfig

logger = logging.getLogger(__name__)

FileFormat = Literal["csv", "json", "coco"]
_SUFFIXES: dict[str, FileFormat] = {".csv": "csv", ".jsonl": "json", ".ndjson": "json", ".json": "coco"}
_NUM_EXAMPLES = 3


def import_labels(
    spark: SparkSession,
    config: LabelConfig,
    path: str,
    *,
    file_format: FileFormat | None = None,
    annotator: str | None = None,
    batch_id: str | None = None,
    labelled_at: datetime | None = None,
) -> WrittenLabels:
    """Read a CSV, JSON-lines or COCO file on this machine into the labels table, in one commit; see `exchange.reading`.

    The format is that of the file's ending where none is given (`.json` is COCO, `.jsonl` JSON lines). Rows that do not
    say who labelled them, and when, get `annotator` and `labelled_at` (now). Rows without a `label_id` get one that
    follows from what they say and from the batch, which is the file's own: the same file twice adds nothing. Labels of
    keys that `config.items` lacks are written and told. Labels that are in the table and were withdrawn stay withdrawn,
    and are told. DataError, with all bad rows counted and the first ones told, and nothing written, when a row is no
    label of this project or has the `label_id` of another label in the table, or `config.items` cannot be read.
    """
    what, kind = f"label file {path}", choose_format(path, file_format)
    text, digest = _read(path, what)
    defaults = ImportDefaults(
        task=config.task,
        annotator=annotator,
        labelled_at=labelled_at or datetime.now(UTC),
        batch_id=batch_id or f"import-{digest[:12]}",
    )
    found = READERS[kind](text, what, defaults, LabelRules.of(config))
    found.require_sound(what)
    if not found.events:
        raise DataError(f"{what} has no label")
    # Before anything is written: items that cannot be read must not make a failure of what succeeded.
    problems = (*found.losses, *_find_unknown(spark, config, found.events))
    _require_own_ids(spark, config, found.events, what)
    withdrawn = _find_withdrawn(spark, config, found.events, defaults.batch_id)
    written = append_labels(spark, config.table, found.events)
    problems = (*problems, *withdrawn)
    for problem in problems:
        logger.warning("%s", problem)
    logger.info("imported %d labels of %s as batch %s", written.num_new, path, defaults.batch_id)
    return written.model_copy(update={"problems": problems})


def choose_format(path: str, file_format: FileFormat | None) -> FileFormat:
    """The format that is given, or else the one of the file's ending; DataError for one that there is not."""
    if file_format is not None and file_format not in READERS:
        raise DataError(f"label file {path}: there is no format {file_format!r}; name one of {', '.join(READERS)}")
    return file_format or guess_format(path)


def guess_format(path: str) -> FileFormat:
    """The format that a file's ending stands for; DataError where it stands for none."""
    found = _SUFFIXES.get(Path(path).suffix.lower())
    if found is None:
        raise DataError(f"label file {path}: its ending says no format; name one of {', '.join(READERS)}")
    return found


def _read(path: str, what: str) -> tuple[str, str]:
    try:
        content = Path(mount_path(path)).read_bytes()
    except FileNotFoundError:
        raise DataError(f"{what} does not exist") from None
    except OSError as error:
        raise DataError(f"{what} cannot be read: {error.strerror}") from None
    try:
        return content.decode("utf-8-sig"), hashlib.sha256(content).hexdigest()
    except UnicodeDecodeError as error:
        raise DataError(f"{what} is not UTF-8 at byte {error.start}") from None


def _require_own_ids(spark: SparkSession, config: LabelConfig, events: Sequence[LabelEvent], what: str) -> None:
    """DataError where a label has the id of another one in the table, beside which it would be lost."""
    if not has_table(spark, config.table):
        return
    clashes = find_clashes(spark, config.table, events)
    if clashes:
        raise DataError(
            f"{what}: {len(clashes)} of {len(events)} labels are others than those of their `label_id` in the table, "
            f"nothing is imported: {'; '.join(clashes[:_NUM_EXAMPLES])}; leave `label_id` empty where a label was "
            "changed, since labels are added and never changed"
        )


def _find_withdrawn(
    spark: SparkSession, config: LabelConfig, events: Sequence[LabelEvent], batch_id: str
) -> tuple[str, ...]:
    """A sentence about labels that are in the table already and do not count any more."""
    if not has_table(spark, config.table):
        return ()
    withdrawn = read_events(spark, config.table).where("withdraws IS NOT NULL").selectExpr("withdraws AS label_id")
    given = [(event.label_id,) for event in events if event.withdraws is None]
    ids = spark.createDataFrame(given, "label_id string")
    num_withdrawn = ids.join(withdrawn.distinct(), "label_id", "left_semi").count()
    if not num_withdrawn:
        return ()
    return (
        f"{num_withdrawn} of {len(events)} labels were withdrawn and stay so: to give them again, import them as "
        f"another batch than {batch_id!r} (--batch), without label_id",
    )


def _find_unknown(spark: SparkSession, config: LabelConfig, events: Sequence[LabelEvent]) -> tuple[str, ...]:
    """A sentence about labels whose keys are none of the items', where these are known."""
    from pyspark.sql import functions as F

    if config.items is None:
        return ()
    items = read_pinned(spark, pin_table(spark, config.items))
    require_columns(items, [config.items_key], f"items {config.items}")
    known = items.select(F.col(quote_column(config.items_key)).cast("string").alias("item_key"))
    keys = spark.createDataFrame([(key,) for key in sorted({event.item_key for event in events})], "item_key string")
    unknown = sorted(row["item_key"] for row in keys.join(known, "item_key", "left_anti").collect())
    if not unknown:
        return ()
    shown = ", ".join(repr(key) for key in unknown[:_NUM_EXAMPLES])
    return (f"{len(unknown)} of {keys.count()} keys are of no item of {config.items}: {shown}",)
