"""A manifest's path reaches a file below its root and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbx_dl.prepare.images.sources.rooted_paths import PathResolver, leaves_root, normalise


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """`root/a/x.png`, with a secret beside the root."""
    (tmp_path / "root" / "a").mkdir(parents=True)
    (tmp_path / "root" / "a" / "x.png").write_bytes(b"1234")
    (tmp_path / "rooted").mkdir()
    (tmp_path / "rooted" / "y.png").write_bytes(b"secret")
    return tmp_path / "root"


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("a/x.png", "a/x.png"),
        (" ./a//x.png ", "a/x.png"),
        ("b/../a/x.png", "a/x.png"),
        ("/r/a/x.png", "a/x.png"),
        ("/r//a/../b.png", "b.png"),
        ("/r/../x.png", "../x.png"),
        ("/q/../r/x.png", "x.png"),
        ("/rest/x.png", "/rest/x.png"),
        ("../r/x.png", "../r/x.png"),
        ("a/../..", ".."),
        ("", None),
        ("  ", None),
        (None, None),
    ],
)
def test_keys(written: str | None, key: str | None) -> None:
    assert normalise(written, "/r") == key


def test_remote_keys() -> None:
    assert normalise("s3://b/r/a/x.png", "s3://b/r") == "a/x.png"
    assert normalise("s3://b/r/../x.png", "s3://b/r/") == "../x.png"


@given(st.text(st.sampled_from("/.ar"), max_size=12))
def test_a_key_that_does_not_leave_the_root_has_no_dots(written: str) -> None:
    key = normalise(written, "/r")
    if key is not None and not leaves_root(key):
        assert key == "." or all(part not in ("", ".", "..") for part in key.split("/"))


def test_a_file_is_described(root: Path) -> None:
    found = (root / "a" / "x.png").stat()
    expected = ("a/x.png", str(root / "a" / "x.png"), 4, found.st_mtime_ns // 1000, None, None)
    assert PathResolver(str(root), False)("./a/x.png") == expected


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (None, "no_key"),
        ("../rooted/y.png", "outside_root"),
        ("..", "outside_root"),
        ("/etc/passwd", "outside_root"),
        ("a/none.png", "file_missing"),
        ("a/x.png/y", "file_missing"),
        ("a\0b", "file_missing"),
        ("a/" + "x" * 5000, "unreadable"),
        ("\ud800", "file_missing"),
        ("a", "not_a_file"),
        (".", "not_a_file"),
    ],
)
def test_what_cannot_be_read(root: Path, written: str | None, reason: str) -> None:
    _, location, _, _, found, detail = PathResolver(str(root), False)(written)
    assert (found, location) == (reason, None)
    assert detail


def test_links_may_not_leave_the_root(root: Path) -> None:
    outside = root.parent / "rooted"
    (root / "file.png").symlink_to(outside / "y.png")
    (root / "folder").symlink_to(outside)
    (root / "inside.png").symlink_to(root / "a" / "x.png")
    strict, free = PathResolver(str(root), False), PathResolver(str(root), True)
    for written in ("file.png", "folder/y.png", "folder/none.png"):
        assert strict(written)[4] == "outside_root"
    assert strict("inside.png")[1] == str(root / "a" / "x.png")
    for written in ("file.png", "folder/y.png", "../rooted/y.png", str(outside / "y.png")):
        assert free(written)[1] == str(outside / "y.png")
    assert free("../rooted/y.png")[0] == "../rooted/y.png"


def test_a_root_behind_a_link_is_the_root(root: Path) -> None:
    link = root.parent / "link"
    link.symlink_to(root)
    assert PathResolver(str(link), False)("a/x.png")[1] == str(root / "a" / "x.png")
    assert PathResolver(str(link), False)(f"{link}/a/x.png")[0] == "a/x.png"
