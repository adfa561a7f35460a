"""Explanations of a run: what is refused before anything is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbx_dl.config import ExplainConfig, load_run_config
from dbx_dl.demo import digits_run
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.explaining import card_run, explain_run
from tests.e2e.conftest import write_config


def test_a_run_without_a_section_is_told_what_to_add(tmp_path: Path) -> None:
    config = digits_run(tmp_path).model_copy(update={"explain": None})
    with pytest.raises(ConfigError, match="has no section explain: add one with a `table`"):
        explain_run(None, config)  # type: ignore[arg-type]


def test_a_card_needs_a_registered_version_of_one_of_the_runs_frameworks(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"keras.registered.json does not exist: run the stage that writes it first"):
        card_run(digits_run(tmp_path), "keras")
    with pytest.raises(ConfigError, match="has no framework 'jax': choose one of keras, torch"):
        card_run(digits_run(tmp_path), "jax")


def test_settings_take_the_place_of_the_files_and_are_checked(tmp_path: Path) -> None:
    path = write_config(digits_run(tmp_path), tmp_path / "run.yml")
    config = load_run_config(path, ["explain.method=grad_cam", "explain.gradients.num_steps=8", "card.contact=us"])
    assert config.explain is not None and config.explain.method == "grad_cam" and config.card.contact == "us"
    assert config.explain.gradients.num_steps == 8
    for setting, problem in (("explain.method=lime", "explain.method"), ("explain.top=3", "top_k")):
        with pytest.raises(ConfigError, match=problem):
            load_run_config(path, [setting])
    with pytest.raises(ValueError, match="name one twice"):
        ExplainConfig(table="t", dependence={"columns": ("a", "a")})  # type: ignore[arg-type]
