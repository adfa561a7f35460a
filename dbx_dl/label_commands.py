"""The commands of `dbx-dl label`: import, export, ingest, queue, agree, resolve, pseudo, withdraw, serve."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from dbx_dl.command_examples import show_examples
from dbx_dl.terminal import AsJson, ConfigOption, SetOption, Verbose, print_table, run_of, tell, told_to_the_user

label_app = typer.Typer(
    name="label",
    help="Labels of a run's items: bring them in, ask people for the ones that matter, and decide which hold.",
    no_args_is_help=True,
)

FormatOption = Annotated[
    Literal["csv", "json", "coco"] | None, typer.Option("--format", help="Where the file's ending does not say it.")
]
BatchOption = Annotated[str | None, typer.Option("--batch", help="The batch's id, by which it can be withdrawn.")]


@label_app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(help="A CSV, JSON-lines or COCO file on this machine.")],
    config: ConfigOption,
    file_format: FormatOption = None,
    annotator: Annotated[str | None, typer.Option("--annotator", help="Who labelled rows that do not say it.")] = None,
    batch: BatchOption = None,
    settings: SetOption = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Import a file of labels, all of it or nothing; the same file twice adds nothing."""
    with run_of(config, verbose, settings) as (spark, run_config):
        from dbx_dl.labelling import import_run

        written = import_run(spark, run_config, str(path), file_format=file_format, annotator=annotator, batch_id=batch)
        tell(written, f"imported: {written.num_new} labels, {written.num_known} were known already", as_json)


@label_app.command()
def export(
    path: Annotated[Path, typer.Argument(help="The file to write: .csv, .jsonl, or .json for COCO.")],
    config: ConfigOption,
    file_format: FormatOption = None,
    sizes: Annotated[
        str | None, typer.Option("--sizes", help="For COCO: a table with width and height by key.")
    ] = None,
    settings: SetOption = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Write the labels to a file."""
    with run_of(config, verbose, settings) as (spark, run_config):
        from dbx_dl.labelling import export_run

        num_labels = export_run(spark, run_config, str(path), file_format=file_format, sizes=sizes)
        values = {"path": str(path.absolute()), "num_labels": num_labels}
        tell(values, f"exported: {num_labels} labels to {path}", as_json)


@label_app.command()
def ingest(
    config: ConfigOption,
    reread: Annotated[bool, typer.Option("--reread", help="Read every line again; known labels stay once.")] = False,
    settings: SetOption = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Move what people labelled on the page from its inbox into the labels table; each label once."""
    with run_of(config, verbose, settings) as (spark, run_config):
        from dbx_dl.labelling import ingest_run

        written = ingest_run(spark, run_config, reread=reread)
        tell(written, f"ingested: {written.num_new} new labels, {written.num_refused} lines refused", as_json)


@label_app.command()
def queue(
    config: ConfigOption,
    settings: SetOption = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Queue the items that are most worth a person's time, as `label.queue` says."""
    with run_of(config, verbose, settings) as (spark, run_config):
        from dbx_dl.labelling import queue_run

        queued = queue_run(spark, run_config)
        tell(queued, f"queued: {queued.num_queued} of {queued.num_left} items, {queued.table.name}", as_json)


@label_app.command()
def agree(
    config: ConfigOption,
    settings: SetOption = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Compare the people who labelled the same items."""
    with run_of(config, verbose, settings) as (spark, run_config):
        from dbx_dl.labelling import agree_run

        found = agree_run(spark, run_config)
        if as_json:
            typer.echo(found.model_dump_json())
            return
        header, *rows = found.tabulate()
        print_table(header, rows)
        kappa = "not defined" if found.fleiss_kappa is None else f"{found.fleiss_kappa:.3f}"
        typer.echo(f"agreement: {found.num_shared} of {found.num_items} items shared, Fleiss' kappa {kappa}")


@label_app.command()
def resolve(
    config: ConfigOption,
    settings: SetOption = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Find the label that holds of each item, as `label.resolve` says; `dbx-dl run` does it before it prepares."""
    with run_of(config, verbose, settings) as (spark, run_config):
        from dbx_dl.labelling import resolve_run

        found = resolve_run(spark, run_config)
        out = "".join(f", {num} {reason} left out" for reason, num in found.left_out.items())
        tell(found, f"resolved: {found.num_items} items by {found.method}{out}, {found.table.name}", as_json)


@label_app.command()
def pseudo(
    config: ConfigOption,
    batch: BatchOption = None,
    settings: SetOption = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Let the model label what people's held-out labels show that it gets right, as `label.pseudo` says."""
    with run_of(config, verbose, settings) as (spark, run_config):
        from dbx_dl.labelling import pseudo_label_run

        found = pseudo_label_run(spark, run_config, batch_id=batch)
        if as_json:
            typer.echo(found.model_dump_json())
            return
        header, *rows = found.tabulate()
        print_table(header, rows)
        typer.echo(f"labelled by {found.model}: {found.written.num_new} items, batch {found.batch_id}")


@label_app.command()
def withdraw(
    config: ConfigOption,
    annotator: Annotated[str, typer.Option("--annotator", help="Who withdraws.")],
    label_id: Annotated[list[str] | None, typer.Option("--id", help="A label's id. May be repeated.")] = None,
    batch: Annotated[str | None, typer.Option("--batch", help="All labels of this batch.")] = None,
    settings: SetOption = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Withdraw labels: they count as never said, and the history keeps them."""
    with run_of(config, verbose, settings) as (spark, run_config):
        from dbx_dl.labelling import withdraw_run

        written = withdraw_run(spark, run_config, annotator=annotator, label_ids=label_id or (), batch_id=batch)
        tell(written, f"withdrawn: {written.num_new} labels", as_json)


@label_app.command()
def serve(
    config: ConfigOption,
    name: Annotated[str | None, typer.Option("--name", help="Who labels; without it the page asks.")] = None,
    has_spark: Annotated[
        bool,
        typer.Option("--spark/--no-spark", help="Without it a folder alone can be labelled; `ingest` comes later."),
    ] = True,
    settings: SetOption = None,
    verbose: Verbose = False,
) -> None:
    """Serve a page on this machine to label with, until Ctrl-C; what it calls saved is on disk."""
    with told_to_the_user(verbose):
        from dbx_dl.config import load_run_config
        from dbx_dl.labelling import serve_run
        from dbx_dl.runtime.spark import open_session

        run_config = load_run_config(config, settings or ())
        spark = open_session(run_config.spark, app_name=f"dbx_dl {run_config.name}") if has_spark else None
        num_events = serve_run(spark, run_config, name=name, told=lambda link: typer.echo(f"label here: {link}"))
        typer.echo(f"saved: {num_events} label events")


for _registered in label_app.registered_commands:
    assert _registered.callback is not None
    _registered.epilog = show_examples(f"label {_registered.name or _registered.callback.__name__}")
