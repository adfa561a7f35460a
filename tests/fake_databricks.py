"""Databricks as far as the package asks it: its environment variables, and `dbutils` as its documentation says.

Sources: docs.databricks.com, "Databricks Utilities reference" and "Use task values to pass information between tasks".
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

MAX_VALUE_BYTES = 48 * 1024


class NoSuchThingError(Exception):
    """What the JVM raises, as py4j hands it on."""


@dataclass
class FakeWidgets:
    """`dbutils.widgets`: parameters of a job are there before a notebook makes its widgets."""

    given: dict[str, str] = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict)

    def text(self, name: str, defaultValue: str, label: str | None = None) -> None:
        self.made.setdefault(name, defaultValue)

    def get(self, name: str) -> str:
        if name not in self.given and name not in self.made:
            raise NoSuchThingError(f"InputWidgetNotDefined: No input widget named {name} is defined")
        return self.given.get(name, self.made.get(name, ""))


@dataclass
class FakeTaskValues:
    """`dbutils.jobs.taskValues` of one task of a job run; without `task` of a notebook outside of any job."""

    task: str | None = None
    values: dict[str, dict[str, str]] = field(default_factory=dict)

    def set(self, key: str, value: Any) -> None:
        if self.task is None:
            return
        text = json.dumps(value)  # only what can be JSON is taken
        if len(text.encode()) > MAX_VALUE_BYTES:
            raise ValueError(f"The size of the task value {key} exceeds {MAX_VALUE_BYTES} bytes")
        self.values.setdefault(self.task, {})[key] = text

    def get(self, taskKey: str, key: str, default: Any = None, debugValue: Any = None) -> Any:
        if self.task is None:
            if debugValue is None:
                raise TypeError("Must pass debugValue when calling get outside of a job context")
            return debugValue
        if taskKey not in self.values:
            raise NoSuchThingError(f"Task key does not exist in run: {taskKey}")
        if key not in self.values[taskKey]:
            if default is None:
                raise ValueError(f"Task value with key {key} not found, and no default was given")
            return default
        return json.loads(self.values[taskKey][key])


@dataclass
class FakeSecrets:
    """`dbutils.secrets`."""

    scopes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def get(self, scope: str, key: str) -> str:
        if key not in self.scopes.get(scope, {}):
            raise NoSuchThingError(f"Secret does not exist with scope: {scope} and key: {key}")
        return self.scopes[scope][key]


@dataclass
class FakeDatabricks:
    """What a test sets and looks at."""

    widgets: FakeWidgets = field(default_factory=FakeWidgets)
    task_values: FakeTaskValues = field(default_factory=FakeTaskValues)
    secrets: FakeSecrets = field(default_factory=FakeSecrets)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Be the Databricks of this process: a classic cluster's variable, and `pyspark.dbutils`."""
        monkeypatch.delenv("DATABRICKS_ENV_VERSION", raising=False)
        monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "17.3")
        module = ModuleType("pyspark.dbutils")
        module.DBUtils = lambda spark: self._utilities()  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "pyspark.dbutils", module)
        monkeypatch.setattr("dbx_dl.runtime.databricks.utilities.get_session", lambda: None)

    def _utilities(self) -> SimpleNamespace:
        jobs = SimpleNamespace(taskValues=self.task_values)
        return SimpleNamespace(widgets=self.widgets, jobs=jobs, secrets=self.secrets)


class FakeSession:
    """A session whose settings are these; `refuses` is raised where a setting is asked for."""

    def __init__(self, settings: Mapping[str, str] | None = None, refuses: Exception | None = None) -> None:
        self._settings, self._refuses = settings or {}, refuses
        self.conf = SimpleNamespace(get=self._get)

    def _get(self, name: str, default: str | None = None) -> str | None:
        if self._refuses is not None:
            raise self._refuses
        return self._settings.get(name, default)


class FakeConnectSession(FakeSession):
    """The same, of Spark Connect as its module says."""

    __module__ = "pyspark.sql.connect.session"
