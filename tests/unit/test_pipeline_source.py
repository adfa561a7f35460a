"""The declarative pipeline's source defines one streaming table, of predictions by the SQL function."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

import dbx_dl
from tests.rules.bundle_files import list_resources, resolve
from tests.rules.source_files import ROOT

registry = pytest.importorskip("pyspark.pipelines.graph_element_registry", reason="pipelines came with Spark 4.1")


class Registry(registry.GraphElementRegistry):  # type: ignore[misc]
    """Keeps what a source defines."""

    def __init__(self) -> None:
        self.outputs: list[Any] = []
        self.flows: list[Any] = []

    def register_output(self, output: Any) -> None:
        self.outputs.append(output)

    def register_flow(self, flow: Any) -> None:
        self.flows.append(flow)

    def register_sql(self, sql_text: str, file_path: Any) -> None:
        raise AssertionError("this source has no SQL files")


class Rows:
    """A stream of a table; `selectExpr` gives what was selected of it."""

    def __init__(self, table: str) -> None:
        self.table = table

    def selectExpr(self, *expressions: str) -> tuple[str, ...]:
        return (self.table, *expressions)


@contextmanager
def _session(settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    session = SimpleNamespace(conf=SimpleNamespace(get=settings.__getitem__), readStream=SimpleNamespace(table=Rows))
    monkeypatch.setattr("pyspark.sql.SparkSession.active", lambda: session)
    yield session


def test_the_source_scores_new_rows_with_the_champion(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = next(place for place in list_resources() if place.kind == "pipelines")
    settings = resolve(pipeline.values["configuration"], "prod")
    registered: list[Any] = []
    monkeypatch.setattr(
        dbx_dl, "register_sql_function", lambda *given, **named: registered.append((*given[1:], named)), raising=False
    )
    kept = Registry()
    with _session(settings, monkeypatch), registry.graph_element_registration_context(kept):
        path = (ROOT / "conf" / "resources" / pipeline.values["libraries"][0]["file"]["path"]).resolve()
        runpy.run_path(str(path))
    options = {"tracking_uri": "databricks", "model_folder": "/Volumes/prod/dbx_dl/files/models"}
    assert registered == [("predict", "models:/prod.dbx_dl.digits@champion", options)]
    assert [output.name for output in kept.outputs] == ["digits_pipeline_scores"]
    (flow,) = kept.flows
    assert flow.target == "digits_pipeline_scores"
    assert flow.func() == ("prod.dbx_dl.new_images", "key", "predict(struct(*)) AS prediction")
