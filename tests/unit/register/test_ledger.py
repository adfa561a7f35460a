"""Where promotions of a model meet, and which state of the ledger is a living promotion's."""

from pathlib import Path

import pytest

from dbx_dl.errors import ConfigError
from dbx_dl.register.ledger import LEASE_SECONDS, Entry, find_ledger


@pytest.mark.parametrize(
    ("uri", "table"),
    [
        ("databricks", "main.vision.dbx_dl_promotions"),
        ("databricks://profile", "main.vision.dbx_dl_promotions"),
        ("sqlite:////data/mlflow.db", "/data/mlflow_promotions"),
        ("file:///data/mlruns", "/data/mlruns/dbx_dl_promotions"),
    ],
)
def test_all_promotions_of_a_registry_meet_in_one_table(uri, table) -> None:
    assert find_ledger("main.vision.digits", uri) == table


def test_a_relative_database_is_found_from_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_ledger("digits", "sqlite:///demo/mlflow.db") == str(tmp_path / "demo" / "mlflow_promotions")


def test_what_cannot_be_found_is_asked_for() -> None:
    for uri in ("https://mlflow.example.com", "postgresql://host/db"):
        with pytest.raises(ConfigError, match=r"set registry.ledger \(or --ledger\)"):
            find_ledger("digits", uri)
        assert find_ledger("digits", uri, "main.ops.promotions") == "main.ops.promotions"
    with pytest.raises(ConfigError, match="'digits' is no model of Unity Catalog"):
        find_ledger("digits", "databricks")


def test_a_claim_is_forgotten_after_its_lease() -> None:
    assert Entry(1, "moving", age_seconds=LEASE_SECONDS - 1).is_moving
    assert not Entry(1, "moving", age_seconds=LEASE_SECONDS + 1).is_moving
    assert not Entry(1, "moved", age_seconds=1).is_moving and not Entry().is_moving
