"""The commands on models: clusters, promote, backtest, rollback, models, copy, inspect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dbx_dl.errors import ConfigError
from dbx_dl.runtime.waiting import shown_waiting
from dbx_dl.terminal import AsJson, ConfigOption, SetOption, Verbose, print_table, run_of, tell, told_to_the_user

if TYPE_CHECKING:
    from dbx_dl.config import TrackingConfig

# So many clusters stand side by side.
_CLUSTERS_ABREAST = 4
RunOption = Annotated[Path | None, typer.Option("--config", help="A run's YAML file, which names registry and model.")]
UriOption = Annotated[
    str | None, typer.Option("--tracking", envvar="MLFLOW_TRACKING_URI", help="MLflow's database or server.")
]


def promote(
    config: ConfigOption, settings: SetOption = None, as_json: AsJson = False, verbose: Verbose = False
) -> None:
    """Compare the run's registered models and the present champion on the test split; the best one is champion."""
    with run_of(config, verbose, settings) as (spark, run_config):
        from dbx_dl.pipeline import promote_run

        promotion = promote_run(spark, run_config)
        if as_json:
            typer.echo(promotion.model_dump_json())
            return
        header, *rows = promotion.compare()
        print_table(header, rows)
        if groups := promotion.compare_groups():
            print_table(groups[0], groups[1:])
        for check in promotion.checks:
            met = {True: "met", False: "MISSED", None: "not judged"}[check.is_met]
            typer.echo(f"version {check.version}: {met}: {check.detail}")
        typer.echo(f"promotion: {promotion.reason}")


def backtest(
    config: ConfigOption, settings: SetOption = None, as_json: AsJson = False, verbose: Verbose = False
) -> None:
    """Compare forecasts of the test windows with what came true and with the seasonal naive ones, origin by origin."""
    with run_of(config, verbose, settings) as (spark, run_config):
        from dbx_dl.pipeline import backtest_run

        found = backtest_run(spark, run_config)
        if as_json:
            typer.echo(found.model_dump_json())
            return
        header, *rows = found.tabulate()
        print_table(header, rows)


def clusters(
    config: ConfigOption, settings: SetOption = None, as_json: AsJson = False, verbose: Verbose = False
) -> None:
    """Tell what the clusters of the run's models are like: how large, what is typical of them, which are alike."""
    with run_of(config, verbose, settings) as (spark, run_config):
        from dbx_dl.monitor.clusters.tables import tabulate_clusters
        from dbx_dl.pipeline import profile_run

        for framework in run_config.frameworks:
            profiles = profile_run(spark, run_config, framework)
            if as_json:
                typer.echo(profiles.model_dump_json())
                continue
            for table in tabulate_clusters(profiles):
                typer.echo(f"{framework}: {table.title}")
                for part in table.cut(_CLUSTERS_ABREAST):
                    print_table(part.header, part.rows)


def rollback(
    name: Annotated[str | None, typer.Argument(help="The registered model; with --config the run's.")] = None,
    config: RunOption = None,
    tracking: UriOption = None,
    ledger: Annotated[str | None, typer.Option("--ledger", help="The promotion ledger, where it has a name.")] = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Make the champion before the present one champion again."""
    with told_to_the_user(verbose):
        import dbx_dl
        from dbx_dl.config import SparkConfig, load_run_config
        from dbx_dl.runtime.spark import open_session

        run_config = load_run_config(config) if config is not None else None
        place = _choose_tracking(config, tracking)
        name = name or (run_config.registry.name if run_config is not None else None)
        if name is None:
            raise ConfigError("which model? Give its name, or --config of a run that registers it")
        ledger = ledger or (run_config.registry.ledger if run_config is not None else None)
        spark = open_session(run_config.spark if run_config is not None else SparkConfig(), app_name="dbx_dl rollback")
        with shown_waiting(f"rolling back {name}"):
            found = dbx_dl.rollback_model(spark, name, tracking=place, ledger=ledger)
        line = f"{name}: version {found.champion_version} is champion again, not {found.rolled_back_version}"
        tell(found, line, as_json)


def models(
    name: Annotated[str | None, typer.Argument(help="One model; without it all of the registry.")] = None,
    config: RunOption = None,
    tracking: UriOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array instead of a table.")] = False,
    verbose: Verbose = False,
) -> None:
    """List versions with their aliases, metrics, and the tables they came from."""
    with told_to_the_user(verbose):
        from dbx_dl.contracts.secret_texts import hide_secrets
        from dbx_dl.register.listing import list_models, tabulate_versions

        uri = _choose_tracking(config, tracking).uri
        with shown_waiting(f"reading the registry {hide_secrets(uri)}"):
            versions = list_models(uri, name)
        if as_json:
            typer.echo(json.dumps([version.model_dump(mode="json") for version in versions], indent=2))
            return
        header, *rows = tabulate_versions(versions)
        print_table(header, rows)


def copy(
    source: Annotated[str, typer.Argument(help="models:/<name>@<alias> or models:/<name>/<version>.")],
    target: Annotated[str, typer.Argument(help="The model to make a version of, such as prod.vision.digits.")],
    config: RunOption = None,
    tracking: UriOption = None,
    to: Annotated[str | None, typer.Option("--to", help="MLflow of the target, where it is another one.")] = None,
    to_experiment: Annotated[str, typer.Option("--to-experiment", help="The experiment there.")] = "dbx_dl",
    to_artifacts: Annotated[
        str | None, typer.Option("--to-artifacts", help="Where files go there, if the experiment is new.")
    ] = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Copy a version to another model, catalog or registry, and compare the SHA-256 of what arrived."""
    with told_to_the_user(verbose):
        import dbx_dl

        place = _place_copies(to, to_experiment, to_artifacts) if to else None
        origin = _choose_tracking(config, tracking)
        with shown_waiting(f"copying {source}"):
            uri = dbx_dl.copy_model(source, target, tracking=origin, target_tracking=place)
        tell({"source": source, "uri": uri}, f"copied: {uri}", as_json)


def inspect(
    model: Annotated[Path, typer.Argument(help="An ONNX file, ours or another.")],
    as_json: Annotated[bool, typer.Option("--json", help="Everything as JSON.")] = False,
    verbose: Verbose = False,
) -> None:
    """Show what is in an ONNX file: inputs, outputs, where it comes from, size, operators, parameters."""
    with told_to_the_user(verbose):
        from dbx_dl.export.inspection import inspect_model, list_facts

        with shown_waiting(f"reading {model}"):
            facts = inspect_model(model)
        if as_json:
            typer.echo(facts.model_dump_json(indent=2))
            return
        print_table(("", str(model)), list_facts(facts))


def _place_copies(uri: str, experiment: str, artifacts: str | None) -> TrackingConfig:
    from dbx_dl.config import TrackingConfig

    if not experiment:
        raise ConfigError("which experiment? --to-experiment is empty")
    return TrackingConfig(uri=uri, experiment=experiment, artifacts=artifacts)


def _choose_tracking(config: Path | None, uri: str | None) -> TrackingConfig:
    """The run's store; else the URI; ConfigError where neither says one."""
    from dbx_dl.config import TrackingConfig, load_run_config

    if config is not None:
        return load_run_config(config).tracking
    if not uri:
        raise ConfigError("which registry? Give --config, --tracking, or the variable MLFLOW_TRACKING_URI")
    return TrackingConfig(uri=uri)
