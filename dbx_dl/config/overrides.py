"""Single values of a run config given beside its file, as `train.num_ranks=4`: what parameters of a job are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from dbx_dl.contracts.secret_texts import HIDDEN, hide_secrets, hide_values, is_secret_name
from dbx_dl.errors import ConfigError


def override(values: dict[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """The values with each `section.key=value` in place of what was there; sections that are not there are made.

    `null`, numbers, true and false, [lists] and {sections} are read as YAML reads them, and a text in quotes; all else
    is the text that it is, with any `#`, `|` or `-` in it. Without any value, as of a job's parameter that was not
    given, a key stays as it is. ConfigError for what is no such setting, or lies below a key that is no section.
    """
    changed = dict(values)
    for setting in settings:
        key, sign, text = setting.partition("=")
        if not sign or not all(key.split(".")):
            raise ConfigError(f"{hide_secrets(setting)!r} is no setting: write key=value, such as train.num_ranks=4")
        if text.strip():
            changed = _replace(changed, key.split("."), _read(text), key)
    return changed


def _replace(values: dict[str, Any], parts: Sequence[str], value: Any, key: str) -> dict[str, Any]:
    first, *rest = parts
    if not rest:
        return {**values, first: value}
    inner = values.get(first)
    if inner is not None and not isinstance(inner, dict):
        shown = HIDDEN if is_secret_name(first) else repr(hide_values(inner))
        raise ConfigError(f"{key} cannot be set: {first} is {shown}, no section with keys")
    return {**values, first: _replace(inner or {}, rest, value, key)}


def _read(text: str) -> Any:
    plain = text.strip()
    try:
        value = yaml.safe_load(plain)
    except yaml.YAMLError:
        return plain
    is_null = value is None and plain.lower() in ("null", "~")
    is_written_out = isinstance(value, str | list | dict) and plain.startswith(("'", '"', "[", "{"))
    is_plain = value is not None and not isinstance(value, str | list | dict)
    return value if is_null or is_written_out or is_plain else plain
