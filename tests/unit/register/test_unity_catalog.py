"""What is asked of Unity Catalog, without one: MLflow's own client and requests, answered from here."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos import databricks_uc_registry_messages_pb2 as uc
from mlflow.protos.databricks_pb2 import ALREADY_EXISTS
from mlflow.store._unity_catalog.registry.rest_store import UcModelRegistryStore

from dbx_dl.config import TrackingConfig
from dbx_dl.errors import ConfigError
from dbx_dl.register import champion, copying, record
from dbx_dl.register.champion import find_champion, move_champion
from dbx_dl.register.copying import copy_model
from dbx_dl.register.ledger import Entry
from dbx_dl.register.upload import check_name, ensure_model, find_version, list_versions

NAME = "main.vision.digits"


class WonLedger:
    """A ledger in which everybody wins."""

    def __init__(self) -> None:
        self.states: list[str] = []

    def claim(self, seen: Entry, version: int, previous: int | None) -> Entry:
        return Entry(1, "moving", version)

    def require_time(self) -> None:
        pass

    def close(self, claimed: Entry, state: str) -> None:
        self.states.append(state)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """Every request as its name and its JSON; version 2 is champion, 3 is there."""
    requests: list[tuple[str, dict[str, Any]]] = []

    def answer(self: Any, api: Any, body: str, **rest: Any) -> Any:
        values = json.loads(body)
        requests.append((api.__name__, values))
        if api is uc.CreateRegisteredModelRequest:
            raise MlflowException("it exists", ALREADY_EXISTS)
        if api is uc.GetRegisteredModelRequest:
            aliases = [uc.RegisteredModelAlias(alias="champion", version="2")]
            return uc.GetRegisteredModelResponse(registered_model=uc.RegisteredModel(name=NAME, aliases=aliases))
        if api is uc.SearchModelVersionsRequest:
            found = [uc.ModelVersion(name=NAME, version=version, run_id=f"run {version}") for version in ("2", "3")]
            return uc.SearchModelVersionsResponse(model_versions=found)
        if api is uc.GetModelVersionRequest:
            tags = [uc.ModelVersionTag(key="dbx_dl_sha256", value=f"digest {values['version']}")]
            found = uc.ModelVersion(name=NAME, version=values["version"], tags=tags)
            return uc.GetModelVersionResponse(model_version=found)
        return getattr(uc, api.__name__.replace("Request", "Response"))()

    monkeypatch.setattr(UcModelRegistryStore, "_call_endpoint", answer)
    return requests


@pytest.fixture
def client() -> MlflowClient:
    return MlflowClient(tracking_uri="databricks", registry_uri="databricks-uc")


def test_the_alias_moves_in_one_call(asked: list[tuple[str, dict[str, Any]]], client: MlflowClient) -> None:
    ledger = WonLedger()
    move_champion(client, ledger, Entry(), NAME, 3, find_champion(client, NAME))  # type: ignore[arg-type]
    changes = [(name, values) for name, values in asked if name.startswith(("Set", "Delete", "Update", "Transition"))]
    assert changes == [
        (
            "SetModelVersionTagRequest",
            {"name": NAME, "version": "3", "key": "dbx_dl_previous_champion", "value": "2"},
        ),
        ("SetRegisteredModelAliasRequest", {"name": NAME, "alias": "champion", "version": "3"}),
    ]
    assert ledger.states == ["moved"]


def test_versions_are_listed_with_the_tags_that_its_search_leaves_out(
    asked: list[tuple[str, dict[str, Any]]], client: MlflowClient
) -> None:
    found = list_versions(client, NAME)
    assert [(v.version, v.tags["dbx_dl_sha256"]) for v in found] == [("3", "digest 3"), ("2", "digest 2")]
    assert asked[0][0] == "SearchModelVersionsRequest" and asked[0][1]["filter"] == f"name = '{NAME}'"


def test_a_version_is_found_by_its_run_and_file(asked: list[tuple[str, dict[str, Any]]], client: MlflowClient) -> None:
    assert find_version(client, NAME, "run 2", "digest 2") == 2
    assert find_version(client, NAME, "run 2", "digest 3") is None
    assert [values["version"] for name, values in asked if name == "GetModelVersionRequest"] == ["2", "2"]


def test_a_model_that_exists_is_taken(asked: list[tuple[str, dict[str, Any]]], client: MlflowClient) -> None:
    ensure_model(client, NAME)
    assert [name for name, _ in asked] == ["CreateRegisteredModelRequest"]


def test_names_have_three_parts_there() -> None:
    check_name(NAME, "databricks")
    for name in ("digits", "vision.digits", "a.b.c.d"):
        with pytest.raises(ConfigError, match=r"write catalog\.schema\.name"):
            check_name(name, "databricks://profile")
    check_name("digits", "sqlite:///m.db")
    with pytest.raises(ConfigError, match="leave out / : @"):
        check_name("models:/digits", "sqlite:///m.db")
    with pytest.raises(ConfigError, match="leave out one kind of quotes"):
        check_name('it\'s "x"', "sqlite:///m.db")
    with pytest.raises(ConfigError, match=r"cannot copy 'digits': write models:/"):
        copy_model("digits", NAME, tracking=TrackingConfig(uri="databricks"))


def test_its_tags_take_no_dots() -> None:
    constants = {name: value for module in (champion, copying, record) for name, value in vars(module).items()}
    names = {value for name, value in constants.items() if name.endswith("_TAG") and isinstance(value, str)}
    assert len(names) >= 5 and not [name for name in names if set(name) & set(".,-=/:")]
