"""YAML in, a validated run config out; unknown keys are refused with the nearest valid name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dbx_dl.config.overrides import override
from dbx_dl.config.problems import explain_problem
from dbx_dl.config.run import RunConfig
from dbx_dl.config.yaml_text import read_mapping
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
        raise ConfigError(
            f"cannot read the run config {path}: byte {error.start} is no UTF-8; save it as UTF-8 text"
        ) from None
    try:
        values = read_mapping(text)
    except ValueError as error:
        raise ConfigError(f"{path} {error}") from None
    return parse_run_config(override(values, settings), origin=str(path))


def parse_run_config(values: dict[str, Any], origin: str = "run config") -> RunConfig:
    """Validate a run config given as nested dicts; ConfigError as in `load_run_config`."""
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        # A mistyped key is also a missing one: the hint at what was meant comes first.
        found = sorted(error.errors(), key=lambda problem: problem["type"] not in ("extra_forbidden", "invalid_key"))
        problems = "; ".join(explain_problem(RunConfig, problem) for problem in found[:3])
        raise ConfigError(f"{origin}: {problems}") from None
