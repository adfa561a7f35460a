"""Register an ONNX file as a version of an MLflow model, with everything that it came from as tags."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dbx_dl import __version__
from dbx_dl.contracts import RegisteredModel
from dbx_dl.errors import DataError, RegistryError
from dbx_dl.register.model_folder import write_model_folder
from dbx_dl.register.upload import check_name, create_version, ensure_model, find_version, log_model
from dbx_dl.runtime.markdown_texts import escape_markup
from dbx_dl.runtime.tracking import explain_failure, open_client, quiet_mlflow, short_waits
from dbx_dl.score.model.model_file import SHA256_TAG
from dbx_dl.score.model.session import digest_file

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel

    from dbx_dl.config import RegisterConfig, TrackingConfig
    from dbx_dl.contracts import OnnxModel

logger = logging.getLogger(__name__)

CHALLENGER = "challenger"


def register_model(onnx: OnnxModel, config: RegisterConfig, *, tracking: TrackingConfig) -> RegisteredModel:
    """Log the model to its training run, register it as a new version of `config.name`, alias `challenger`.

    The version has the MLflow flavours onnx and python_function, a signature, an input example, a description, and
    tags: metrics, Delta table and version, Horovod size, framework, SHA-256, dbx_dl version, parity. RegistryError
    when MLflow cannot be reached or does not know the run; DataError when the file was changed since its export. The
    run stays as it is then, and the call can be repeated: a version of the same run with the same file is not made
    again but becomes `challenger`, and files that were uploaded before are not uploaded again.
    """
    check_name(config.name, tracking.uri)
    if digest_file(onnx.file.path) != onnx.file.sha256:
        raise DataError(f"{onnx.file.path} is not the file that was exported (other SHA-256): export again")
    client = open_client(tracking.uri)
    from mlflow.exceptions import MlflowException

    try:
        with quiet_mlflow(), short_waits():
            version = find_version(client, config.name, onnx.trained.run_id, onnx.file.sha256)
            is_new = version is None
            if version is None:
                ensure_model(client, config.name)
                version = create_version(client, config.name, _find_or_log(client, onnx), describe_version(onnx))
            client.set_registered_model_alias(config.name, CHALLENGER, str(version))
    except MlflowException as error:
        raise RegistryError(f"model {config.name!r} cannot be registered: {explain_failure(error)}") from None
    how = "registered" if is_new else "found again: the same file of the same run is"
    logger.info("%s %s version %d (alias %s)", how, config.name, version, CHALLENGER)
    return RegisteredModel(onnx=onnx, name=config.name, version=version, uri=f"models:/{config.name}/{version}")


def describe_tags(onnx: OnnxModel) -> dict[str, str]:
    """The tags of a version; underscores only, as Unity Catalog takes no dots in tag names."""
    trained = onnx.trained
    tags = {
        SHA256_TAG: onnx.file.sha256,
        "dbx_dl_version": __version__,
        "dbx_dl_framework": trained.framework,
        "dbx_dl_network": trained.network,
        "dbx_dl_table": trained.prepared.table.name,
        "dbx_dl_table_version": str(trained.prepared.table.version),
        "dbx_dl_horovod_size": str(trained.num_ranks),
        "dbx_dl_onnx_parity": f"{onnx.parity.max_abs_difference:.3g}",
    }
    return tags | {f"dbx_dl_test_{name}": f"{value:.6g}" for name, value in onnx.metrics.items()}


def describe_version(onnx: OnnxModel) -> str:
    """A description for people, in Markdown."""
    trained = onnx.trained
    table = trained.prepared.table
    metrics = ", ".join(f"{name} {value:.4f}" for name, value in sorted(onnx.metrics.items())) or "not measured"
    return escape_markup(
        f"Network `{trained.network}` trained with {trained.framework} on {trained.num_ranks} rank(s), "
        f"{trained.best_epoch} epoch(s) to the best one.\n\n"
        f"- Data: Delta table `{table.name}`, version {table.version}, "
        f"{trained.prepared.split_rows.get('train', 0)} training rows\n"
        f"- Labels: {_shorten(trained.prepared.target.label_names)}\n"
        f"- On the test split: {metrics}\n"
        f"- ONNX file: {onnx.size_bytes / 1e6:.2f} MB, opset {onnx.opset}, differs from the network by at most "
        f"{onnx.parity.max_abs_difference:.2g} on {onnx.parity.num_rows} held-out rows\n"
    )


def _shorten(names: tuple[str, ...], limit: int = 20) -> str:
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")


def _find_or_log(client: MlflowClient, onnx: OnnxModel) -> LoggedModel:
    """The run's logged model with this file, which a registration that broke off may have left; else a new one."""
    run = client.get_run(onnx.trained.run_id)
    for output in run.outputs.model_outputs if run.outputs else []:
        model = client.get_logged_model(output.model_id)
        if str(model.status) == "READY" and model.tags.get(SHA256_TAG) == onnx.file.sha256:
            return model
    return log_model(
        client,
        run.info.experiment_id,
        lambda folder, model_id: write_model_folder(onnx, folder, model_id),
        describe_tags(onnx),
        onnx.trained.run_id,
    )
