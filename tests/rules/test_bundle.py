"""The bundle: every resource is one that Databricks knows, and every file, variable and reference is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from databricks.bundles.experiments import MlflowExperiment
from databricks.bundles.jobs import Job
from databricks.bundles.pipelines import Pipeline
from databricks.bundles.registered_models import RegisteredModel
from databricks.bundles.schemas import Schema
from databricks.bundles.volumes import Volume

from tests.rules.bundle_files import (
    BUNDLE,
    RESOURCES,
    Place,
    list_references,
    list_resources,
    list_targets,
    read_bundle,
    read_yaml,
    resolve,
)
from tests.rules.source_files import ROOT, name_of
from tests.rules.test_pins import read_setup

MODELS: dict[str, Any] = {
    "experiments": MlflowExperiment,
    "jobs": Job,
    "pipelines": Pipeline,
    "registered_models": RegisteredModel,
    "schemas": Schema,
    "volumes": Volume,
}
# Of databricks.yml's own keys no package ships a model: these are the documented ones.
TOP_KEYS = {"artifacts", "bundle", "include", "permissions", "presets", "resources", "run_as", "sync", "targets"}
TARGET_KEYS = {"default", "mode", "permissions", "presets", "resources", "run_as", "sync", "variables", "workspace"}
VARIABLE_KEYS = {"default", "description", "lookup", "type"}
# Which extras' packages a requirements file holds, and what the Databricks Runtime brings of them.
REQUIREMENTS = {
    "prepare": ("spark", "score", "mlflow", "report"),
    "train": ("spark", "score", "mlflow", "report", "keras", "torch"),
    "score": ("spark", "score", "mlflow"),
}
BROUGHT = ("pyspark", "delta-spark")
LOCAL_PATH = re.compile(r"\.\./\S*")


def label_of(place: Place) -> str:
    return f"{place.kind}.{place.name}"


@pytest.mark.parametrize("place", list_resources(), ids=label_of)
def test_resource_is_one_that_databricks_knows(place: Place) -> None:
    MODELS[place.kind].from_dict(place.values)


@pytest.mark.parametrize("target", list_targets())
@pytest.mark.parametrize("place", list_resources(), ids=label_of)
def test_resource_is_known_with_a_targets_values(place: Place, target: str) -> None:
    resolved = resolve(place.values, target)
    assert list_references(resolved) == set()
    MODELS[place.kind].from_dict(resolved)


def test_the_models_refuse_what_is_mistyped() -> None:
    with pytest.raises((TypeError, ValueError)):
        Job.from_dict({"name": "a", "taskss": []})
    with pytest.raises((TypeError, ValueError)):
        Job.from_dict({"name": "a", "tasks": [{"task_key": "b", "max_retries": "often"}]})


@pytest.mark.parametrize("file", RESOURCES, ids=name_of)
def test_one_resource_a_file(file: Path) -> None:
    content = read_yaml(file)
    assert list(content) == ["resources"]
    assert [len(resources) for resources in content["resources"].values()] == [1]


def test_no_name_is_there_twice() -> None:
    """Not even of two kinds: the command line refuses the whole bundle."""
    names = [place.name for place in list_resources()]
    assert len(names) == len(set(names))


def test_prod_lies_where_not_everybody_writes() -> None:
    targets = read_bundle()["targets"]
    assert targets["prod"]["workspace"]["root_path"].startswith("/Workspace/Users/${var.service_principal}/")
    assert {
        target: "/${bundle.target}" in targets[target]["workspace"]["root_path"] for target in ("staging", "prod")
    } == {
        "staging": True,
        "prod": True,
    }


def test_everything_that_is_asked_for_is_there() -> None:
    kinds = [place.kind for place in list_resources()]
    assert set(kinds) == set(MODELS)
    jobs = {place.name for place in list_resources() if place.kind == "jobs"}
    assert jobs == {"training", "training_single_node", "scoring", "scoring_serverless", "streaming", "monitoring"}
    assert list_targets() == ["dev", "staging", "prod"]


@pytest.mark.parametrize("target", list_targets())
def test_grants_are_to_a_group_of_the_account(target: str) -> None:
    """Unity Catalog refuses those to a workspace's own groups, which `users` and `admins` are everywhere."""
    places = {
        place.kind: resolve(place.values["grants"], target) for place in list_resources() if "grants" in place.values
    }
    assert set(places) == {"schemas", "volumes", "registered_models"}
    principals = {grant["principal"] for grants in places.values() for grant in grants}
    assert len(principals) == 1 and not principals & {"users", "admins"}


