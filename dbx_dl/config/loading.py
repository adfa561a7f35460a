"""YAML in, a validated run config out; unknown keys are refused with the nearest valid name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from dbx_dl.config.error_places import KeyPlace, find_place
from dbx_dl.config.run import RunConfig
from dbx_dl.config.suggestions import suggest_name
from dbx_dl.errors import ConfigError

_MAX_SHOWN = 80


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
    found = find_place(RunConfig, problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"unknown key {found.place!r}; {suggest_name(found.name, found.valid_keys, 'keys')}"
    if problem["type"] == "missing":
        return f"key {found.place!r} is required"
    if problem["type"].startswith("union_tag_"):
        return _explain_tag(found, problem["ctx"])
    message = problem["msg"].removeprefix("Value error, ")
    given = problem["input"]
    # A section's own rule says which of its values it is about.
    shown = "" if problem["type"] == "value_error" and isinstance(given, dict) else f" (got {_shorten(given)})"
    return f"{found.place}: {message}{shown}"


def _explain_tag(found: KeyPlace, context: dict[str, Any]) -> str:
    """Say which key decides between several kinds of section, and what it may be."""
    key = f"{found.place}.{context['discriminator'].strip(chr(39))}"
    if "tag" not in context:
        return f"key {key!r} is required: one of {', '.join(found.kinds)}"
    return f"{key}: {context['tag']!r} is unknown; {suggest_name(context['tag'], found.kinds, 'values')}"


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
