"""Table names become SQL without surprises, and messages name the nearest valid name."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbx_dl.errors import ConfigError
from dbx_dl.runtime.tables import (
    absolute_path,
    first_line,
    is_path,
    quote_column,
    quote_table,
    suffix_table,
    suggest_name,
)


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("digits", "`digits`"),
        ("lab.digits", "`lab`.`digits`"),
        ("main.lab.digits", "`main`.`lab`.`digits`"),
        ("`my cat`.lab.`a.b`", "`my cat`.`lab`.`a.b`"),
        ("my-cat.lab.digits", "`my-cat`.`lab`.`digits`"),
        ("/data/a b/digits", "delta.`/data/a b/digits`"),
        ("/data/../x/digits/", "delta.`/x/digits`"),
        ("/data/a`b", "delta.`/data/a``b`"),
        ("file:/data/digits", "delta.`/data/digits`"),
        ("file:///data/digits", "delta.`/data/digits`"),
        ("s3://bucket/digits/", "delta.`s3://bucket/digits`"),
        ("dbfs:/digits", "delta.`dbfs:/digits`"),
    ],
)
def test_quoting(name: str, quoted: str) -> None:
    assert quote_table(name) == quoted


def test_relative_paths_become_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert quote_table("./digits") == f"delta.`{tmp_path}/digits`"
    assert quote_table("a/b.c") == f"delta.`{tmp_path}/a/b.c`"
    assert absolute_path("~/x") == str(Path.home() / "x")


@pytest.mark.parametrize("name", ["", "a.b.c.d", "a..b", ".", " a", "`a", "/data/50%/digits", "a`; DROP TABLE b; --"])
def test_what_is_no_table_is_refused(name: str) -> None:
    if name == ".":
        assert is_path(name)
        return
    with pytest.raises(ConfigError):
        quote_table(name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("digits", "digits_rejects"),
        ("a.b.digits", "a.b.digits_rejects"),
        ("a.`b c`", "a.`b c_rejects`"),
        ("/data/digits/", "/data/digits_rejects"),
    ],
)
def test_neighbours(name: str, expected: str) -> None:
    assert suffix_table(name, "_rejects") == expected
    quote_table(expected)


def test_columns_are_quoted() -> None:
    assert quote_column("a`b.c") == "`a``b.c`"


def test_suggestions() -> None:
    assert suggest_name("Lable", ["id", "label"]) == "did you mean 'label'?"
    assert suggest_name("LABEL", ["id", "Label"]) == "did you mean 'Label'?"
    assert suggest_name("zzz", ["id", "label"]) == "it has 'id', 'label'"
    assert suggest_name("zzz", []) == "it has none"
    assert suggest_name("zzz", [f"c{i}" for i in range(30)]).endswith("'c19' …")


def test_errors_in_one_line() -> None:
    assert first_line(ValueError("one\ntwo")) == "one"
    assert first_line(ValueError()) == "ValueError"
    assert first_line(ValueError("x\n\tat y\nCaused by: a.B: c\nCaused by: d: why\n\tat z")) == "d: why"
    call = "An error occurred while calling o1.save.\n: a.b.DeltaIOException: [DELTA_X] Cannot create a\n\tat z"
    assert first_line(ValueError(call)) == "[DELTA_X] Cannot create a"
