"""Every command's help shows examples that are valid usage, and the exit codes are told where people look."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from dbx_dl.cli import app
from dbx_dl.command_examples import EXAMPLES, EXIT_CODES

GROUP: Any = typer.main.get_command(app)
# By how they are typed, those of groups too.
COMMANDS = {
    f"{name} {inner}".strip(): found
    for name, command in GROUP.commands.items()
    for inner, found in getattr(command, "commands", {"": command}).items()
}


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_every_command_has_examples() -> None:
    assert sorted(EXAMPLES) == sorted(COMMANDS)
    assert [name for name, examples in EXAMPLES.items() if not examples] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_the_examples(command: str) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--help"], env={"COLUMNS": "160", "TERMINAL_WIDTH": "160"})
    assert result.exit_code == 0
    lines = [line.strip() for line in _plain(result.output).splitlines()]
    assert [example for example in EXAMPLES[command] if example not in lines] == []


@pytest.mark.parametrize("example", [example for examples in EXAMPLES.values() for example in examples])
def test_examples_are_valid_usage(example: str) -> None:
    program, name, *arguments = shlex.split(example)
    assert program == "dbx-dl"
    if name not in COMMANDS:
        name = f"{name} {arguments.pop(0)}"
    # Parses and validates, and calls nothing; wrong usage raises.
    COMMANDS[name].make_context(name, arguments)


def test_the_help_tells_the_exit_codes() -> None:
    printed = _plain(CliRunner().invoke(app, ["--help"]).output)
    for code, meaning in EXIT_CODES.items():
        assert re.search(rf"^ *{code} +{re.escape(meaning)} *$", printed, re.MULTILINE), meaning
