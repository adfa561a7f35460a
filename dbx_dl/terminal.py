"""What commands show: progress meanwhile, tables, and a failure in a line or two with an exit code."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from dbx_dl.errors import DbxDlError

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pyspark.sql import SparkSession

    from dbx_dl.config import RunConfig

TRACEBACK = "Traceback (most recent call last)"
_TRACKING_URI = re.compile(r'"(?:tracking_)?uri": ?"(?:[^"\\]|\\.)*"')

ConfigOption = Annotated[Path, typer.Option("--config", help="The run's YAML file, such as conf/runs/digits.yml.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Instead of the file's value: train.num_ranks=4. May be repeated."),
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Log everything, and show tracebacks.")]
AsJson = Annotated[
    bool,
    typer.Option("--json", help="Print what came out as JSON, an object a line; progress is on stderr."),
]


@contextmanager
def run_of(
    config: Path, verbose: bool, settings: Sequence[str] | None = None
) -> Iterator[tuple[SparkSession, RunConfig]]:
    """The config with `settings` in place of its own, validated before Spark starts, and a session for it."""
    with told_to_the_user(verbose):
        from dbx_dl.config import load_run_config
        from dbx_dl.runtime.spark import open_session

        run_config = load_run_config(config, settings or ())
        yield open_session(run_config.spark, app_name=f"dbx_dl {run_config.name}"), run_config


@contextmanager
def told_to_the_user(verbose: bool) -> Iterator[None]:
    """Show progress meanwhile; afterwards turn what was raised into a line on stderr and an exit code."""
    from dbx_dl.runtime.logs import show_progress

    show_progress(verbose)
    try:
        yield
    except typer.Exit:
        raise
    except Exception as error:
        if _follows_interrupt(error):
            raise KeyboardInterrupt from None
        _fail(error, verbose)


def _follows_interrupt(error: BaseException) -> bool:
    """Whether it was raised by what cleans up after Ctrl-C: it is no news that a call failed which was interrupted."""
    before = error.__context__
    return isinstance(before, KeyboardInterrupt) or (before is not None and _follows_interrupt(before))


def tell(value: BaseModel | Mapping[str, Any], line: str, as_json: bool) -> None:
    """A line about what came out, or all of it as JSON."""
    if not as_json:
        typer.echo(line)
    else:
        text = json.dumps(value) if isinstance(value, Mapping) else value.model_dump_json()
        typer.echo(hide_tracking_passwords(text))


def hide_tracking_passwords(text: str) -> str:
    """JSON without the passwords of the tracking stores in it: what a job prints stays in its log."""
    from dbx_dl.contracts.secret_texts import hide_secrets

    return _TRACKING_URI.sub(lambda found: hide_secrets(found[0]), text)


def refuse_json(as_json: bool, option: str) -> None:
    """A usage error for --json beside an option whose command has no result that could be told so."""
    if as_json:
        raise typer.BadParameter(f"--json tells a result, and {option} has none: leave one of both out")


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table of text on stdout."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*header, box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for row in rows:
        table.add_row(*(Text(cell, overflow="fold") for cell in row))
    Console().print(table)


def _fail(error: Exception, verbose: bool) -> NoReturn:
    """Say in a line or two what was wrong, and exit with 1; a traceback goes to a log file, or is shown if verbose."""
    from dbx_dl.contracts.secret_texts import hide_secrets

    lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    is_bug, has_traceback = not isinstance(error, DbxDlError), TRACEBACK in str(error)
    if isinstance(error, OSError) and error.filename is not None:
        lines = [f"cannot use {error.filename}: {error.strerror}"]
    elif is_bug:
        lines = [f"unexpected {type(error).__name__}: {lines[0]}"]
    elif has_traceback:
        lines = [f"{lines[0].rstrip(':')}: {lines[-1].strip()}"]
    if verbose and (is_bug or has_traceback):
        typer.echo(hide_secrets(traceback.format_exc()), err=True)
    elif is_bug or has_traceback:
        lines.append(f"the full text is in {_write_log()}")
    typer.echo(hide_secrets("error: " + "\n".join(lines)), err=True)
    raise typer.Exit(1) from None


def _write_log() -> Path:
    from dbx_dl.contracts.secret_texts import hide_secrets

    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    path = cache / "dbx_dl" / "dbx-dl.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = f"{datetime.now().isoformat(timespec='seconds')} {shlex.join(sys.argv)}\n{traceback.format_exc()}\n"
    with path.open("a", encoding="utf-8") as file:
        file.write(hide_secrets(text))
    return path
