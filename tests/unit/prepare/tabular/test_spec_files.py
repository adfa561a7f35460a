"""The written columns load back as the config that they were found as."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from dbx_dl.config import (
    BooleanColumn,
    CategoricalColumn,
    ColumnConfig,
    DatetimeColumn,
    EmbeddingColumn,
    IgnoredColumn,
    NumericColumn,
    PrepareTableConfig,
)
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.prepare.tabular.spec_files import log_spec, render_spec, write_spec

COLUMNS: dict[str, ColumnConfig] = {
    "plain": NumericColumn(impute="constant", fill_value=-1.5, clip_quantiles=(0.01, 0.99), log1p=True, scale="robust"),
    "size.ä`x": CategoricalColumn(min_count=2, hash_buckets=64),
    "on": BooleanColumn(add_indicator=True),
    "null": DatetimeColumn(parts=("hour",), elapsed=False),
    "12": EmbeddingColumn(size=4, scale="standard"),
    "a: b # c": IgnoredColumn(),
    'quote " \\ line\nbreak': NumericColumn(),
    "x" * 200: NumericColumn(),
    "": IgnoredColumn(),
}


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "columns.yml"
    write_spec(str(path), "regression", COLUMNS)
    section = {"source": "s", "table": "t", "key": "k", "label": "y", **yaml.safe_load(path.read_text("utf-8"))}
    config = PrepareTableConfig.model_validate(section)
    assert config.columns == COLUMNS
    assert list(config.columns) == list(COLUMNS)
    assert config.task == "regression"
    assert [file.name for file in path.parent.iterdir()] == ["columns.yml"]


def test_one_line_per_column_with_every_option() -> None:
    lines = render_spec("binary", {"age": NumericColumn(), "town": CategoricalColumn()}).splitlines()
    assert lines == [
        "task: binary",
        "columns:",
        "  age: {kind: numeric, impute: median, add_indicator: false, log1p: false, scale: standard}",
        "  town: {kind: categorical, min_count: 1}",
    ]


def test_told_in_one_block(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "dbx_dl"):
        log_spec("binary", {f"c{i}": NumericColumn() for i in range(100)} | {"z": IgnoredColumn()})
    (message,) = caplog.messages
    assert message.startswith("100 feature columns:\ntask: binary\ncolumns:\n  c0: {kind: numeric")
    assert message.endswith("  c57: " + message.splitlines()[3].partition(": ")[2] + "\n  … and 43 more columns")


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must be a path on this machine"):
        write_spec("s3://bucket/columns.yml", "binary", COLUMNS)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        write_spec(str(tmp_path / "file" / "columns.yml"), "binary", COLUMNS)


@given(st.text(min_size=1, max_size=20))
@example("a\u2028b")
@example("a\x85b")
@example("a\x7fb")
@example("\ufeffa")
def test_any_name_of_a_column_is_read_back(name: str) -> None:
    assert list(yaml.safe_load(render_spec("binary", {name: NumericColumn()}))["columns"]) == [name]
