"""Runs the code blocks of pages in one process and one folder, as a reader would who types all of them.

    python -m tests.docs.run_pages [--keep-files N] PAGE...

prints a JSON object for each page: its path, and the error that ended it or null. Blocks of Python share one namespace
per page and all pages one Spark session. Console commands of dbx-dl run in this process, others are refused.
"""

from __future__ import annotations

import json
import shlex
import sys
import traceback
from pathlib import Path
from typing import Any

import typer

from tests.docs.blocks import ROOT, Block, read_blocks


def main(arguments: list[str]) -> None:
    """Run the pages; a page that fails does not stop the next."""
    num_files = int(arguments[1]) if arguments[0] == "--keep-files" else 0
    for page in arguments[2 if num_files else 0 :]:
        error = _run_page(ROOT / page, num_files)
        print(json.dumps({"page": page, "error": error}), flush=True)


def _run_page(page: Path, num_files: int) -> str | None:
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in read_blocks(page):
        if block.not_run:
            continue
        try:
            _run_block(block, names, num_files)
        except BaseException:
            return f"{block.place}\n{traceback.format_exc()}"
    return None


def _run_block(block: Block, names: dict[str, Any], num_files: int) -> None:
    if block.file:
        Path(block.file).write_text(block.code, encoding="utf-8")
    elif block.language == "python":
        exec(compile(block.code, block.place, "exec"), names)
    elif block.language == "console":
        for command in block.commands:
            _call(command, num_files)
    elif block.language == "sql":
        _query(block.code)


def _call(command: str, num_files: int) -> None:
    program, *arguments = shlex.split(command)
    assert program == "dbx-dl", f"{command!r} is none of ours: say above the block why it is not run"
    from dbx_dl.cli import app

    code = typer.main.get_command(app).main(arguments, prog_name="dbx-dl", standalone_mode=False)
    assert not code, f"{command!r} ended with exit code {code}"
    if "--data-only" in arguments and num_files:
        _keep_files(Path("dbx_dl_demo/data/digits"), num_files)


def _keep_files(folder: Path, num_files: int) -> None:
    """Leave so many images of each class, for a quick run."""
    for place in folder.iterdir():
        for file in sorted(place.glob("[0-9]*.png"))[num_files:]:
            file.unlink()


def _query(code: str) -> None:
    from pyspark.sql import SparkSession

    for statement in code.split(";"):
        if statement.strip():
            rows = SparkSession.active().sql(statement).collect()
            assert rows, f"no rows: {statement.strip()}"


if __name__ == "__main__":
    main(sys.argv[1:])
