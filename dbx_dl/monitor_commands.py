"""The command that watches predictions."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from dbx_dl.terminal import AsJson, ConfigOption, SetOption, Verbose, print_table, run_of

if TYPE_CHECKING:
    from dbx_dl.contracts import Monitored

# The exit code of what --fail-on fails on, which is no failure of the command.
FIRED = 3
# Findings that are shown; all of them are in the table.
_MAX_SHOWN = 30


class FailOn(StrEnum):
    """What a look may find that ends the command with FIRED."""

    alert = "alert"
    retrain = "retrain"


def monitor(
    config: ConfigOption,
    fail_on: Annotated[
        FailOn | None,
        typer.Option("--fail-on", help=f"Exit with {FIRED} after an alert, or only where training is called for."),
    ] = None,
    settings: SetOption = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Look at the run's predictions: drift, quality, fairness, operations, and whether to train anew."""
    with run_of(config, verbose, settings) as (spark, run_config):
        from dbx_dl.watching import monitor_run

        monitored = monitor_run(spark, run_config)
        if as_json:
            typer.echo(monitored.model_dump_json())
        else:
            _tell(monitored)
    if has_fired(monitored, fail_on):
        raise typer.Exit(FIRED)


def has_fired(monitored: Monitored, fail_on: FailOn | None) -> bool:
    """Whether a look found what it was told to fail on."""
    if fail_on is None:
        return False
    return monitored.should_retrain or (fail_on is FailOn.alert and bool(monitored.alerts))


def list_lines(monitored: Monitored) -> list[str]:
    """What came out of a look, in words."""
    source = monitored.source
    if not monitored.windows:
        return [f"monitored: {source.name} version {source.version}, nothing to look at"]
    names = [window.name for window in monitored.windows]
    windows = names[0] if len(names) == 1 else f"{len(names)} windows, {names[0]} to {names[-1]}"
    verdict = "train anew" if monitored.should_retrain else "no training is called for"
    lines = [f"monitored: {source.name}, {windows}: {len(monitored.alerts)} alerts, {verdict}"]
    if monitored.table is not None:
        lines.append(f"findings: {monitored.table.name} version {monitored.table.version}")
    if monitored.report is not None:
        lines.append(f"report: {monitored.report}")
    return lines


def _tell(monitored: Monitored) -> None:
    from dbx_dl.monitor.verdict import tabulate_findings

    header, *rows = tabulate_findings(monitored.findings, _MAX_SHOWN)
    if rows:
        print_table(header, rows)
    for line in list_lines(monitored):
        typer.echo(line)
