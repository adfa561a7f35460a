"""What the driver may ask for reaches processes that may not, by their environment alone."""

from __future__ import annotations

import pytest

from dbx_dl.errors import ConfigError
from dbx_dl.runtime.databricks import find_lease, find_secret, lend
from tests.fake_databricks import FakeDatabricks, FakeSecrets
from tests.fake_unity_catalog import SECRET, FakeUnityCatalog, lend_aws

TABLE = "main.vision.digits"


@pytest.fixture
def catalog(monkeypatch: pytest.MonkeyPatch) -> FakeUnityCatalog:
    """A Unity Catalog that this process may ask."""
    fake = FakeUnityCatalog()
    monkeypatch.setattr("databricks.sdk.WorkspaceClient", lambda: fake)
    return fake


def test_a_lease_is_lent(catalog: FakeUnityCatalog, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = lend([TABLE], [])
    assert catalog.asked == 1
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    catalog.is_refusing = True
    lease = find_lease(TABLE)
    assert lease.options["aws_secret_access_key"] == SECRET and 3500 < lease.seconds_left <= 3600
    assert catalog.asked == 1


def test_one_that_ends_is_asked_for_anew(catalog: FakeUnityCatalog, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog.given = lend_aws(30)
    for name, value in lend([TABLE], []).items():
        monkeypatch.setenv(name, value)
    catalog.given = lend_aws(3600)
    assert find_lease(TABLE).seconds_left > 3500
    assert catalog.asked == 2


def test_a_secret_is_lent(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeDatabricks(secrets=FakeSecrets({"stores": {"key": SECRET}}))
    fake.install(monkeypatch)
    variables = lend([], ["stores/key"])
    monkeypatch.delenv("DATABRICKS_RUNTIME_VERSION")
    with pytest.raises(ConfigError, match="this is elsewhere"):
        find_secret("stores/key")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert find_secret("stores/key") == SECRET


def test_nothing_is_lent_where_nothing_is_needed() -> None:
    assert lend([], []) == {}
