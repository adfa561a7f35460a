"""What can be wrong with a run's YAML file is said in a line, with its place; no key is lost unseen."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbx_dl.config import load_run_config
from dbx_dl.config.yaml_text import read_mapping
from dbx_dl.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty: it must hold a mapping of keys"),
        ("# a comment\n", "is empty"),
        ("words", "must hold a mapping of keys, such as `name: digits`, and holds a str"),
        ("a: 1\n\tb: 2\n", "line 2, column 1: a tab stands where YAML takes spaces alone: indent with spaces"),
        ("a: 1\nb: 2\na: 3\n", "line 3, column 1: the key 'a' stands twice in one section: keep one of them"),
        ("a:\n  b: {c: 1, c: 2}\n", "line 2, column 13: the key 'c' stands twice in one section"),
        ("a: *b\n", "line 1, column 4: found undefined alias 'b'"),
        ("a: 1\n---\na: 2\n", "line 2, column 1: expected a single document in the stream"),
        ("a: !!python/object:os.system x\n", "could not determine a constructor for the tag"),
        ("a: {b\n", "line 2, column 1: while parsing a flow mapping: expected ',' or '}'"),
        ("a: \x07\n", "is not valid YAML: unacceptable character"),
    ],
)
def test_texts_that_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        read_mapping(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_own_keys_win_over_merged_ones_also_where_these_are_merged_again() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b\n  <<: *a\n  y: 2\nc:\n  <<: *b\n  x: 3\n"
    assert read_mapping(text) == {"a": {"x": 1, "y": 1}, "b": {"x": 1, "y": 2}, "c": {"x": 3, "y": 2}}


@pytest.mark.parametrize(("content", "place"), [(b"name: \xe4", "byte 6"), (b"\xff\xfea\x00", "byte 0")])
def test_a_file_in_another_encoding(tmp_path: Path, content: bytes, place: str) -> None:
    path = tmp_path / "run.yml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=f"cannot read the run config .*: {place} is no UTF-8; save it as UTF-8"):
        load_run_config(path)
