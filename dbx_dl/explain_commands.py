"""The commands that say why a model predicts what it does, and what is to be known of it: explain, card."""

from __future__ import annotations

from typing import Annotated

import typer

from dbx_dl.terminal import AsJson, ConfigOption, SetOption, Verbose, print_table, run_of, tell, told_to_the_user

MethodOption = Annotated[
    str | None,
    typer.Option(
        "--method", help="occlusion, shapley, leave_out, integrated_gradients or grad_cam, in place of the run's."
    ),
]


def explain(
    config: ConfigOption,
    method: MethodOption = None,
    settings: SetOption = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Explain predictions of the run's model, row by row into a table and overall, with a page of pictures."""
    chosen = [*(settings or ()), *(() if method is None else (f"explain.method={method}",))]
    with run_of(config, verbose, chosen) as (spark, run_config):
        from dbx_dl.explaining import explain_run

        found = explain_run(spark, run_config)
        rows = found.explained
        line = f"explained: {rows.table.name}, {rows.num_rows} rows by {rows.method}, {rows.num_errors} errors"
        tell(rows, line, as_json)
        for overall in (found.importances, found.dependences):
            if overall is not None and as_json:
                typer.echo(overall.model_dump_json())
        if found.importances is not None and not as_json:
            header, *cells = found.importances.tabulate()
            print_table(header, cells)
        if not as_json:
            typer.echo(f"page: {found.page}")


def card(
    config: ConfigOption,
    framework: Annotated[str | None, typer.Option("--framework", help="Only this one of the run's frameworks.")] = None,
    settings: SetOption = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Write the model card of each of the run's registered versions, and attach it to the version."""
    with told_to_the_user(verbose):
        from dbx_dl.config import load_run_config
        from dbx_dl.explaining import card_run

        run_config = load_run_config(config, settings or ())
        for name in run_config.frameworks if framework is None else (framework,):
            written = card_run(run_config, name)
            tell(written, f"card: {written.name} version {written.version}, {written.page}", as_json)
