"""The commands before a run: init writes a project of one's own, doctor looks at the machine."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dbx_dl.terminal import AsJson, Verbose, print_table, tell, told_to_the_user


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
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Write a starter project that runs as it is: run config, data, job, notebook, test. Nothing is overwritten."""
    with told_to_the_user(verbose):
        from dbx_dl.starter import write_project

        files = [str(path) for path in write_project(directory, name=name, framework=framework.value)]
        lines = [*(f"wrote {file}" for file in files), f"next: cd {directory} && dbx-dl run run.yml"]
        tell({"directory": str(directory.absolute()), "files": files}, "\n".join(lines), as_json)


def doctor(as_json: AsJson = False, verbose: Verbose = False) -> None:
    """Check this machine for everything a run needs, and name the fix for what is missing."""
    with told_to_the_user(verbose):
        from dbx_dl.runtime.doctor import run_checks

        checks = run_checks()
        if as_json:
            for check in checks:
                typer.echo(json.dumps(asdict(check)))
        else:
            rows = [(check.name, "ok" if check.ok else "FAILED", check.detail, check.fix or "") for check in checks]
            print_table(("check", "", "found", "fix"), rows)
    if not all(check.ok for check in checks):
        raise typer.Exit(1)
