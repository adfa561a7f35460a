"""Where a run works: the Spark session and the MLflow store."""

from __future__ import annotations

from pydantic import Field

from dbx_dl.config.section import Section
from dbx_dl.contracts.table_names import absolute_path, is_path


class SparkConfig(Section):
    """The local session that is started where no Spark session is given (never on Databricks).

    `master` is Spark's (`local[2]`: two slots), or `sc://host:port` of a Spark Connect server. `driver_memory` is that
    of the JVM (`2g`). A shuffle makes `shuffle_partitions` parts. `settings` are any of Spark's own, which win.
    """

    master: str = "local[2]"
    driver_memory: str = "2g"
    shuffle_partitions: int = Field(default=2, gt=0)
    settings: dict[str, str] = Field(default_factory=dict)


class TrackingConfig(Section):
    """Where MLflow keeps runs and models: `uri` of a database or server; files go under `artifacts` (a folder or URI).

    Runs are in the `experiment` of that name, which is made where it is not there. They say which `git_commit` they
    come from, where it is given.
    """

    uri: str = Field(default="sqlite:///mlflow.db", min_length=1)
    experiment: str = Field(default="dbx_dl", min_length=1)
    artifacts: str | None = None
    git_commit: str = ""


def normalize_table(name: str) -> str:
    """A table's name as it is; its path absolute and without detours, so that two ways to write it are one."""
    return absolute_path(name) if is_path(name) or name.startswith("file:") else name
