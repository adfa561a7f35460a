"""The command that begins a project of one's own: init."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dbx_dl.terminal import Verbose, told_to_the_user


class Framework(StrEnum):
    """A framework, as the terminal offers it."""

    KERAS = "keras"
    TORCH = "torch"


def init(
    directory: Annotated[Path, typer.Argument(help="The project's folder, which is made if it is not there.")],
    name: Annotated[
        str | None, typer.Option("--name", help="Of run, experiment and model; without it the folder's.")
    ] = None,
    framework: Annotated[Framework, typer.Option("--framework", help="What trains.")] = Framework.TORCH,
    verbose: Verbose = False,
) -> None:
    """Write a starter project that runs as it is: run config, data, job, notebook, test. Nothing is overwritten."""
    with told_to_the_user(verbose):
        from dbx_dl.starter import write_project

        for path in write_project(directory, name=name, framework=framework.value):
            typer.echo(f"wrote {path}")
        typer.echo(f"next: cd {directory} && dbx-dl run run.yml")
