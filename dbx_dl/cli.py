"""The command line `dbx-dl`: one command per stage, the whole run, the demo and the doctor."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dbx_dl import (
    explain_commands,
    label_commands,
    model_commands,
    monitor_commands,
    network_commands,
    project_commands,
)
from dbx_dl.command_examples import show_examples, show_exit_codes
from dbx_dl.terminal import (
    AsJson,
    ConfigOption,
    SetOption,
    Verbose,
    hide_tracking_passwords,
    print_table,
    refuse_json,
    run_of,
    tell,
    told_to_the_user,
)

if TYPE_CHECKING:
    from dbx_dl.monitor.run_report.outcome import RunOutcome


app = typer.Typer(
    name="dbx-dl",
    help="Deep learning where the data lives: Delta tables, Horovod ranks on Spark, ONNX files, MLflow models.",
    epilog=show_exit_codes(),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main(*command: str) -> None:
    """Entry point of `dbx-dl`, and of a job, which names its command.

    Returns when all went well: Databricks takes SystemExit(0) for a failure. Exits with 1 for a failure, 2 for wrong
    usage, 3 for what `monitor --fail-on` fails on, 130 after Ctrl-C.
    """
    try:
        app([*command, *sys.argv[1:]])
    except SystemExit as ended:
        if ended.code:
            raise


@app.command()
def demo(
    directory: Annotated[Path, typer.Option("--dir", help="Where everything is written.")] = Path("dbx_dl_demo"),
    quick: Annotated[bool, typer.Option("--quick", help="Train less.")] = False,
    data_only: Annotated[bool, typer.Option("--data-only", help="Write the demo's input data and stop.")] = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Take real images and a real table the whole way, with Keras and with PyTorch."""
    if data_only:
        refuse_json(as_json, "--data-only")
    with told_to_the_user(verbose):
        from dbx_dl.demo import run_demo, write_demo_data

        if data_only:
            typer.echo(f"data: {write_demo_data(directory)}")
            return
        _print_outcomes(run_demo(directory, quick=quick), directory / "report.html", as_json)


