"""Paths and object stores: how a location is opened, and that secrets stay secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dbx_dl.config import FeedConfig, TrainConfig
from dbx_dl.contracts import TableVersion
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.feed.delta_log import read_log
from dbx_dl.feed.storage import Storage, local_path, locate_storage
from tests.prepared_tables import write_feature_table

SECRET = "hunter2-hunter2"


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/a/b", "/a/b"),
        ("file:/a/b%20c", "/a/b c"),
        ("file:///a/b", "/a/b"),
        ("dbfs:/x/y", "/dbfs/x/y"),
        ("s3://bucket/a%20b", "s3://bucket/a%20b"),
    ],
)
def test_locations_become_paths_where_they_can(location: str, expected: str) -> None:
    assert local_path(location) == expected


def test_files_below_a_uri_are_opened_by_their_relative_path(tmp_path: Path) -> None:
    prepared = write_feature_table(tmp_path / "a ü", {"train": 5})
    name = Path(read_log(prepared.table).files[0].path).relative_to(tmp_path / "a ü")
    storage = Storage((tmp_path / "a ü").as_uri())
    assert not storage.is_local
    with storage.open_parquet(str(name)) as file:
        assert file.metadata.num_rows == 5
    with pytest.raises(FileNotFoundError):
        storage.open_parquet("split=train/gone.parquet")


def test_an_unknown_scheme_is_said_in_one_line() -> None:
    with pytest.raises(DataError, match="abc://bucket/table: Unknown scheme: abc") as raised:
        read_log(TableVersion(name="t", path="abc://bucket/table", version=0))
    assert len(str(raised.value).splitlines()) == 1


def test_secrets_come_from_the_environment_and_stay_out_of_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_SECRET", SECRET)
    options = {"aws_secret_access_key": "env:STORE_SECRET", "aws_region": "eu-west-1"}
    storage = locate_storage("s3://bucket/table/", options)
    assert storage.location == "s3://bucket/table"
    assert storage.options == {"aws_secret_access_key": SECRET, "aws_region": "eu-west-1"}
    assert SECRET not in repr(storage)
    assert storage.explain(OSError(f"403 for key {SECRET}\nmore")) == "403 for key ***"
    config = TrainConfig(network="mlp", feed=FeedConfig(storage_options=options))
    assert SECRET not in json.dumps(config.model_dump(mode="json")) + repr(config)


def test_a_variable_that_is_not_set_is_named() -> None:
    with pytest.raises(ConfigError, match="names the environment variable NO_SUCH_SECRET, which is not set"):
        locate_storage("s3://bucket/table", {"aws_secret_access_key": "env:NO_SUCH_SECRET"})


@pytest.mark.parametrize("name", ["aws_secret_access_key", "AWS_SESSION_TOKEN", "account_key", "azure_storage_sas_key"])
def test_a_secret_that_is_written_down_is_refused_without_showing_it(name: str) -> None:
    with pytest.raises(ConfigError, match=f"feed.storage_options.{name} .*env:NAME") as raised:
        FeedConfig(storage_options={name: SECRET})
    assert SECRET not in str(raised.value)
