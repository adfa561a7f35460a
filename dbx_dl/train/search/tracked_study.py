"""A study in MLflow: one run for it and, as its children, the runs of its trials, which say how each one ended.

So a study goes on from any tracking store, database or server, with nothing beside it. Optuna's own tables cannot lie
in MLflow's database: both keep their schema's version in `alembic_version`. MLflow's storage for Optuna would keep a
second run for every trial, reads all of them for each value that is sampled, and repeats the first proposals of a
seeded sampler when a study goes on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from dbx_dl.contracts import SearchResult, SearchTrial
from dbx_dl.errors import ConfigError, RegistryError
from dbx_dl.runtime.tracking import ensure_experiment, explain_failure, open_client, quiet_mlflow
from dbx_dl.train.mlflow_values import DIRECTORY_TAG, PARENT_TAG, describe_source
from dbx_dl.train.search.study import FinishedTrial

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow import MlflowClient
    from mlflow.entities import Run

    from dbx_dl.config import TrackingConfig

STUDY_TAG = "dbx_dl.study"
TRIAL_TAG = "dbx_dl.trial"
_NOTES_TAG = "dbx_dl.trial_notes"
_PAGE = 500
_MAX_PARAM_CHARACTERS = 6000


class TrackedStudy:
    """The runs of a study in MLflow; not for two threads at once."""

    def __init__(self, client: MlflowClient, run: Run, name: str, metric: str) -> None:
        self.run_id = str(run.info.run_id)
        self.name = name
        self._experiment_id = run.info.experiment_id
        self._client = client
        self._metric = metric

    def load_trials(self) -> list[FinishedTrial]:
        """Trials that have ended, by number. Runs that were cut off are ended as KILLED and do not count."""
        finished: dict[int, FinishedTrial] = {}
        for run in self._find_children():
            if TRIAL_TAG in run.data.tags:
                record = self._read_trial(run)
                finished.setdefault(record.trial.number, record)
            elif run.info.status == "RUNNING":
                self._client.set_terminated(run.info.run_id, "KILLED")
        return [finished[number] for number in sorted(finished)]

    def record(self, finished: FinishedTrial) -> None:
        """Write into the trial's run how it ended."""
        trial = finished.trial
        # The newest run in the trial's directory: others were cut off.
        children = (run for run in self._find_children() if run.data.tags.get(DIRECTORY_TAG) == trial.directory)
        run_id = next(children).info.run_id
        self._client.set_tag(run_id, "mlflow.runName", f"trial {trial.number}")
        self._client.set_tag(run_id, f"{TRIAL_TAG}_state", trial.state)
        self._client.set_tag(run_id, _NOTES_TAG, json.dumps(finished.notes))
        # Last, because it is what makes the trial count.
        self._client.set_tag(run_id, TRIAL_TAG, trial.model_dump_json())

    def log_result(self, result: SearchResult, figures: Mapping[str, Figure]) -> None:
        """The best trial's metric and settings, the table of all trials, and figures by name."""
        self._client.log_metric(self.run_id, f"best_{result.metric}", result.best_value, step=result.best_number)
        for name, value in result.best_values.items():
            self._client.set_tag(self.run_id, f"dbx_dl.best.{name}", str(value))
        with quiet_mlflow():
            self._client.log_dict(self.run_id, result.model_dump(mode="json"), "search.json")
            for name, figure in figures.items():
                self._client.log_figure(self.run_id, figure, f"figures/{name}.png")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """The study's run is RUNNING, then FINISHED; FAILED when the block raises, KILLED on an interrupt."""
        from mlflow.exceptions import MlflowException

        try:
            self._client.update_run(self.run_id, status="RUNNING")
            yield
            self._client.set_terminated(self.run_id, "FINISHED")
        except BaseException as error:
            with suppress(Exception):
                self._client.set_terminated(self.run_id, "FAILED" if isinstance(error, Exception) else "KILLED")
            if isinstance(error, MlflowException):
                reason = explain_failure(error)
                raise RegistryError(
                    f"study {self.name} (MLflow run {self.run_id}) cannot be written: {reason}"
                ) from None
            raise

    def _find_children(self) -> Iterator[Run]:
        """Runs of trials, newest first."""
        token: str | None = None
        while True:
            page = self._client.search_runs(
                [self._experiment_id],
                filter_string=f"tags.`{PARENT_TAG}` = '{self.run_id}'",
                order_by=["attributes.start_time DESC"],
                max_results=_PAGE,
                page_token=token,
            )
            yield from page
            token = page.token
            if not token:
                return

    def _read_trial(self, run: Run) -> FinishedTrial:
        trial = SearchTrial.model_validate_json(run.data.tags[TRIAL_TAG])
        epochs = self._client.get_metric_history(run.info.run_id, self._metric)
        return FinishedTrial(
            trial=trial,
            epoch_values={epoch.step: epoch.value for epoch in epochs if epoch.step <= trial.num_epochs},
            notes=json.loads(run.data.tags[_NOTES_TAG]),
        )


def open_study(tracking: TrackingConfig, name: str, metric: str, identity: Mapping[str, Any]) -> TrackedStudy:
    """The study of this name, new or to be gone on with; ConfigError when its identity was another one.

    RegistryError when MLflow cannot be reached.
    """
    client = open_client(tracking.uri)
    experiment_id = ensure_experiment(client, tracking)
    params = {key: str(value)[:_MAX_PARAM_CHARACTERS] for key, value in identity.items()}
    found = client.search_runs([experiment_id], filter_string=f"tags.`{STUDY_TAG}` = '{name}'", max_results=1)
    if found:
        _require_same(name, found[0].data.params, params)
        return TrackedStudy(client, found[0], name, metric)
    created = client.create_run(experiment_id, run_name=name, tags=describe_source(tracking))
    for key, value in params.items():
        client.log_param(created.info.run_id, key, value)
    # Last: a study without all its parameters is none.
    client.set_tag(created.info.run_id, STUDY_TAG, name)
    return TrackedStudy(client, created, name, metric)


def _require_same(name: str, old: Mapping[str, str], new: Mapping[str, str]) -> None:
    for key in dict.fromkeys([*new, *old]):
        if old.get(key) != new.get(key):
            before, now = (f"{values[key]!r}" if key in values else "absent" for values in (old, new))
            raise ConfigError(
                f"study {name!r} was made with another {key}: {before} then, {now} now; set it back, or name another "
                "search.study"
            )
