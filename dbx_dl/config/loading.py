"""YAML in, a validated run config out; unknown keys are refused with the nearest valid name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from dbx_dl.config.overrides import override
from dbx_dl.config.problems import explain_problem
from dbx_dl.config.run import RunConfig
from dbx_dl.errors import ConfigError


def load_run_config(path: str | os.PathLike[str], settings: Sequence[str] = ()) -> RunConfig:
    """Read and validate a run's YAML file; ConfigError names the key, the value and what is valid.

    `settings` such as `train.num_ranks=4` are in place of what the file says, see `overrides.override`.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read the run config {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"the run config {path} is not UTF-8 at byte {error.start}") from None
    try:
        values = yaml.safe_load(text)
    except RecursionError:
        raise ConfigError(f"{path} is nested too deeply to be a run config") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {_explain_syntax(error)}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path} must hold a mapping of keys, got {type(values).__name__}")
    return parse_run_config(override(values, settings), origin=str(path))


def parse_run_config(values: dict[str, Any], origin: str = "run config") -> RunConfig:
    """Validate a run config given as nested dicts; ConfigError as in `load_run_config`."""
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        # A mistyped key is also a missing one: the hint at what was meant comes first.
        found = sorted(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
        problems = "; ".join(explain_problem(RunConfig, problem) for problem in found[:3])
        raise ConfigError(f"{origin}: {problems}") from None


def _explain_syntax(error: yaml.YAMLError) -> str:
    """What is wrong and where; not the line itself, as PyYAML has it, since there may be a password in it."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return " ".join(str(error).split())
    marked = ((error.context, error.context_mark), (error.problem, error.problem_mark))
    places = [(text, f" in line {mark.line + 1}, column {mark.column + 1}" if mark else "") for text, mark in marked]
    return ", ".join(f"{text}{place}" for text, place in places if text)
