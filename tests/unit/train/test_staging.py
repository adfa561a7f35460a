"""Which tables of Databricks ranks read themselves, and which are copied first, with the reason."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from dbx_dl.config import FeedConfig, TrainConfig
from dbx_dl.contracts import PreparedTable, TableVersion
from dbx_dl.errors import VersionGoneError
from dbx_dl.feed.storage import UNITY_TABLE
from dbx_dl.train import staging
from tests.fake_databricks import FakeDatabricks
from tests.fake_unity_catalog import FakeUnityCatalog, lend_aws
from tests.prepared_tables import write_feature_table

NAME = "main.vision.digits"
SPARK: Any = None


@pytest.fixture
def catalog(monkeypatch: pytest.MonkeyPatch) -> FakeUnityCatalog:
    """Databricks, whose Unity Catalog this process may ask."""
    FakeDatabricks().install(monkeypatch)
    fake = FakeUnityCatalog()
    monkeypatch.setattr("databricks.sdk.WorkspaceClient", lambda: fake)
    return fake


@pytest.fixture
def reasons(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Why a table was copied; the copy is a real one."""
    found: list[str] = []
    copy = write_feature_table(tmp_path / "copy", {"train": 5}).table

    def stage(spark: Any, prepared: PreparedTable, columns: Any, directory: Path, reason: str) -> PreparedTable:
        found.append(reason)
        return prepared.model_copy(update={"staged": copy})

    monkeypatch.setattr(staging, "_stage", stage)
    return found


def prepared_at(tmp_path: Path, path: str, name: str = NAME) -> PreparedTable:
    table = TableVersion(name=name, path=path, version=0)
    return write_feature_table(tmp_path / "table", {"train": 5}).model_copy(update={"table": table})


def config(timeout_seconds: int = 3000, **options: str) -> TrainConfig:
    return TrainConfig(network="mlp", timeout_seconds=timeout_seconds, feed=FeedConfig(storage_options=options))


def test_a_table_on_a_volume_is_read_where_it_is(catalog: FakeUnityCatalog, reasons: list[str], tmp_path: Path) -> None:
    prepared = write_feature_table(tmp_path / "table", {"train": 5})
    assert staging.make_readable(SPARK, prepared, config(), tmp_path / "run") == prepared
    assert (reasons, catalog.asked) == ([], 0)


def test_a_catalogs_table_is_read_with_lent_credentials(
    catalog: FakeUnityCatalog, reasons: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[dict[str, str]] = []
    monkeypatch.setattr(staging, "check_table", lambda prepared, feed: opened.append(prepared.storage_options))
    prepared = prepared_at(tmp_path, "s3://bucket/digits")
    readable = staging.make_readable(SPARK, prepared, config(), tmp_path / "run")
    assert readable.storage_options == {UNITY_TABLE: NAME} and readable.staged is None
    assert reasons == [] and opened[0] == {UNITY_TABLE: NAME}
    assert "hunter2" not in readable.model_dump_json()


@pytest.mark.parametrize(
    ("refusing", "seconds", "path", "name", "reason"),
    [
        (True, 3600, "s3://bucket/digits", NAME, "EXTERNAL USE SCHEMA"),
        (
            False,
            2000,
            "s3://bucket/digits",
            NAME,
            r"credentials for table main.vision.digits last \d+ s, and train.timeout",
        ),
        (False, 3600, "s3://bucket/digits", "s3://bucket/digits", "feed.storage_options hold no secret for it"),
    ],
)
def test_others_are_copied_with_the_reason(
    catalog: FakeUnityCatalog,
    reasons: list[str],
    tmp_path: Path,
    refusing: bool,
    seconds: float,
    path: str,
    name: str,
    reason: str,
) -> None:
    catalog.is_refusing, catalog.given = refusing, lend_aws(seconds)
    readable = staging.make_readable(SPARK, prepared_at(tmp_path, path, name), config(), tmp_path / "run")
    assert readable.staged is not None and UNITY_TABLE not in readable.storage_options
    assert len(reasons) == 1
    assert re.search(reason, reasons[0])


def test_a_store_that_does_not_open_is_a_reason_too(
    catalog: FakeUnityCatalog, reasons: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = staging.check_table

    def check(prepared: PreparedTable, feed: FeedConfig) -> None:
        if prepared.staged is None:
            raise VersionGoneError(f"table {NAME} version 0 cannot be opened (403)")
        real(prepared, feed)

    monkeypatch.setattr(staging, "check_table", check)
    prepared = prepared_at(tmp_path, "s3://bucket/digits")
    assert staging.make_readable(SPARK, prepared, config(), tmp_path / "run").staged is not None
    assert reasons == [f"table {NAME} version 0 cannot be opened (403)"]


def test_own_options_go_with_lent_ones_and_own_secrets_without(
    catalog: FakeUnityCatalog, reasons: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "check_table", lambda prepared, feed: None)
    prepared = prepared_at(tmp_path, "s3://bucket/digits")
    readable = staging.make_readable(SPARK, prepared, config(aws_region="eu-west-1"), tmp_path / "run")
    assert readable.storage_options == {"aws_region": "eu-west-1", UNITY_TABLE: NAME}
    own = config(aws_region="eu-west-1", aws_secret_access_key="env:KEY")
    readable = staging.make_readable(SPARK, prepared, own, tmp_path / "run")
    assert readable.storage_options == own.feed.storage_options
    assert (reasons, catalog.asked) == ([], 1)
