"""Manifests of every file format: which image a row means, and which rows are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dbx_dl.errors import ConfigError, DataError
from tests.spark.prepare.pictures import PICTURES, find, reasons_of, rows_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def manifest_lines(pictures: Path, outside: Path) -> list[list[str]]:
    """Path, label, split, note."""
    return [
        ["cat/0.png", "cat", "train", "first"],
        ["./dog/../cat/1.png", "cat", "VAL", "ä, b"],
        [str(pictures / "dog/0.png"), "dog", "", ""],
        ["dog/1.png", "", "test", ""],
        ["dog/2.png", "dog", "later", ""],
        ["cat/0.png", "dog", "test", "second"],
        ["cat/gone.png", "cat", "", ""],
        ["../secret.png", "cat", "", ""],
        [str(outside), "cat", "", ""],
        ["link.png", "cat", "", ""],
        ["", "cat", "", ""],
        ["cat", "cat", "", ""],
    ]


EXPECTED = [
    ("cat", "not_a_file"),
    ("cat/0.png", "duplicate_key"),
    ("cat/0.png", None),
    ("cat/1.png", None),
    ("cat/gone.png", "file_missing"),
    ("dog/0.png", None),
    ("dog/1.png", "no_label"),
    ("dog/2.png", "bad_split"),
    ("link.png", "outside_root"),
    (None, "no_key"),
    ("../secret.png", "outside_root"),
]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".jsonl"])
def test_manifests(spark: SparkSession, pictures: Path, tmp_path: Path, suffix: str) -> None:
    outside = tmp_path / "secret.png"
    outside.write_bytes(b"secret")
    link = pictures / "link.png"
    link.symlink_to(outside)
    lines = manifest_lines(pictures, outside)
    path = tmp_path / f"m{suffix}"
    write_manifest(spark, path, ["file", "label", "part", "note"], lines)
    try:
        found = find(
            spark, format="manifest", path=str(path), root=str(pictures), path_column="file", split_column="part"
        )
        assert reasons_of(found) == sorted([*EXPECTED, (str(outside), "outside_root")], key=str)
        assert found.extra_columns == ("note",)
        good = rows_of(found.listing.where("reason IS NULL"))
    finally:
        link.unlink()
    assert [good[key]["given_split"] for key in ("cat/0.png", "cat/1.png", "dog/0.png")] == [
        "train",
        "validation",
        None,
    ]
    assert [good[key]["note"] for key in ("cat/0.png", "cat/1.png")] == ["first", "ä, b"]
    for key, row in good.items():
        assert Path(row["location"]).read_bytes() == PICTURES[key]
        assert (row["size_bytes"], row["path"]) == (len(PICTURES[key]), key)
    details = [row["detail"] for row in found.listing.where("reason IS NOT NULL").collect()]
    assert all(details)
    assert "split 'later' is none of train, validation, test" in details


def write_manifest(spark: SparkSession, path: Path, names: list[str], lines: list[list[str]]) -> None:
    if path.suffix == ".parquet":
        spark.createDataFrame(lines, names).coalesce(1).write.parquet(str(path))
        return
    if path.suffix == ".jsonl":
        texts = [json.dumps(dict(zip(names, line, strict=True))) for line in lines]
    else:
        mark = "\t" if path.suffix == ".tsv" else ","
        texts = [mark.join(names), *(mark.join(f'"{v}"' if mark in v else v for v in line) for line in lines)]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")


def test_manifest_may_leave_its_root_when_allowed(spark: SparkSession, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    outside = tmp_path / "free.png"
    outside.write_bytes(b"free")
    (tmp_path / "root" / "link.png").symlink_to(outside)
    path = tmp_path / "root" / "m.csv"
    path.write_text(
        f"path,label,extra\nlink.png\n../free.png,a,1\n{outside},b,2\nlink.png,c,3\na,b\n", encoding="utf-8"
    )
    found = find(spark, format="manifest", path=str(path), allow_outside=True)
    rows = found.listing.collect()
    good = {row["key"]: row["location"] for row in rows if row["reason"] is None}
    assert good == dict.fromkeys(("../free.png", str(outside), "link.png"), str(outside))
    assert sorted((row["key"], row["reason"]) for row in rows if row["reason"]) == [
        ("a", "malformed_row"),
        ("link.png", "malformed_row"),
    ]


def test_manifest_with_several_labels_and_typed_columns(spark: SparkSession, pictures: Path) -> None:
    path = pictures.parent / "several.parquet"
    when = "timestamp'2020-01-01' AS seen, struct(1 AS a, array(date'2021-02-03') AS b) AS nested"
    spark.sql(
        f"SELECT 'cat/0.png' AS path, array('b', 'a', '', null, 'b') AS label, {when} UNION ALL "
        f"SELECT 'cat/1.png', array(), null, null UNION ALL SELECT 'cat/2.png', null, null, null"
    ).coalesce(1).write.mode("overwrite").parquet(str(path))
    found = find(spark, format="manifest", path=str(path), root=str(pictures))
    rows = rows_of(found.listing)
    assert (found.task, found.extra_columns) == ("multilabel", ("seen", "nested"))
    assert [rows[f"cat/{i}.png"]["label"] for i in range(3)] == [["a", "b"], [], None]
    assert [rows[f"cat/{i}.png"]["reason"] for i in range(3)] == [None, None, "no_label"]
    before = spark.read.parquet(str(path)).where("path = 'cat/0.png'").collect()[0]
    assert (rows["cat/0.png"]["seen"], rows["cat/0.png"]["nested"]) == (before["seen"], before["nested"])


def test_manifest_that_cannot_be_used(spark: SparkSession, pictures: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("paht,label,sha256\na,b,c\n", encoding="utf-8")
    source = {"format": "manifest", "path": str(path), "root": str(pictures)}
    with pytest.raises(DataError, match="no column 'path'; did you mean 'paht'"):
        find(spark, **source)
    with pytest.raises(DataError, match=r"column 'sha256', but this name is taken .* rename it"):
        find(spark, **source, path_column="paht")
    with pytest.raises(DataError, match="does not exist"):
        find(spark, **{**source, "path": str(tmp_path / "none.csv")})
    with pytest.raises(ConfigError, match="give `file_format"):
        find(spark, **{**source, "path": str(tmp_path / "m.txt")})
    path.write_text("path,lable\na,b\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"no column 'label'; did you mean 'lable'\? \(`label_column: null` if"):
        find(spark, **source)
    path.write_text("path,label\na,b\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"image root .* does not exist"):
        find(spark, **{**source, "root": str(tmp_path / "none")})


def test_manifest_of_files_that_only_spark_reads(spark: SparkSession, tmp_path: Path, remote: str) -> None:
    path = tmp_path / "m.csv"
    path.write_text(
        f"path,label\ncat/0.png,a\n{remote}/cat/1.png,b\ngone.png,a\n../x.png,a\ncat/0.png,b\n", encoding="utf-8"
    )
    found = find(spark, format="manifest", path=str(path), root=remote)
    assert reasons_of(found) == sorted(
        [
            ("cat/0.png", None),
            ("cat/0.png", "duplicate_key"),
            ("cat/1.png", None),
            ("gone.png", "file_missing"),
            ("../x.png", "outside_root"),
        ],
        key=str,
    )
    good = rows_of(found.read(found.listing.where("reason IS NULL")))
    assert {key: row["content"] for key, row in good.items()} == {
        key: PICTURES[key] for key in ("cat/0.png", "cat/1.png")
    }
    with pytest.raises(ConfigError, match="allow_outside"):
        find(spark, format="manifest", path=str(path), root=remote, allow_outside=True)
