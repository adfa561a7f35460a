"""Images as files below a folder, labelled by a folder's name, by a pattern, or not at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from dbx_dl.prepare.images.sources.contents import make_remote_reader
from dbx_dl.prepare.images.sources.found import LISTING_COLUMNS, FoundImages, ImageTask, leave_on_disk, listing_schema
from dbx_dl.prepare.images.sources.python_columns import call_python
from dbx_dl.runtime.local_files import ListBatches, describe_place, local_path, make_lister, spread_folders
from dbx_dl.runtime.sources import name_files, read_binary_files

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from dbx_dl.config import FolderSource

_SEEN = "struct<size_bytes long, micros long, reason string, detail string>"
GetLabel = Callable[[str], str | None]


def find_in_folders(spark: SparkSession, source: FolderSource) -> FoundImages:
    """Every file below the folder, keyed by its relative path; a file whose label is not found is `no_label`.

    On a local path (DBFS's and volumes' too) executors list the files and later open them themselves; elsewhere Spark
    does both. DataError when the folder does not exist.
    """
    root, task = local_path(source.path), choose_task(source)
    if root is None:
        files = read_binary_files(spark, source.path)
        return _list_remote(spark, source, files)
    listing = spread_folders(spark, root).mapInArrow(make_labeller(source, make_lister(root)), listing_schema(task))
    return FoundImages(listing, (), task, None, leave_on_disk)


def list_file_rows(spark: SparkSession, source: FolderSource, files: DataFrame) -> FoundImages:
    """Only these files of the folder, given as rows of Spark's `binaryFile` reader or stream, whose bytes stay unread.

    Sizes and times are those that `find_in_folders` gives.
    """
    from pyspark.sql import functions as F

    root, task = local_path(source.path), choose_task(source)
    named = name_files(files, source.path)
    if root is None:
        return _list_remote(spark, source, named)
    placed = named.select("path", F.concat(F.lit(root.rstrip("/") + "/"), "path").alias("location"))
    seen = placed.withColumn("_seen", call_python(describe_place, "location", _SEEN))
    columns = ["path", "location", "_seen.size_bytes", F.timestamp_micros("_seen.micros").alias("modified_at")]
    rows = seen.select(*columns, "_seen.reason", "_seen.detail")
    return FoundImages(rows.mapInArrow(make_labeller(source), listing_schema(task)), (), task, None, leave_on_disk)


def choose_task(source: FolderSource) -> ImageTask:
    """Whether there are labels to learn."""
    return "none" if source.label == "none" else "multiclass"


def make_labeller(source: FolderSource, list_batches: ListBatches = iter) -> ListBatches:
    """The function that executors run: batches of LOCAL_FILES_SCHEMA in, batches of the listing out.

    With `list_batches` what comes in is what that takes.
    """
    get_label = choose_label(source)

    def label_batches(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in list_batches(batches):
            yield _label_batch(batch, get_label)

    return label_batches


def choose_label(source: FolderSource) -> GetLabel | None:
    """What finds a label in a relative path (None where there is none); None for sources without labels."""
    if source.label == "none":
        return None
    if source.pattern is None:
        return _first_folder
    pattern = re.compile(source.pattern)

    def search(path: str) -> str | None:
        match = pattern.search(path)
        return (match.group("label") or None) if match else None

    return search


def explain_no_label(source_label: str) -> str:
    """Why a file has no label."""
    return "the pattern does not match its path" if source_label == "pattern" else "it lies in no class folder"


def _first_folder(path: str) -> str | None:
    return path.split("/", 1)[0] if "/" in path else None


def _label_batch(batch: pa.RecordBatch, get_label: GetLabel | None) -> pa.RecordBatch:
    import pyarrow as pa

    num_rows = batch.num_rows
    paths = batch.column("path").to_pylist()
    labels = [get_label(path) if get_label else None for path in paths]
    reasons, details = batch.column("reason").to_pylist(), batch.column("detail").to_pylist()
    if get_label is not None:
        kind = "folder" if get_label is _first_folder else "pattern"
        for i in [i for i in range(num_rows) if labels[i] is None and reasons[i] is None]:
            reasons[i], details[i] = "no_label", explain_no_label(kind)
    columns = {name: batch.column(name) for name in ("path", "location", "size_bytes")}
    # Rows from Spark come in the session's time zone.
    columns["modified_at"] = batch.column("modified_at").cast(pa.timestamp("us", tz="UTC"))
    columns |= {"key": columns["path"], "label": pa.array(labels, pa.string())}
    columns |= {"position": pa.nulls(num_rows, pa.int64()), "given_split": pa.nulls(num_rows, pa.string())}
    columns |= {"reason": pa.array(reasons, pa.string()), "detail": pa.array(details, pa.string())}
    return pa.RecordBatch.from_arrays([columns[name] for name in LISTING_COLUMNS], names=list(LISTING_COLUMNS))


def _list_remote(spark: SparkSession, source: FolderSource, files: DataFrame) -> FoundImages:
    """The images of files as `read_binary_files` gives them."""
    from pyspark.sql import functions as F

    none, task = F.lit(None).cast("string"), choose_task(source)
    rows = files.select(
        "path", none.alias("location"), "size_bytes", "modified_at", none.alias("reason"), none.alias("detail")
    )
    listing = rows.mapInArrow(make_labeller(source), listing_schema(task))
    return FoundImages(listing, (), task, None, make_remote_reader(spark, source.path), keeps_order=False)