@pytest.mark.parametrize("place", [it for it in list_resources() if it.kind in ("jobs", "pipelines")], ids=label_of)
def test_what_runs_is_tagged_with_target_and_commit(place: Place) -> None:
    tags = {"project": "dbx_dl", "environment": "${bundle.target}", "git_commit": "${bundle.git.commit}"}
    assert place.values["tags"] == tags


def test_databricks_yml_has_known_keys() -> None:
    bundle = read_bundle()
    assert set(bundle) <= TOP_KEYS | {"variables"}
    assert [name for name, target in bundle["targets"].items() if not set(target) <= TARGET_KEYS] == []
    assert [name for name, target in bundle["targets"].items() if target.get("default")] == ["dev"]
    assert bundle["targets"]["dev"]["mode"] == "development"
    assert bundle["targets"]["prod"]["mode"] == "production"


@pytest.mark.parametrize("target", ["staging", "prod"])
def test_shared_targets_say_who_may_do_what(target: str) -> None:
    permissions = read_bundle()["targets"][target]["permissions"]
    operators = {"staging": "CAN_RUN", "prod": "CAN_VIEW"}[target]
    assert {entry["level"]: entry.get("group_name") for entry in permissions} == {
        "CAN_MANAGE": None,
        operators: "${var.operators}",
    }


def test_permissions_are_those_of_the_target_alone() -> None:
    """Databricks lets none be named for a target and for a resource; the resource's would hold in every target."""
    assert "permissions" not in read_bundle()["targets"]["dev"]
    assert [label_of(place) for place in list_resources() if "permissions" in place.values] == []


def test_variables_are_described_have_defaults_and_are_used() -> None:
    bundle = read_bundle()
    variables = bundle["variables"]
    assert [name for name, it in variables.items() if not it.get("description") or "default" not in it] == []
    assert [name for name, it in variables.items() if not set(it) <= VARIABLE_KEYS] == []
    used = list_references([bundle, *(place.values for place in list_resources())])
    assert {name.removeprefix("var.") for name in used if name.startswith("var.")} == set(variables)
    own = {name for target in bundle["targets"].values() for name in target.get("variables", {})}
    assert own <= set(variables)


@pytest.mark.parametrize("target", list_targets())
def test_databricks_yml_resolves(target: str) -> None:
    assert list_references(resolve(read_bundle()["targets"][target], target)) == set()


@pytest.mark.parametrize("file", [BUNDLE, *RESOURCES], ids=name_of)
def test_files_that_are_named_exist(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    local = [path for path in LOCAL_PATH.findall(text) if "dist/" not in path]
    assert [path for path in local if not (file.parent / path).is_file()] == []
    shipped = re.findall(r"\$\{workspace\.file_path\}/([\w./-]+)", text.replace("${var.run}", "digits"))
    assert [path for path in shipped if not (ROOT / path).is_file()] == []


def test_what_is_shipped_is_synchronized_and_built() -> None:
    bundle = read_bundle()
    assert bundle["include"] == ["conf/resources/*.yml"]
    assert {"conf/**", "jobs/*.py"} <= set(bundle["sync"]["include"])
    (artifact,) = bundle["artifacts"].values()
    assert artifact["type"] == "whl" and "--wheel-dir dist" in artifact["build"]
    wheels = {path for file in RESOURCES for path in re.findall(r"\S*dist/\S*", file.read_text(encoding="utf-8"))}
    assert wheels == {"../../dist/*.whl"}


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_requirements_are_those_of_the_extras(name: str) -> None:
    extras = read_setup()["extras_require"]
    asked = {line for extra in REQUIREMENTS[name] for line in extras[extra] if not line.startswith(BROUGHT)}
    lines = (ROOT / "conf" / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    assert lines[1:] == sorted(asked, key=str.lower)


def test_values_of_variables_name_no_other_variable() -> None:
    bundle = read_bundle()
    values = [it["default"] for it in bundle["variables"].values()]
    values += [target.get("variables", {}) for target in bundle["targets"].values()]
    assert {name for name in list_references(values) if name.startswith("var.")} == set()
