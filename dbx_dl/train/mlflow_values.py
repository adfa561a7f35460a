"""What an MLflow run says of a training before its first step: parameters, tags and the dataset."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from dbx_dl.train.job import flatten
from dbx_dl.train.run_directory import RunDirectory

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

    from dbx_dl.config import TrackingConfig
    from dbx_dl.contracts import PreparedTable
    from dbx_dl.train.job import TrainingJob

PARENT_TAG = "mlflow.parentRunId"
DIRECTORY_TAG = "dbx_dl.directory"
_COMMIT_TAG = "mlflow.source.git.commit"
_MAX_PARAM_CHARACTERS = 6000


def describe_params(job: TrainingJob) -> dict[str, str]:
    """The whole config as flat parameters."""
    values = {
        "framework": job.framework,
        **job.config.model_dump(mode="json"),
        "global_batch_size": job.config.batch_size * job.config.num_ranks,
        "split_rows": dict(job.prepared.split_rows),
    }
    return {name: str(value)[:_MAX_PARAM_CHARACTERS] for name, value in flatten(values).items()}


def describe_tags(job: TrainingJob) -> dict[str, str]:
    """What a run is found by: table, framework, network, ranks, directory, checkpoints."""
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
        "dbx_dl.checkpoints": str(RunDirectory(Path(job.directory)).checkpoints),
    }


def describe_source(tracking: TrackingConfig) -> dict[str, str]:
    """The commit that a run comes from, under MLflow's own name for it."""
    return {_COMMIT_TAG: tracking.git_commit} if tracking.git_commit else {}


def describe_dataset(prepared: PreparedTable) -> DatasetInput:
    """The prepared table at its version as the run's dataset input."""
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
