"""A table is brought up to date with its own settings only, which are of its own kind."""

from __future__ import annotations

import pytest

from dbx_dl.config import PrepareImagesConfig, PrepareTableConfig
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.prepare.commits import PresentTable
from dbx_dl.prepare.settings import require_same_settings, require_section
from tests.unit.monitor.run_report.finished_run import finished_run

SETTINGS = {"height": 8, "split": {"train": 0.7, "seed": 0}}


def present() -> PresentTable:
    return PresentTable(finished_run().prepared, {**SETTINGS, "split_bounds": {}})


def test_equal_settings_pass() -> None:
    require_same_settings(None, {"height": 9}, "t")
    require_same_settings(present(), SETTINGS, "t")
    require_same_settings(present(), {**SETTINGS, "split": {"train": 0.7, "seed": 0, "files": None}, "new": None}, "t")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({**SETTINGS, "height": 9}, "height = 8, not 9"),
        ({**SETTINGS, "split": {"train": 0.7, "seed": 1}}, r"split\.seed = 0, not 1"),
        ({**SETTINGS, "task": "binary"}, "task = None, not 'binary'"),
    ],
)
def test_the_first_difference_is_named(changed: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=f"table t was prepared with {message}: set `refit: true`"):
        require_same_settings(present(), changed, "t")


def test_a_section_of_another_kind_is_refused() -> None:
    table = PrepareTableConfig(source="s", table="t", key="k", label="l")
    require_section(table, PrepareTableConfig)
    with pytest.raises(ConfigError, match=r"takes a PrepareImagesConfig, got a PrepareTableConfig: call prepare_"):
        require_section(table, PrepareImagesConfig)
    with pytest.raises(ConfigError, match=r"prepare_table takes a PrepareTableConfig, got a dict$"):
        require_section({}, PrepareTableConfig)
