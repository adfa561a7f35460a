"""One MLflow run per training, written by the driver alone and addressed by its id: no global state."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbx_dl.errors import RegistryError
from dbx_dl.runtime.tracking import ensure_experiment, explain_failure, open_client, quiet_mlflow

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput

    from dbx_dl.config import TrackingConfig
    from dbx_dl.contracts import EpochMetrics, PreparedTable
    from dbx_dl.train.job import TrainingJob, TrainingResult

PARENT_TAG = "mlflow.parentRunId"
DIRECTORY_TAG = "dbx_dl.directory"
_PARAMS_PER_CALL = 100
_MAX_PARAM_CHARACTERS = 6000


class TrackedRun:
    """A run in MLflow that is being written."""

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self.run_id = run_id
        self._client = client
        self._logged_epochs: set[int] = set()

    def log_epoch(self, epoch: EpochMetrics) -> None:
        """The epoch's metrics at step `epoch`, once."""
        if epoch.epoch in self._logged_epochs:
            return
        values = {**epoch.metrics, "epoch_seconds": epoch.seconds, "rows_per_second": epoch.rows_per_second}
        self._log_metrics(values, epoch.epoch)
        self._logged_epochs.add(epoch.epoch)

    def log_result(self, result: TrainingResult) -> None:
        """The metrics of the test split, the best epoch, versions, and any epoch that was not logged before."""
        for epoch in result.history:
            self.log_epoch(epoch)
        self._log_metrics({**result.metrics, "best_epoch": result.best_epoch}, result.best_epoch)
        for name, value in result.versions.items():
            self._client.set_tag(self.run_id, f"dbx_dl.version.{name}", value)

    def log_figure(self, figure: Figure, name: str) -> None:
        """A figure as a PNG artifact."""
        with quiet_mlflow():
            self._client.log_figure(self.run_id, figure, f"figures/{name}.png")

    def log_json(self, values: dict[str, Any], name: str) -> None:
        """A JSON artifact."""
        with quiet_mlflow():
            self._client.log_dict(self.run_id, values, f"{name}.json")

    def log_start(self, job: TrainingJob) -> None:
        """Parameters, tags and the dataset input, before the first step."""
        from mlflow.entities import Param

        params = [Param(name, value) for name, value in _describe_params(job).items()]
        for start in range(0, len(params), _PARAMS_PER_CALL):
            self._client.log_batch(self.run_id, params=params[start : start + _PARAMS_PER_CALL])
        self._client.log_inputs(self.run_id, datasets=[_describe_dataset(job.prepared)])
        self.log_json(job.model_dump(mode="json"), "job")

    def end(self, status: str) -> None:
        """End the run as FINISHED or FAILED."""
        self._client.set_terminated(self.run_id, status)

    def _log_metrics(self, values: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(name, float(value), now, step) for name, value in values.items()]
        self._client.log_batch(self.run_id, metrics=metrics)


@contextmanager
def track_run(tracking: TrackingConfig, job: TrainingJob, parent_run_id: str | None = None) -> Iterator[TrackedRun]:
    """A new run for the job: FINISHED when the block ends, FAILED when it raises, also on an interrupt.

    With `parent_run_id` it is a child of that run. RegistryError when MLflow cannot be reached, or stops answering.
    """
    from mlflow.exceptions import MlflowException

    client = open_client(tracking.uri)
    experiment_id = ensure_experiment(client, tracking)
    name = f"{Path(job.prepared.table.name).name} {job.config.network} {job.framework}"
    parent = {} if parent_run_id is None else {PARENT_TAG: parent_run_id}
    started = client.create_run(experiment_id, run_name=name, tags=_describe_tags(job) | parent)
    run = TrackedRun(client, started.info.run_id)
    try:
        run.log_start(job)
        yield run
        run.end("FINISHED")
    except BaseException as error:
        with suppress(Exception):
            run.end("FAILED")
        if isinstance(error, MlflowException):
            reason = f"MLflow run {run.run_id} cannot be written: {explain_failure(error)}"
            raise RegistryError(f"{reason}; what the ranks wrote is in {job.directory}") from None
        raise


def _describe_params(job: TrainingJob) -> dict[str, str]:
    values = {
        "framework": job.framework,
        **job.config.model_dump(mode="json"),
        "global_batch_size": job.config.batch_size * job.config.num_ranks,
        "split_rows": dict(job.prepared.split_rows),
    }
    return {name: str(value)[:_MAX_PARAM_CHARACTERS] for name, value in flatten(values).items()}


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings become dotted names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= flatten(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat


def _describe_tags(job: TrainingJob) -> dict[str, str]:
    try:
        horovod = version("horovod")
    except PackageNotFoundError:
        horovod = "not installed"
    return {
        "dbx_dl.table": job.prepared.table.name,
        "dbx_dl.table_version": str(job.prepared.table.version),
        "dbx_dl.framework": job.framework,
        "dbx_dl.network": job.config.network,
        "dbx_dl.horovod_version": horovod,
        "dbx_dl.horovod_size": str(job.config.num_ranks),
        DIRECTORY_TAG: job.directory,
    }


def _describe_dataset(prepared: PreparedTable) -> DatasetInput:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    table = prepared.table
    dataset = Dataset(
        name=table.name,
        digest=hashlib.sha256(f"{table.path}@{table.version}".encode()).hexdigest()[:8],
        source_type="delta_table",
        source=json.dumps({"path": table.path, "delta_table_version": table.version}),
        profile=json.dumps({"num_rows": prepared.num_rows, **{f"num_{k}": v for k, v in prepared.split_rows.items()}}),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])
