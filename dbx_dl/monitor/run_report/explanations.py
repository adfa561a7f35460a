"""Explanations of a run's model as its page shows them: some rows with their heat maps or contributions."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.contracts import ExplainedTable
from dbx_dl.errors import DbxDlError
from dbx_dl.page_pictures import to_data_uri
from dbx_dl.runtime.sources import explain_read_errors
from dbx_dl.runtime.tables import read_pinned

if TYPE_CHECKING:
    from pyspark.sql import Row, SparkSession

logger = logging.getLogger(__name__)

EXPLAINED = "explained.json"
MAX_SHOWN = 12


@dataclass(frozen=True)
class ExplainedRow:
    """One row: what is explained and its score; pictures as data URIs, or the strongest contributions."""

    key: str
    label: str
    score: float
    overlay: str | None
    heat: str | None
    contributions: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class ShownExplanations:
    """Some rows of a table of explanations."""

    table: ExplainedTable
    rows: tuple[ExplainedRow, ...]


def read_explanations(spark: SparkSession, directory: Path, sha256s: Collection[str]) -> ShownExplanations | None:
    """What `dbx-dl explain` left in the run's directory; None where it did not, or of none of these model files.

    The first rows by key without an error, of each label in turn, MAX_SHOWN at most.
    """
    path = directory / EXPLAINED
    if not path.is_file():
        return None
    try:
        explained = ExplainedTable.load(path)
        if explained.model_sha256 not in sha256s:
            logger.info("%s explains another model than the run's: run `dbx-dl explain` again to show it", path)
            return None
        with explain_read_errors(f"version {explained.table.version} of {explained.table.name}"):
            rows = _choose_rows(spark, explained)
    except DbxDlError as error:
        # Explanations come beside a run: without them its page is whole.
        logger.warning("explanations are not shown: %s", error)
        return None
    return ShownExplanations(explained, tuple(map(_to_row, rows))) if rows else None


def _choose_rows(spark: SparkSession, explained: ExplainedTable) -> list[Row]:
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    rows = read_pinned(spark, explained.table).where("error IS NULL")
    place = F.row_number().over(Window.partitionBy("explained_label").orderBy("key"))
    names = ("key", "explained_label", "explained_score", "contributions", "heat_map", "overlay")
    chosen = rows.select(*names, place.alias("place")).orderBy("place", "explained_label").limit(MAX_SHOWN).collect()
    return sorted(chosen, key=lambda row: (row["explained_label"], row["place"]))


def _to_row(row: Row) -> ExplainedRow:
    return ExplainedRow(
        key=row["key"],
        label=row["explained_label"],
        score=row["explained_score"],
        overlay=_to_picture(row["overlay"]),
        heat=_to_picture(row["heat_map"]),
        contributions=tuple((each["feature"], each["contribution"]) for each in row["contributions"] or ()),
    )


def _to_picture(png: bytes | None) -> str | None:
    return None if png is None else to_data_uri(bytes(png))
