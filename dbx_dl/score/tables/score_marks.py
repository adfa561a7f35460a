"""What a commit of predictions says of itself: which model scored which version of which source."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from dbx_dl.runtime.commit_marks import HARMLESS_OPERATIONS, read_mark
from dbx_dl.runtime.tables import read_history

if TYPE_CHECKING:
    from pyspark.sql import Row, SparkSession

    from dbx_dl.config import ScoreConfig

MARK = "dbx_dl_score"
# Beside the mark, since earlier versions of dbx_dl know a mark by its fields.
STARTED_AT = "dbx_dl_score_started_at"
# Enough to look past what maintenance commits.
_MAX_COMMITS = 200
_HARMLESS = (*HARMLESS_OPERATIONS, "ADD COLUMNS")
_NOT_OF_SCOPE = {
    "model", "mode", "write", "stream", "table", "source_version", "source_timestamp", "columnar",
}  # fmt: skip


@dataclass(frozen=True)
class ScoreMark:
    """One commit of predictions, derived from version `after` of the table.

    `scope` stands for the model file and for every setting that decides what rows are scored to. With `is_whole` the
    table has a prediction for every row of version `source_version` of the Delta table `source_id` within that scope.
    `started_at` is when the scoring began, in ISO 8601.
    """

    score_id: str
    scope: str
    writer: str
    after: int
    is_whole: bool
    source_id: str | None = None
    source_version: int | None = None
    started_at: str | None = None

    def as_values(self) -> dict[str, object]:
        """The mark as JSON values of a commit."""
        values = asdict(self)
        started_at = values.pop("started_at")
        return {MARK: values} if started_at is None else {MARK: values, STARTED_AT: started_at}


def make_id() -> str:
    """An id for one commit."""
    return uuid.uuid4().hex


def digest_scope(config: ScoreConfig, model_sha256: str) -> str:
    """The scope of a mark: equal where the same model would give the same rows of a source the same predictions."""
    values = {**config.model_dump(mode="json", exclude=_NOT_OF_SCOPE), "sha256": model_sha256}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def find_mark(spark: SparkSession, name: str) -> ScoreMark | None:
    """The mark of the commit that a predictions table's rows are from; None where another job changed them since.

    Or meanwhile: between the state that the commit was derived from and the commit.
    """
    found: ScoreMark | None = None
    for row in read_history(spark, name, _MAX_COMMITS):
        if found is not None and row["version"] <= found.after:
            break
        mark = read_score_mark(row)
        if mark is None and row["operation"] not in _HARMLESS:
            return None
        found = found or mark
    return found


def find_commit(spark: SparkSession, name: str, score_id: str) -> Row | None:
    """The commit with this id, if it was made: version and operationMetrics."""
    for row in read_history(spark, name, _MAX_COMMITS):
        mark = read_score_mark(row)
        if mark is not None and mark.score_id == score_id:
            return row
    return None


def read_score_mark(row: Row) -> ScoreMark | None:
    """The mark of a commit of a table's history; None where it has none, or that of another version of dbx_dl."""
    values = read_mark(row["userMetadata"], MARK)
    started_at = read_mark(row["userMetadata"], STARTED_AT)
    try:
        return ScoreMark(**values, started_at=started_at) if isinstance(values, dict) else None
    except TypeError:  # of another version of dbx_dl
        return None
