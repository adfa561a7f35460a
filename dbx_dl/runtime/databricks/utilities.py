"""What `dbutils` is asked for: parameters of a job or notebook, values of tasks, secrets."""

from __future__ import annotations

import logging
import os
from typing import Any

from dbx_dl.errors import ConfigError, SetupError
from dbx_dl.runtime.databricks.compute import get_session, is_databricks

logger = logging.getLogger(__name__)

_PREFIX = "DBX_DL_"


def find_utilities() -> Any:
    """Databricks' `dbutils` for this process' session; None elsewhere. SetupError where Databricks has none."""
    if not is_databricks():
        return None
    try:
        from pyspark.dbutils import DBUtils
    except ImportError:
        raise SetupError("this is Databricks, but pyspark.dbutils is not there: use a Databricks Runtime") from None
    return DBUtils(get_session())


def read_parameter(name: str, default: str) -> str:
    """A parameter of a notebook: on Databricks its widget, which job parameters of that name fill; else DBX_DL_<NAME>.

    The widget is made where there is none, with the default.
    """
    utilities = find_utilities()
    if utilities is None:
        return os.environ.get(_PREFIX + name.upper(), default)
    utilities.widgets.text(name, default)
    return str(utilities.widgets.get(name))


def set_task_value(key: str, value: Any) -> None:
    """Leave a value (JSON, up to 48 KiB) for later tasks of this job run; outside of a job nothing happens.

    Where Databricks does not take it, a warning says so: what a stage has done counts all the same.
    """
    utilities = find_utilities()
    if utilities is None:
        return
    try:
        utilities.jobs.taskValues.set(key=key, value=value)
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        logger.warning("task value %s is not left for later tasks, which read the run's directory: %s", key, reason)


def find_task_value(task: str, key: str) -> Any:
    """What another task of this job run left under `key`; None where there is no such task or value, or no job."""
    utilities = find_utilities()
    if utilities is None:
        return None
    try:
        # Outside of a job the debug value comes back; the default where the task has left nothing.
        return utilities.jobs.taskValues.get(taskKey=task, key=key, default="", debugValue="") or None
    except Exception as error:
        # Of a task that the job does not have; the error's class is the JVM's.
        if "task" in str(error).lower():
            return None
        raise


def read_secret(place: str) -> str:
    """The secret at `scope/key`; ConfigError, without its value, where there is none or this is not Databricks."""
    scope, _, key = place.partition("/")
    if not scope or not key:
        raise ConfigError(f"{place!r} is no secret's place: write scope/key")
    utilities = find_utilities()
    if utilities is None:
        raise ConfigError(f"secret {place} is one of Databricks, and this is elsewhere: use env:NAME")
    try:
        return str(utilities.secrets.get(scope=scope, key=key))
    except Exception as error:
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise ConfigError(f"secret {place} cannot be read: {reason[:200]}") from None
