"""Lent credentials reach the object store, as a server that stands for one sees, and no message shows them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from databricks.sdk.service.catalog import AzureUserDelegationSas, GenerateTemporaryTableCredentialResponse

from dbx_dl.config import FeedConfig
from dbx_dl.contracts import TableVersion
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.feed.delta_log import read_log
from dbx_dl.feed.storage import UNITY_TABLE, lend_options, locate_storage
from dbx_dl.runtime.databricks import LeaseRefusedError
from tests.fake_databricks import FakeDatabricks, FakeSecrets
from tests.fake_unity_catalog import SECRET, TOKEN, FakeUnityCatalog

TABLE = "main.vision.digits"


@pytest.fixture
def catalog(monkeypatch: pytest.MonkeyPatch) -> FakeUnityCatalog:
    """A Unity Catalog that this process may ask."""
    fake = FakeUnityCatalog()
    monkeypatch.setattr("databricks.sdk.WorkspaceClient", lambda: fake)
    return fake


@pytest.fixture
def store() -> Iterator[tuple[str, list[tuple[str, dict[str, str]]]]]:
    """An object store's address, and what it was asked: path and headers. It has nothing."""
    asked: list[tuple[str, dict[str, str]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def test_the_store_sees_the_session_token(
    catalog: FakeUnityCatalog, store: tuple[str, list[tuple[str, dict[str, str]]]]
) -> None:
    address, asked = store
    options = {UNITY_TABLE: TABLE, "aws_endpoint": address, "aws_allow_http": "true", "aws_region": "eu-west-1"}
    with pytest.raises(DataError) as raised:
        read_log(TableVersion(name=TABLE, path="s3://bucket/digits", version=0), options)
    assert SECRET not in str(raised.value) and TOKEN not in str(raised.value)
    assert asked != []
    assert {headers["x-amz-security-token"] for _, headers in asked} == {TOKEN}
    assert all("Credential=AKIA/" in headers["authorization"] for _, headers in asked)
    assert SECRET not in str(asked)


def test_the_store_sees_the_shared_access_signature(
    catalog: FakeUnityCatalog, store: tuple[str, list[tuple[str, dict[str, str]]]]
) -> None:
    address, asked = store
    sas = AzureUserDelegationSas("sv=2024&sig=abc%3D")
    catalog.given = GenerateTemporaryTableCredentialResponse(azure_user_delegation_sas=sas, expiration_time=2**42)
    options = {UNITY_TABLE: TABLE, "azure_storage_endpoint": address, "azure_allow_http": "true"}
    path = "abfss://files@account.dfs.core.windows.net/digits"
    with pytest.raises(DataError):
        read_log(TableVersion(name=TABLE, path=path, version=0), options)
    assert asked != []
    assert all("sig=abc%3D" in path for path, _ in asked)


def test_a_local_table_needs_no_lease(catalog: FakeUnityCatalog) -> None:
    assert locate_storage("/Volumes/main/vision/files/t", {UNITY_TABLE: TABLE}).options == {}
    assert catalog.asked == 0


def test_own_options_stand_beside_lent_ones(catalog: FakeUnityCatalog) -> None:
    storage = locate_storage("s3://bucket/digits", {UNITY_TABLE: TABLE, "aws_region": "eu-west-1"})
    assert storage.options["aws_region"] == "eu-west-1" and storage.options["aws_session_token"] == TOKEN
    assert UNITY_TABLE not in storage.options and TOKEN not in repr(storage)


def test_a_refused_lease_is_an_error_of_data(catalog: FakeUnityCatalog) -> None:
    catalog.is_refusing = True
    with pytest.raises(LeaseRefusedError, match="EXTERNAL USE SCHEMA"):
        locate_storage("s3://bucket/digits", {UNITY_TABLE: TABLE})


def test_secrets_of_databricks_are_options(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeDatabricks(secrets=FakeSecrets({"stores": {"key": SECRET}})).install(monkeypatch)
    options = FeedConfig(storage_options={"azure_storage_account_key": "secret:stores/key"}).storage_options
    location = "abfss://files@account.dfs.core.windows.net/digits"
    assert locate_storage(location, options).options == {"azure_storage_account_key": SECRET}
    variables = lend_options(options)
    monkeypatch.delenv("DATABRICKS_RUNTIME_VERSION")
    with pytest.raises(ConfigError, match="this is elsewhere"):
        locate_storage(location, options)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert locate_storage(location, options).options == {"azure_storage_account_key": SECRET}


def test_a_written_secret_is_refused_with_both_ways() -> None:
    with pytest.raises(ConfigError, match=r"give env:NAME, .* or on Databricks secret:SCOPE/KEY"):
        FeedConfig(storage_options={"azure_storage_account_key": SECRET})
