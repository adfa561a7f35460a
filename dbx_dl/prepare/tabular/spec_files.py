"""The columns that were found, told and written as YAML that a person can correct and use as config."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from dbx_dl.errors import ConfigError, DataError
from dbx_dl.runtime.tables import absolute_path
from dbx_dl.runtime.whole_files import write_whole

if TYPE_CHECKING:
    from dbx_dl.config import ColumnConfig
    from dbx_dl.contracts import TaskName

logger = logging.getLogger(__name__)

_SHOWN = 60
_PLAIN = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
_HEADER = "# What prepare found. Correct it and copy it below `prepare:` in a run config.\n"


def render_spec(task: TaskName, columns: Mapping[str, ColumnConfig]) -> str:
    """YAML of the keys `task` and `columns` of a table's prepare section, a line per column with all its options."""
    lines = [f"task: {task}\n", "columns:\n"]
    for name, column in columns.items():
        options = column.model_dump(mode="json", exclude_none=True)
        lines.append(_dump_line(name, options))
    return "".join(lines)


def log_spec(task: TaskName, columns: Mapping[str, ColumnConfig]) -> None:
    """Tell the user what was found, in one block; of many columns the first."""
    lines = render_spec(task, columns).splitlines()
    more = [f"  … and {len(lines) - _SHOWN} more columns"] if len(lines) > _SHOWN else []
    num_features = sum(column.kind != "ignore" for column in columns.values())
    logger.info("%d feature columns:\n%s", num_features, "\n".join([*lines[:_SHOWN], *more]))


def write_spec(path: str, task: TaskName, columns: Mapping[str, ColumnConfig]) -> None:
    """Write `render_spec` to a local file, whole or not at all; ConfigError when it is not local, else DataError."""
    place = absolute_path(path)
    if not Path(place).is_absolute():
        raise ConfigError(f"write_spec {path!r} must be a path on this machine (on Databricks, one below /Volumes)")
    target = Path(place)
    try:
        with write_whole(target) as partial:
            partial.write_text(_HEADER + render_spec(task, columns), encoding="utf-8")
    except OSError as error:
        raise DataError(f"the column spec cannot be written to {path}: {error.strerror}") from None
    logger.info("wrote the columns to %s: correct them there and use them as `columns`", path)


def _dump_line(name: str, options: dict[str, Any]) -> str:
    """One column on one line, however long, its name quoted where YAML would read something else."""
    is_plain = _PLAIN.match(name) and yaml.safe_load(name) == name
    key = name if is_plain else _quote(name)
    flow = yaml.safe_dump(options, allow_unicode=True, width=float("inf"), default_flow_style=True, sort_keys=False)
    return f"  {key}: {flow}"


def _quote(name: str) -> str:
    """The name in quotes, with what YAML takes for a line break, or does not take at all, written as its number."""
    text = json.dumps(name, ensure_ascii=False)
    return "".join(each if each.isprintable() else f"\\U{ord(each):08x}" for each in text)
