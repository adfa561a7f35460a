"""One MLflow run per training, written by the driver alone and addressed by its id: no global state."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.contracts.secret_texts import hide_secrets
from dbx_dl.errors import ConfigError, RegistryError
from dbx_dl.runtime.tracking import ensure_experiment, explain_failure, open_client, quiet_mlflow, short_waits
from dbx_dl.train.mlflow_values import PARENT_TAG, describe_dataset, describe_params, describe_source, describe_tags
from dbx_dl.train.outbox import KnownRun, Message, Outbox, Unsent
from dbx_dl.train.run_directory import RunDirectory

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow import MlflowClient

    from dbx_dl.config import TrackingConfig
    from dbx_dl.contracts import EpochMetrics
    from dbx_dl.train.job import TrainingJob, TrainingResult
    from dbx_dl.train.meters import RankMetrics, StepMetrics

logger = logging.getLogger(__name__)

_PARAMS_PER_CALL = 100
_REFUSALS = (400, 404, 409)


class TrackedRun:
    """A run in MLflow that is being written; what MLflow cannot be told now is kept and told later."""

    def __init__(self, client: MlflowClient, known: KnownRun, files: RunDirectory) -> None:
        self.run_id = known.run_id
        self._client = client
        self._files = files
        self._outbox = Outbox(known, files.unsent, self._send, _is_refused)
        self._logged: set[tuple[str, int]] = set()

    @property
    def figures(self) -> Path:
        """Where figures lie in the run directory."""
        return self._files.figures

    def skip_logged(self) -> None:
        """Ask MLflow which steps it has already, from an earlier launch, so that they are not logged twice."""
        for name in self._client.get_run(self.run_id).data.metrics:
            self._logged |= {(name, metric.step) for metric in self._client.get_metric_history(self.run_id, name)}
        for message in self._outbox.waiting:
            self._logged |= {(name, message.step) for name in message.metrics}

    def log_epoch(self, epoch: EpochMetrics) -> None:
        """The epoch's metrics at step `epoch`, once."""
        speed = {"epoch_seconds": epoch.seconds, "rows_per_second": epoch.rows_per_second}
        self._log_metrics({**epoch.metrics, **speed}, epoch.epoch)

    def log_steps(self, steps: StepMetrics) -> None:
        """Averages over some steps at the last one's number, once."""
        self._log_metrics(steps.metrics, steps.step)

    def log_rank(self, values: RankMetrics) -> None:
        """One rank's speed and resources as `rank_<n>/<metric>` at step `epoch`, once."""
        named = {f"rank_{values.rank}/{name}": value for name, value in values.metrics.items()}
        self._log_metrics(named, values.epoch)

    def log_result(self, result: TrainingResult, num_restarts: int) -> None:
        """The metrics of the test split, the best epoch, versions, and any epoch that was not logged before."""
        for epoch in result.history:
            self.log_epoch(epoch)
        self._log_metrics({**result.metrics, "best_epoch": result.best_epoch}, result.best_epoch)
        versions = {f"dbx_dl.version.{name}": value for name, value in result.versions.items()}
        self.set_tags({**versions, "dbx_dl.num_restarts": str(num_restarts)})

    def set_tags(self, tags: dict[str, str]) -> None:
        """Tags of the run."""
        self._outbox.add(Message(kind="tags", time_ms=_now(), tags=tags))

    def log_figure(self, figure: Figure, name: str) -> None:
        """A figure as a PNG artifact, and in the run directory."""
        self._files.figures.mkdir(parents=True, exist_ok=True)
        path = self._files.figures / f"{name}.png"
        figure.savefig(path)
        self.log_file(path, "figures")

    def log_file(self, path: Path, folder: str) -> None:
        """A file as an artifact in a folder."""
        self._outbox.add(Message(kind="file", time_ms=_now(), path=str(path), folder=folder))

    def log_start(self, job: TrainingJob) -> None:
        """Parameters, tags and the dataset input, before the first step."""
        from mlflow.entities import Param

        params = [Param(name, value) for name, value in describe_params(job).items()]
        for start in range(0, len(params), _PARAMS_PER_CALL):
            self._client.log_batch(self.run_id, params=params[start : start + _PARAMS_PER_CALL])
        self._client.log_inputs(self.run_id, datasets=[describe_dataset(job.prepared)])
        with quiet_mlflow():
            self._client.log_dict(self.run_id, job.model_dump(mode="json"), "job.json")

    def flush(self) -> bool:
        """Tell MLflow what was kept; whether nothing is left."""
        return self._outbox.flush()

    def end(self, status: str) -> None:
        """End the run as FINISHED or FAILED; a warning says what MLflow was not told."""
        self._outbox.add(Message(kind="end", time_ms=_now(), status=status))
        if not self._outbox.flush():
            logger.warning(
                "MLflow run %s lacks %d messages, which are kept in %s: log them with `dbx-dl log` or "
                "dbx_dl.train.tracking.send_kept(%r, tracking=...)",
                *(self.run_id, len(self._outbox.waiting), self._files.unsent, str(self._files.root)),
            )

    def _log_metrics(self, values: Mapping[str, float], step: int) -> None:
        new = {name: float(value) for name, value in values.items() if (name, step) not in self._logged}
        self._logged |= {(name, step) for name in new}
        if new:
            self._outbox.add(Message(kind="metrics", time_ms=_now(), step=step, metrics=new))

    def _send(self, message: Message) -> None:
        with quiet_mlflow(), short_waits():
            send_message(self._client, self.run_id, message)


