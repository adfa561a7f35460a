"""The commands that say what can be trained: networks, tasks, activations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from dbx_dl.terminal import Verbose, print_table, told_to_the_user

JsonOption = Annotated[bool, typer.Option("--json", help="One JSON array instead of a table.")]


def networks(as_json: JsonOption = False, verbose: Verbose = False) -> None:
    """List the built-in networks: what they take, learn and give, parameters for usual rows, options with defaults."""
    with told_to_the_user(verbose):
        from dbx_dl.frameworks.listing import as_values, list_networks, tabulate_networks

        if as_json:
            typer.echo(json.dumps(as_values(list_networks()), indent=2))
            return
        header, *rows = tabulate_networks(list_networks())
        print_table(header, rows)
        typer.echo(
            "Classes are the tasks binary, multiclass and multilabel; numbers are regression, count, quantiles, "
            "gaussian and negative_binomial."
        )
        typer.echo("Every network is the same in Keras and PyTorch; your own is named as package.module:function.")


def tasks(as_json: JsonOption = False, verbose: Verbose = False) -> None:
    """List the tasks: what a network gives, what scoring returns, losses, metrics."""
    with told_to_the_user(verbose):
        from dbx_dl.frameworks.listing import as_values, list_tasks, tabulate_tasks

        if as_json:
            typer.echo(json.dumps(as_values(list_tasks()), indent=2))
            return
        header, *rows = tabulate_tasks(list_tasks())
        print_table(header, rows)


def activations(
    picture: Annotated[
        Path | None, typer.Option("--picture", help="Also draw them, with their gradients, into this PNG file.")
    ] = None,
    as_json: JsonOption = False,
    verbose: Verbose = False,
) -> None:
    """List the activation functions that networks take as their option `activation`."""
    with told_to_the_user(verbose):
        from dbx_dl.figures import activation_curves, encode_png
        from dbx_dl.frameworks.activations import ACTIVATIONS
        from dbx_dl.runtime.whole_files import write_whole

        formulas = [(name, function.formula) for name, function in ACTIVATIONS.items()]
        if as_json:
            typer.echo(json.dumps([{"name": name, "formula": formula} for name, formula in formulas], indent=2))
        else:
            print_table(("activation", "of z"), formulas)
        if picture is not None:
            curves: dict[str, Any] = {
                name: (function.apply, function.gradient) for name, function in ACTIVATIONS.items()
            }
            with write_whole(picture) as partial:
                partial.write_bytes(encode_png(activation_curves(curves)))
            typer.echo(f"picture: {picture.absolute()}", err=as_json)
