"""Contracts on their way from stage to stage: as files, and on Databricks also as values of a job's tasks."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TypeVar

from dbx_dl.contracts import Contract, FileDigest
from dbx_dl.errors import DataError
from dbx_dl.runtime.databricks import find_task_value, set_task_value

# A task's value may have 48 KiB as JSON.
MAX_VALUE_BYTES = 48 * 1024
_TEXT, _FILE = "contract", "file"
C = TypeVar("C", bound=Contract)


def keep(contract: Contract, path: Path, key: str) -> None:
    """Write a contract to its file, and leave it as this task's value `key`: itself, or the file's digest where long.

    Outside of a Databricks job only the file is written.
    """
    contract.save(path)
    text = contract.model_dump_json()
    value: dict[str, object] = {_TEXT: text}
    if len(json.dumps(value).encode()) > MAX_VALUE_BYTES:
        value = {_FILE: FileDigest(path=str(path), sha256=_digest(path)).model_dump()}
    set_task_value(key, value)


def fetch(kind: type[C], path: Path, task: str, key: str) -> C:
    """The contract that `task` of this job run has left as its value `key`; where there is none, the file's.

    DataError when there is neither, or the file is not any more what the task has left.
    """
    value = find_task_value(task, key)
    if value is None and not path.exists():
        raise DataError(f"{path} does not exist: run the stage that writes it first, {task}")
    if value is None:
        return kind.load(path)
    if _TEXT in value:
        return kind.model_validate_json(value[_TEXT])
    file = FileDigest.model_validate(value[_FILE])
    if _digest(Path(file.path)) != file.sha256:
        raise DataError(
            f"{file.path} is not what task {task} of this job run has left: another run has written it since; run one "
            "at a time, or give each a directory of its own"
        )
    return kind.load(file.path)


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return ""