def send_message(client: MlflowClient, run_id: str, message: Message) -> None:
    """Tell MLflow one message of a run."""
    from mlflow.entities import Metric, RunTag

    if message.kind == "metrics":
        metrics = [Metric(name, value, message.time_ms, message.step) for name, value in message.metrics.items()]
        client.log_batch(run_id, metrics=metrics)
    elif message.kind == "tags":
        client.log_batch(run_id, tags=[RunTag(name, value) for name, value in message.tags.items()])
    elif message.kind == "file":
        client.log_artifact(run_id, message.path, message.folder)
    else:
        client.set_terminated(run_id, message.status, message.time_ms)


def send_kept(directory: str, *, tracking: TrackingConfig) -> int:
    """Tell MLflow what a training in `directory` kept while the server was away; gives the number of messages.

    ConfigError when its run is in another store than `tracking`, RegistryError when the server still does not answer.
    """
    files = RunDirectory(Path(directory).absolute())
    if not files.unsent.exists():
        return 0
    kept = Unsent.load(files.unsent)
    if not _is_in(tracking, kept):
        raise ConfigError(
            f"{files.unsent} is of MLflow run {kept.run_id} in {kept.tracking_uri}, the config's tracking.uri is "
            f"{hide_secrets(tracking.uri)}: give the training's own"
        )
    run = TrackedRun(open_client(tracking.uri), kept, files)
    if not run.flush():
        raise RegistryError(f"MLflow stopped answering: what is left stays in {files.unsent}")
    return len(kept.messages)


@contextmanager
def track_run(
    tracking: TrackingConfig,
    job: TrainingJob,
    files: RunDirectory,
    *,
    is_resumed: bool = False,
    parent_run_id: str | None = None,
) -> Iterator[TrackedRun]:
    """A run for the job: FINISHED when the block ends, FAILED when it raises, also on an interrupt.

    With `parent_run_id` it is a child of that run. A resumed training goes on in its own run. RegistryError when MLflow
    cannot be reached at the start; later what it cannot be told is kept in the run directory.
    """
    from mlflow.exceptions import MlflowException

    client = open_client(tracking.uri)
    try:
        run = _reopen_run(client, tracking, files) if is_resumed else None
        run = run or _create_run(client, tracking, job, files, parent_run_id)
    except MlflowException as error:
        raise RegistryError(f"an MLflow run cannot be written: {explain_failure(error)}") from None
    try:
        yield run
        run.end("FINISHED")
    except BaseException:
        with suppress(Exception):
            run.end("FAILED")
        raise


def _create_run(
    client: MlflowClient, tracking: TrackingConfig, job: TrainingJob, files: RunDirectory, parent_run_id: str | None
) -> TrackedRun:
    name = f"{Path(job.prepared.table.name).name} {job.config.network} {job.framework}"
    parent = {} if parent_run_id is None else {PARENT_TAG: parent_run_id}
    tags = describe_tags(job) | describe_source(tracking) | parent
    started = client.create_run(ensure_experiment(client, tracking), run_name=name, tags=tags)
    known = KnownRun(run_id=started.info.run_id, tracking_uri=tracking.uri)
    run = TrackedRun(client, known, files)
    try:
        run.log_start(job)
    except BaseException:
        with suppress(Exception):
            client.set_terminated(run.run_id, "FAILED")
        raise
    known.save(files.tracked_run)
    return run


def _reopen_run(client: MlflowClient, tracking: TrackingConfig, files: RunDirectory) -> TrackedRun | None:
    """The run that an earlier launch wrote; None, with a warning, when it was in another store or is gone."""
    from mlflow.exceptions import MlflowException

    known = KnownRun.load(files.tracked_run) if files.tracked_run.exists() else None
    if known is None or not _is_in(tracking, known):
        place = hide_secrets(tracking.uri)
        logger.warning("the training in %s has no run in %s: a new one is made", files.root, place)
        return None
    run = TrackedRun(client, known, files)
    try:
        run.skip_logged()
        client.update_run(known.run_id, status="RUNNING")
    except MlflowException as error:
        if not _is_refused(error):
            raise
        logger.warning("MLflow run %s is gone (%s): a new one is made", known.run_id, explain_failure(error))
        return None
    return run


def _is_in(tracking: TrackingConfig, run: KnownRun) -> bool:
    """Whether the run is in the config's store; who asks and their password may have changed."""
    return run.tracking_uri == hide_secrets(tracking.uri)


def _is_refused(error: Exception) -> bool:
    """Whether MLflow answered that it will not do it, rather than not answering."""
    from mlflow.exceptions import MlflowException

    if not isinstance(error, MlflowException):
        return isinstance(error, FileNotFoundError)
    return error.get_http_status_code() in _REFUSALS


def _now() -> int:
    return int(time.time() * 1000)