@app.command()
def run(
    config: Annotated[Path, typer.Argument(help="The run's YAML file, such as conf/runs/digits.yml.")],
    settings: SetOption = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Take one run the whole way: prepare, train, export, register, score, report."""
    with run_of(config, verbose, settings) as (spark, run_config):
        from dbx_dl.pipeline import run_pipeline

        outcome = run_pipeline(spark, run_config)
        _print_outcomes([outcome], Path(run_config.directory) / "report.html", as_json)


@app.command()
def prepare(
    config: ConfigOption,
    refit: Annotated[bool, typer.Option("--refit", help="Make the table anew: labels, statistics, splits.")] = False,
    stream: Annotated[
        Path | None, typer.Option("--stream", help="Take in only new image files, remembered in this folder.")
    ] = None,
    every: Annotated[float | None, typer.Option("--every", help="With --stream: look again every N seconds.")] = None,
    settings: SetOption = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Bring the run's Delta table up to date with its source; what cannot be used goes to a rejects table."""
    if stream is not None:
        refuse_json(as_json, "--stream")
    if stream is not None and refit:
        raise typer.BadParameter("--refit makes the table anew, and --stream only adds to it: leave one of both out")
    if every is not None and (stream is None or not every > 0):
        raise typer.BadParameter("--every is how many seconds, more than 0, lie between looks of --stream")
    with run_of(config, verbose, settings) as (spark, run_config):
        from dbx_dl.pipeline import prepare_run, stream_run

        if stream is not None:
            stream_run(spark, run_config, str(stream), every)
            return
        prepared = prepare_run(spark, run_config, refit=refit)
        line = f"prepared: {prepared.table.name} version {prepared.table.version}, {prepared.num_rows} rows"
        tell(prepared, line, as_json)


@app.command()
def train(
    config: ConfigOption,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the latest checkpoint of an interrupted training.")
    ] = False,
    settings: SetOption = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Train the run's network on the prepared table, with each of the run's frameworks."""
    with run_of(config, verbose, settings) as (spark, run_config):
        from dbx_dl.pipeline import train_run

        for framework in run_config.frameworks:
            trained = train_run(spark, run_config, framework, resume=resume)
            line = f"trained: {framework}, MLflow run {trained.run_id}, {_list_metrics(trained.metrics)}"
            tell(trained, line, as_json)


@app.command()
def search(
    config: ConfigOption,
    framework: Annotated[str | None, typer.Option("--framework", help="Only this one of the run's frameworks.")] = None,
    settings: SetOption = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Search for the best settings of `train`, or go on with a search; the best model is left as `train` leaves one."""
    with run_of(config, verbose, settings) as (spark, run_config):
        from dbx_dl.pipeline import search_run
        from dbx_dl.train.search.show import tabulate_trials

        for name in run_config.frameworks if framework is None else (framework,):
            result = search_run(spark, run_config, name)
            if as_json:
                tell(result, "", as_json)
                continue
            header, *rows = tabulate_trials(result)
            print_table(header, rows)
            best = f"trial {result.best_number}, {result.metric} {result.best_value:.4f}"
            typer.echo(f"searched: {name}, MLflow run {result.run_id}, best {best}")


@app.command()
def log(config: ConfigOption, settings: SetOption = None, as_json: AsJson = False, verbose: Verbose = False) -> None:
    """Log to MLflow what a training kept while the tracking server was away."""
    with told_to_the_user(verbose):
        from dbx_dl.config import load_run_config
        from dbx_dl.pipeline import log_run

        run_config = load_run_config(config, settings or ())
        for framework in run_config.frameworks:
            num_messages = log_run(run_config, framework)
            line = f"logged: {framework}, {num_messages} messages that were kept"
            tell({"framework": framework, "num_messages": num_messages}, line, as_json)


@app.command()
def export(config: ConfigOption, settings: SetOption = None, as_json: AsJson = False, verbose: Verbose = False) -> None:
    """Write each trained model as one self-contained ONNX file, checked against the network."""
    with run_of(config, verbose, settings) as (spark, run_config):
        from dbx_dl.pipeline import export_run

        for framework in run_config.frameworks:
            onnx = export_run(spark, run_config, framework)
            tell(onnx, f"exported: {onnx.file.path}, parity {onnx.parity.max_abs_difference:.1e}", as_json)


@app.command()
def compare(
    config: ConfigOption,
    settings: SetOption = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Predict with each ONNX file and with its original network, and time both at batches of 1, 32 and 1024."""
    with told_to_the_user(verbose):
        from dbx_dl.config import load_run_config
        from dbx_dl.export.comparison import tabulate_comparison
        from dbx_dl.pipeline import compare_run

        run_config = load_run_config(config, settings or ())
        for framework in run_config.frameworks:
            found = compare_run(run_config, framework)
            if as_json:
                typer.echo(found.model_dump_json())
                continue
            header, *rows = tabulate_comparison(found)
            print_table(header, rows)
            parity = f"largest difference {found.parity.max_abs_difference:.2g} on {found.parity.num_rows} rows"
            typer.echo(f"{framework}: {parity}, {found.parity.share_equal_classes:.1%} of them alike")


@app.command()
def register(
    config: ConfigOption,
    is_promoting: Annotated[
        bool, typer.Option("--promote/--no-promote", help="Whether to compare them, too; else `dbx-dl promote` does.")
    ] = True,
    settings: SetOption = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Register each ONNX file, then make the best model on the test split champion."""
    with run_of(config, verbose, settings) as (spark, run_config):
        from dbx_dl.pipeline import promote_run, register_run

        for framework in run_config.frameworks:
            registered = register_run(run_config, framework)
            tell(registered, f"registered: {registered.uri}", as_json)
        if is_promoting:
            promotion = promote_run(spark, run_config)
            tell(promotion, f"promotion: {promotion.reason}", as_json)


_COMMANDS: tuple[Callable[..., None], ...] = (
    project_commands.init,
    project_commands.doctor,
    network_commands.networks,
    network_commands.tasks,
    network_commands.activations,
    model_commands.promote,
    model_commands.backtest,
    model_commands.clusters,
    model_commands.rollback,
    model_commands.models,
    model_commands.copy,
    model_commands.inspect,
    explain_commands.explain,
    explain_commands.card,
)
for _command in _COMMANDS:
    app.command()(_command)
app.add_typer(label_commands.label_app)


@app.command()
def score(
    config: ConfigOption,
    explain: Annotated[bool, typer.Option("--explain", help="Show what would be done, and score nothing.")] = False,
    stream: Annotated[
        bool, typer.Option("--stream", help="Score what is new, as the run's `score.stream` says.")
    ] = False,
    settings: SetOption = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Score the run's input into a Delta table of predictions: all rows, or those that its `score` chooses."""
    if explain and stream:
        raise typer.BadParameter("--explain is for a run that ends: leave out --stream")
    if explain or stream:
        refuse_json(as_json, "--explain" if explain else "--stream")
    with run_of(config, verbose, settings) as (spark, run_config):
        from dbx_dl.pipeline import explain_score_run, score_run, stream_score_run

        if explain:
            print_table(("", run_config.name), explain_score_run(spark, run_config))
        elif stream:
            stream_score_run(spark, run_config)
        else:
            scored = score_run(spark, run_config)
            line = (
                f"scored: {scored.table.name}, {scored.num_rows} rows, {scored.num_errors} errors; "
                f"{scored.selection}: {scored.num_written} rows written, {scored.num_removed} removed"
            )
            tell(scored, line, as_json)


app.command()(monitor_commands.monitor)


@app.command()
def report(config: ConfigOption, settings: SetOption = None, as_json: AsJson = False, verbose: Verbose = False) -> None:
    """Write the page of a run whose stages have all been run."""
    with run_of(config, verbose, settings) as (spark, run_config):
        from dbx_dl.pipeline import load_outcome, report_run

        path = report_run(spark, run_config)
        _print_outcomes([load_outcome(run_config)], path, as_json)


for _registered in app.registered_commands:
    assert _registered.callback is not None
    _registered.epilog = show_examples(_registered.callback.__name__)


def _print_outcomes(outcomes: Sequence[RunOutcome], report_path: Path, as_json: bool) -> None:
    if as_json:
        for outcome in outcomes:
            text = json.dumps({**outcome.as_values(), "report": str(report_path.absolute())})
            typer.echo(hide_tracking_passwords(text))
        return
    from dbx_dl.monitor.run_report.summary import summarize

    summary = summarize(outcomes)
    print_table(("", *(f"{run_name}\n{framework}" for run_name, framework in summary.columns)), summary.rows)
    for outcome in outcomes:
        typer.echo(f"{outcome.config.name}: {outcome.promotion.reason}")
    typer.echo(f"report: {report_path.absolute()}")
    typer.echo(f"MLflow: {mlflow_command(outcomes[0].config.tracking.uri)}")


def mlflow_command(tracking_uri: str) -> str:
    """The command that opens MLflow's page on this tracking store; for a server, its address. Passwords are hidden."""
    from dbx_dl.contracts.secret_texts import hide_secrets

    prefix = "sqlite:///"
    if tracking_uri.startswith(prefix):
        tracking_uri = prefix + str(Path(tracking_uri.removeprefix(prefix)).absolute())
    elif tracking_uri.startswith(("http://", "https://")):
        return f"see {hide_secrets(tracking_uri)}"
    program = str(Path(sys.executable).with_name("mlflow"))
    return shlex.join([program, "ui", "--backend-store-uri", hide_secrets(tracking_uri)])


def _list_metrics(metrics: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in sorted(metrics.items()))
