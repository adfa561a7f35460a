"""Settings beside a run's file: read as YAML, put where they belong, refused where they belong nowhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbx_dl.config import load_run_config
from dbx_dl.config.overrides import override
from dbx_dl.errors import ConfigError
from tests.rules.source_files import ROOT

VALUES: dict[str, Any] = {
    "name": "a",
    "train": {"num_ranks": 2, "optimizer": {"name": "adam"}},
    "prepare": {"source": "x"},
}


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("name=b", {"name": "b"}),
        ("train.num_ranks=4", {"train": {"num_ranks": 4, "optimizer": {"name": "adam"}}}),
        (
            "train.optimizer.learning_rate=0.5",
            {"train": {"num_ranks": 2, "optimizer": {"name": "adam", "learning_rate": 0.5}}},
        ),
        ("frameworks=[torch]", {"frameworks": ["torch"]}),
        ("tracking.artifacts=null", {"tracking": {"artifacts": None}}),
        ("tracking.git_commit='0123'", {"tracking": {"git_commit": "0123"}}),
        ("score.where=day >= '2026-01-01' AND a = 'b'", {"score": {"where": "day >= '2026-01-01' AND a = 'b'"}}),
        (
            "score.model=models:/main.vision.digits@champion",
            {"score": {"model": "models:/main.vision.digits@champion"}},
        ),
        ("score.where=@: {", {"score": {"where": "@: {"}}),
        ("score.where=a #b", {"score": {"where": "a #b"}}),
        ("prepare.csv=#", {"prepare": {"source": "x", "csv": "#"}}),
        ("prepare.csv=|", {"prepare": {"source": "x", "csv": "|"}}),
        ("prepare.csv=-", {"prepare": {"source": "x", "csv": "-"}}),
        ("prepare.csv=*", {"prepare": {"source": "x", "csv": "*"}}),
        ("prepare.csv=a: b", {"prepare": {"source": "x", "csv": "a: b"}}),
        ("prepare.csv={comment: '#'}", {"prepare": {"source": "x", "csv": {"comment": "#"}}}),
        ("train.num_ranks=-4", {"train": {"num_ranks": -4, "optimizer": {"name": "adam"}}}),
        ("name=", {}),
        ("name=  ", {}),
        ("new.key=", {}),
    ],
)
def test_a_setting_takes_the_place_of_a_value(setting: str, expected: dict[str, Any]) -> None:
    assert override(VALUES, [setting]) == VALUES | expected


def test_the_last_of_two_counts_and_nothing_is_edited_in_place() -> None:
    before = repr(VALUES)
    assert override(VALUES, ["train.num_ranks=3", "train.num_ranks=4"])["train"]["num_ranks"] == 4
    assert repr(VALUES) == before


@pytest.mark.parametrize("setting", ["train.num_ranks", "=4", "train..num_ranks=4", ".a=1", ""])
def test_what_is_no_setting_is_refused(setting: str) -> None:
    with pytest.raises(ConfigError, match=r"is no setting: write key=value"):
        override(VALUES, [setting])


def test_a_value_has_no_keys() -> None:
    with pytest.raises(ConfigError, match=r"prepare\.source\.path cannot be set: source is 'x', no section"):
        override(VALUES, ["prepare.source.path=y"])


@given(st.integers(), st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4))
def test_what_is_set_is_found_there(value: int, parts: list[str]) -> None:
    found: Any = override({}, [f"{'.'.join(parts)}={value}"])
    for part in parts:
        found = found[part]
    assert found == value


def test_settings_are_validated_with_the_file() -> None:
    path: Path = ROOT / "conf" / "runs" / "digits.yml"
    config = load_run_config(path, ["train.num_ranks=4", "tracking.uri=databricks", "tracking.artifacts=null"])
    assert (config.train.num_ranks, config.tracking.uri, config.tracking.artifacts) == (4, "databricks", None)
    with pytest.raises(ConfigError, match=r"unknown key 'train.num_rank'; did you mean 'num_ranks'"):
        load_run_config(path, ["train.num_rank=4"])
    with pytest.raises(ConfigError, match=r"train\.num_ranks: .*greater than 0"):
        load_run_config(path, ["train.num_ranks=0"])


@pytest.mark.parametrize(
    ("values", "setting"),
    [
        ({"tracking": "postgresql://u:SECRET@h/db"}, "tracking.uri=sqlite:///m.db"),
        ({"feed": {"api_key": "SECRET"}}, "feed.api_key.x=1"),
        ({}, "tracking.uri:postgresql://u:SECRET@h/db"),
    ],
)
def test_refusals_show_no_secret(values: dict[str, Any], setting: str) -> None:
    with pytest.raises(ConfigError) as refused:
        override(values, [setting])
    assert "SECRET" not in str(refused.value) and "***" in str(refused.value)
