"""Single values of a run config given beside its file, as `train.num_ranks=4`: what parameters of a job are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from dbx_dl.errors import ConfigError


def override(values: dict[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """The values with each `section.key=value` in place of what was there; sections that are not there are made.

    A value is read as in YAML, so that `null`, numbers and lists are what they say and quotes make a text of all; what
    is no YAML is a text. Without any value, as of a job's parameter that was not given, a key stays as it is.
    ConfigError for what is no such setting, or lies below a key that is no section.
    """
    changed = dict(values)
    for setting in settings:
        key, sign, text = setting.partition("=")
        if not sign or not all(key.split(".")):
            raise ConfigError(f"{setting!r} is no setting: write key=value, such as train.num_ranks=4")
        if text.strip():
            changed = _replace(changed, key.split("."), _read(text), key)
    return changed


def _replace(values: dict[str, Any], parts: Sequence[str], value: Any, key: str) -> dict[str, Any]:
    first, *rest = parts
    if not rest:
        return {**values, first: value}
    inner = values.get(first)
    if inner is not None and not isinstance(inner, dict):
        raise ConfigError(f"{key} cannot be set: {first} is {inner!r}, no section with keys")
    return {**values, first: _replace(inner or {}, rest, value, key)}


def _read(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text.strip()
