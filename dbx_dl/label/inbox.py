"""Label events on their way into a table: JSON lines that a page writes without Spark, taken in exactly once.

An inbox is a folder of files `*.jsonl`, to each of which one writer adds lines of `LabelEvent.model_dump_json()`. A
line counts once its line break is there. Nothing in the inbox is changed or removed: how far the files were read is
kept in files of the folder `ingested`, and an event that is read again is known by its `label_id`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from dbx_dl.contracts import LabelEvent, WrittenLabels
from dbx_dl.errors import DataError
from dbx_dl.label.clashes import find_clashes, is_same_event
from dbx_dl.label.rules import LabelRules, explain
from dbx_dl.label.table import append_labels, create_labels_table
from dbx_dl.runtime.databricks import mount_path
from dbx_dl.runtime.tables import quote_table

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

logger = logging.getLogger(__name__)

INBOX_PATTERN = "*.jsonl"
MAX_PROBLEMS = 20
_INGESTED = "ingested"
_MAX_EVENTS = 20_000


@dataclass(frozen=True)
class _Line:
    """A whole line of a file, and where the next one begins."""

    file: str
    number_from: int
    end: int
    text: bytes


def ingest_labels(
    spark: SparkSession, inbox: str, name: str, rules: LabelRules | None = None, *, reread: bool = False
) -> WrittenLabels:
    """Move the inbox's new events into the labels table, which is made where there is none; each is written once.

    Killed at any moment, or run twice at once, nothing is lost and nothing is doubled. A line that is no event, has
    another task or an unknown class (`rules`), or the id of another event, here or in the table, is refused and told;
    it stays in its file, and with `reread` every line is read again. An event that was sent again, with another moment,
    counts with the first one. DataError when the folder is absent.
    """
    folder = Path(mount_path(inbox))
    if not folder.is_dir():
        raise DataError(f"inbox {inbox} does not exist: `dbx-dl label serve` makes it")
    table = create_labels_table(spark, name)
    marks = folder / _INGESTED / f"{_identify(spark, name)}.json"
    positions = {} if reread else _load_positions(marks)
    num_new = num_known = num_refused = 0
    problems: list[str] = []
    for lines in _cut(_read_lines(folder, positions)):
        events, refused = _parse(lines, rules or LabelRules())
        written = append_labels(spark, name, events)
        if written.num_known:
            refused += find_clashes(spark, name, events)
        table, num_new, num_refused = written.table, num_new + written.num_new, num_refused + len(refused)
        num_known += len(lines) - len(refused) - written.num_new
        problems += refused[: MAX_PROBLEMS - len(problems)]
        positions |= {line.file: line.end for line in lines}
        _save_positions(marks, positions)
    for problem in problems:
        logger.warning("%s", problem)
    logger.info("ingested %d label events of %s into %s, %d refused", num_new, inbox, name, num_refused)
    return WrittenLabels(
        table=table, num_new=num_new, num_known=num_known, num_refused=num_refused, problems=tuple(problems)
    )


def _parse(lines: list[_Line], rules: LabelRules) -> tuple[list[LabelEvent], list[str]]:
    events: dict[str, LabelEvent] = {}
    refused = []
    for line in lines:
        place = f"{line.file}, byte {line.number_from}"
        try:
            event = LabelEvent.model_validate_json(line.text)
        except ValidationError as error:
            refused.append(f"{place}: no label event: {explain(error)}")
            continue
        problem = rules.find_problem(event)
        if problem is None and not is_same_event(events.setdefault(event.label_id, event), event):
            problem = f"another event has the id {event.label_id}"
        if problem is not None:
            refused.append(f"{place}: {problem}")
    return list(events.values()), refused


def _read_lines(folder: Path, positions: dict[str, int]) -> Iterator[_Line]:
    for path in sorted(folder.glob(INBOX_PATTERN)):
        start = positions.get(path.name, 0)
        if start > path.stat().st_size:  # another file of that name
            start = 0
        with path.open("rb") as file:
            file.seek(start)
            for text in file:
                if not text.endswith(b"\n"):  # still being written
                    break
                if text.strip():
                    yield _Line(path.name, start, start + len(text), text)
                start += len(text)


def _cut(lines: Iterator[_Line]) -> Iterator[list[_Line]]:
    block: list[_Line] = []
    for line in lines:
        block.append(line)
        if len(block) == _MAX_EVENTS:
            yield block
            block = []
    if block:
        yield block


def _identify(spark: SparkSession, name: str) -> str:
    """Another one for a table that was made anew at the same place."""
    detail = spark.sql(f"DESCRIBE DETAIL {quote_table(name)}").select("id").collect()[0]
    return hashlib.sha256(str(detail["id"]).encode()).hexdigest()[:16]


def _load_positions(path: Path) -> dict[str, int]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return {str(name): int(end) for name, end in found.items()} if isinstance(found, dict) else {}


def _save_positions(path: Path, positions: dict[str, int]) -> None:
    path.parent.mkdir(exist_ok=True)
    partial = path.with_suffix(f".{uuid.uuid4().hex}.partial")
    partial.write_text(json.dumps(positions), encoding="utf-8")
    partial.replace(path)
