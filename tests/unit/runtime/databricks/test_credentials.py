"""Unity Catalog's short-lived credentials become options of delta-rs, or the reason why there are none."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from databricks.sdk.service.catalog import (
    AzureActiveDirectoryToken,
    AzureUserDelegationSas,
    GcpOauthToken,
    GenerateTemporaryTableCredentialResponse,
)

from dbx_dl.errors import ConfigError
from dbx_dl.runtime.databricks import LeaseRefusedError
from dbx_dl.runtime.databricks.credentials import borrow_table
from tests.fake_unity_catalog import SECRET, TOKEN, FakeUnityCatalog


def test_a_table_is_borrowed() -> None:
    lease = borrow_table("`main`.vision.digits", FakeUnityCatalog())
    assert lease.options == {
        "aws_access_key_id": "AKIA",
        "aws_secret_access_key": SECRET,
        "aws_session_token": TOKEN,
    }
    assert 3590 < lease.seconds_left <= 3600
    assert SECRET not in repr(lease) and TOKEN not in repr(lease)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"azure_user_delegation_sas": AzureUserDelegationSas("?sig=a&se=b")},
            {"azure_storage_sas_token": "sig=a&se=b"},
        ),
        ({"azure_aad": AzureActiveDirectoryToken(aad_token="t")}, {"azure_storage_token": "t"}),
    ],
)
def test_clouds_have_their_own_options(given: dict[str, Any], expected: dict[str, str]) -> None:
    response = GenerateTemporaryTableCredentialResponse(expiration_time=1, **given)
    lease = borrow_table("main.vision.digits", FakeUnityCatalog(given=response))
    assert lease.options == expected and lease.seconds_left < 0


def test_a_refusal_is_said_in_a_line() -> None:
    for catalog, message in (
        (
            FakeUnityCatalog(is_refusing=True),
            r"no credentials for table main\.vision\.digits: User does not have EXTERNAL",
        ),
        (FakeUnityCatalog(table="main.vision.others"), r"Table 'main\.vision\.digits' does not exist"),
        (
            FakeUnityCatalog(given=GenerateTemporaryTableCredentialResponse(gcp_oauth_token=GcpOauthToken("t"))),
            "none that deltalake takes",
        ),
    ):
        with pytest.raises(LeaseRefusedError, match=message) as raised:
            borrow_table("main.vision.digits", catalog)
        assert len(str(raised.value).splitlines()) == 1


def test_only_tables_of_unity_catalog_are_asked_for() -> None:
    catalog = FakeUnityCatalog()
    with pytest.raises(ConfigError, match=r"'digits' is no table of Unity Catalog"):
        borrow_table("digits", catalog)
    assert catalog.asked == 0


def test_without_the_sdk_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "databricks.sdk", None)
    with pytest.raises(LeaseRefusedError, match="databricks-sdk is not installed"):
        borrow_table("main.vision.digits")


def test_nobody_logged_in_is_a_refusal(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN", "DATABRICKS_CONFIG_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LeaseRefusedError, match=r"lends no credentials for table main\.vision\.digits"):
        borrow_table("main.vision.digits")
