"""What a manifest's name says, and which of its columns are kept."""

from __future__ import annotations

import pytest

from dbx_dl.config import ManifestSource
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.prepare.images.sources.manifests import choose_format, choose_root
from dbx_dl.prepare.images.sources.user_columns import TABLE_COLUMNS, choose_kept


@pytest.mark.parametrize(
    ("path", "file_format"),
    [
        ("a/m.csv", "csv"),
        ("a/m.v2.TSV", "csv"),
        ("m.csv.gz", "csv"),
        ("s3://b/m.parquet/", "parquet"),
        ("m.json", "json"),
        ("m.jsonl", "json"),
        ("m.ndjson.bz2", "json"),
    ],
)
def test_format_is_found_from_the_name(path: str, file_format: str) -> None:
    assert choose_format(ManifestSource(path=path)) == file_format


def test_format_that_the_name_does_not_tell() -> None:
    for path in ("m", "m.txt", "a.csv/m", ".csv.gz/m"):
        with pytest.raises(ConfigError, match="give `file_format"):
            choose_format(ManifestSource(path=path))
    assert choose_format(ManifestSource(path="m", file_format="json")) == "json"


def test_root_is_the_manifests_folder() -> None:
    assert choose_root(ManifestSource(path="/a/m.csv")) == "/a"
    assert choose_root(ManifestSource(path="m.csv")) == "."
    assert choose_root(ManifestSource(path="s3://b/a/m.parquet/")) == "s3://b/a"
    assert choose_root(ManifestSource(path="/a/m.csv", root="r")) == "r"


def test_further_columns_are_kept_in_order() -> None:
    assert choose_kept(["z", "path", "a b", "label", "é"], ["path", "label", None], "m") == ("z", "a b", "é")


@pytest.mark.parametrize("name", [*TABLE_COLUMNS, "SHA256", "reason", "location", "_x"])
def test_names_that_are_taken(name: str) -> None:
    with pytest.raises(DataError, match=rf"^m has a column '{name}', but .* rename it$"):
        choose_kept(["file", name], ["file"], "m")
    assert choose_kept([name], [name], "m") == ()
