"""YAML in, a validated run config out; unknown keys are refused with the nearest valid name."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from dbx_dl.config.run import RunConfig
from dbx_dl.errors import ConfigError


def load_run_config(path: str | os.PathLike[str]) -> RunConfig:
    """Read and validate a run's YAML file; ConfigError names the key, the value and what is valid."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read the run config {path}: {error.strerror}") from None
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path} must hold a mapping of keys, got {type(values).__name__}")
    return parse_run_config(values, origin=str(path))


def parse_run_config(values: dict[str, Any], origin: str = "run config") -> RunConfig:
    """Validate a run config given as nested dicts; ConfigError as in `load_run_config`."""
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        # A mistyped key is also a missing one: the hint at what was meant comes first.
        found = sorted(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
        problems = "; ".join(_explain(problem) for problem in found[:3])
        raise ConfigError(f"{origin}: {problems}") from None


def _explain(problem: Any) -> str:
    location = [str(part) for part in problem["loc"] if part not in ("images", "table") or part == problem["loc"][-1]]
    place = ".".join(location)
    if problem["type"] == "extra_forbidden":
        valid = _valid_keys(location[:-1])
        nearest = difflib.get_close_matches(location[-1], valid, n=1, cutoff=0.5)
        hint = f"did you mean {nearest[0]!r}?" if nearest else f"valid keys: {', '.join(sorted(valid))}"
        return f"unknown key {place!r}; {hint}"
    if problem["type"] == "missing":
        return f"key {place!r} is required"
    return f"{place}: {problem['msg'].removeprefix('Value error, ')} (got {problem['input']!r})"


def _valid_keys(location: list[str]) -> list[str]:
    sections: list[type[BaseModel]] = [RunConfig]
    for part in location:
        fields = [section.model_fields[part] for section in sections if part in section.model_fields]
        sections = [kind for field in fields for kind in _sections_of(field.annotation)]
    return sorted({key for section in sections for key in section.model_fields})


def _sections_of(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [kind for part in getattr(annotation, "__args__", ()) for kind in _sections_of(part)]
