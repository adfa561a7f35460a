"""The bundle's files as a workspace would see them: resources by kind and name, references resolved for a target."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.rules.source_files import ROOT

BUNDLE = ROOT / "databricks.yml"
RESOURCES = sorted((ROOT / "conf" / "resources").glob("*.yml"))
REFERENCE = re.compile(r"\$\{([^}]*)\}")
# What a workspace and the deployer's checkout give.
GIVEN = {
    "bundle.name": "dbx_dl",
    "bundle.git.commit": "0a1b2c3",
    "workspace.file_path": "/Workspace/bundle/files",
    "workspace.current_user.userName": "somebody@example.com",
}


@dataclass(frozen=True)
class Place:
    """A resource: its kind (`jobs`), its name, its values, and the file that it is in."""

    kind: str
    name: str
    values: dict[str, Any]
    file: Path


def read_yaml(path: Path) -> dict[str, Any]:
    """A file's mapping; a key that is there twice is an error."""
    return yaml.load(path.read_text(encoding="utf-8"), _StrictLoader)


@cache
def read_bundle() -> dict[str, Any]:
    """databricks.yml."""
    return read_yaml(BUNDLE)


@cache
def list_resources() -> list[Place]:
    """All resources, file by file."""
    return [
        Place(kind, name, values, file)
        for file in RESOURCES
        for kind, resources in read_yaml(file)["resources"].items()
        for name, values in resources.items()
    ]


def list_targets() -> list[str]:
    """The names of the targets."""
    return list(read_bundle()["targets"])


def list_references(value: Any) -> set[str]:
    """What is in ${…} anywhere in a value."""
    if isinstance(value, dict):
        return {name for part in value.values() for name in list_references(part)}
    if isinstance(value, list):
        return {name for part in value for name in list_references(part)}
    return set(REFERENCE.findall(value)) if isinstance(value, str) else set()


def resolve(value: Any, target: str) -> Any:
    """The value with every ${…} replaced as deploying to the target would; KeyError names one that leads nowhere."""
    if isinstance(value, dict):
        return {key: resolve(part, target) for key, part in value.items()}
    if isinstance(value, list):
        return [resolve(part, target) for part in value]
    if not isinstance(value, str):
        return value
    whole = REFERENCE.fullmatch(value)
    if whole:
        return resolve(_look_up(whole[1], target), target)
    return REFERENCE.sub(lambda found: str(resolve(_look_up(found[1], target), target)), value)


def _look_up(reference: str, target: str) -> Any:
    if reference == "bundle.target":
        return target
    if reference in GIVEN:
        return GIVEN[reference]
    kind, _, name = reference.partition(".")
    if kind == "var":
        own = read_bundle()["targets"][target].get("variables", {})
        return own[name] if name in own else read_bundle()["variables"][name]["default"]
    if kind == "resources":
        resource_kind, resource_name, field = name.split(".")
        found = next((r for r in list_resources() if (r.kind, r.name) == (resource_kind, resource_name)), None)
        if found is None or (field != "id" and field not in found.values):
            raise KeyError(f"${{{reference}}} leads to no resource's field")
        return 1 if field == "id" else found.values[field]
    raise KeyError(f"${{{reference}}} is unknown")


class _StrictLoader(yaml.SafeLoader):
    """YAML that refuses a key twice, where the last one would win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if len(keys) != len(set(keys)):
            raise yaml.constructor.ConstructorError(None, None, f"a key is there twice in {keys}", node.start_mark)
        return super().construct_mapping(node, deep)
