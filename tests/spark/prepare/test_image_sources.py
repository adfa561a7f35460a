"""Every format of image source through Spark: nothing found is lost, and the bytes come back as they are."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from pyspark.sql import functions as F

from dbx_dl.config import FolderSource
from dbx_dl.errors import DataError
from dbx_dl.prepare.images.sources.folders import list_file_rows
from dbx_dl.prepare.images.sources.formats import find_files
from dbx_dl.prepare.images.sources.found import LISTING_COLUMNS
from dbx_dl.runtime.session_settings import session_settings
from dbx_dl.runtime.sources import explain_read_errors
from tests.image_files import digit_pixels, write_coco, write_idx_pair
from tests.spark.prepare.pictures import PICTURES, find, reasons_of, rows_of
from tests.spark.prepare.sources import write_files

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def test_folders(spark: SparkSession, pictures: Path) -> None:
    (pictures / "dog" / "up").symlink_to(pictures)
    try:
        found = find(spark, path=str(pictures))
        rows = rows_of(found.listing)
    finally:
        (pictures / "dog" / "up").unlink()
    assert tuple(found.listing.columns) == LISTING_COLUMNS
    assert (found.task, found.label_names, found.extra_columns) == ("multiclass", None, ())
    assert set(rows) == {*PICTURES, "top.png", "cat/empty.png"}
    assert (rows["top.png"]["reason"], rows["top.png"]["label"]) == ("no_label", None)
    assert (rows["cat/empty.png"]["reason"], rows["cat/empty.png"]["size_bytes"]) == (None, 0)
    for key, data in PICTURES.items():
        row = rows[key]
        assert (row["path"], row["label"], row["reason"]) == (key, key.split("/")[0], None)
        assert Path(row["location"]).read_bytes() == data
        assert row["size_bytes"] == len(data)
        assert (row["position"], row["given_split"]) == (None, None)
    micros = found.listing.selectExpr("key", "unix_micros(modified_at) AS t").collect()
    assert {row["key"]: row["t"] for row in micros} == {
        key: (pictures / key).stat().st_mtime_ns // 1000 for key in rows
    }
    assert found.read(found.listing).where("content IS NOT NULL").count() == 0


def test_folders_with_a_pattern_and_without_labels(spark: SparkSession, pictures: Path) -> None:
    by_pattern = find(spark, path=str(pictures), label="pattern", pattern=r"/(?P<label>[01])\.png$")
    labels = {key: row["label"] for key, row in rows_of(by_pattern.listing.where("reason IS NULL")).items()}
    assert labels == {key: key[4] for key in PICTURES if key[4] in "01"}
    unlabelled = find(spark, path=str(pictures), label="none")
    rows = rows_of(unlabelled.listing)
    assert unlabelled.task == "none"
    assert len(rows) == len(PICTURES) + 2
    assert {(row["label"], row["reason"]) for row in rows.values()} == {(None, None)}


def test_folders_that_only_spark_reads(
    spark: SparkSession, pictures: Path, remote: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = find(spark, path=remote)
    rows = rows_of(found.listing)
    assert {key: (row["label"], row["reason"]) for key, row in rows.items()} == {
        **{key: (key.split("/")[0], None) for key in (*PICTURES, "cat/empty.png")},
        "top.png": (None, "no_label"),
    }
    assert {key: row["size_bytes"] for key, row in rows.items()} == {
        key: (pictures / key).stat().st_size for key in rows
    }
    assert {row["location"] for row in rows.values()} == {None}
    some = found.listing.where("key IN ('cat/1.png', 'cat/empty.png', 'top.png')")
    for limit in (10, 0):
        monkeypatch.setattr("dbx_dl.prepare.images.sources.contents.MAX_NAMED_FILES", limit)
        contents = {key: row["content"] for key, row in rows_of(found.read(some)).items()}
        assert contents == {"cat/1.png": PICTURES["cat/1.png"], "cat/empty.png": b"", "top.png": None}


def test_rows_of_spark_s_reader_are_listed_alike(spark: SparkSession, pictures: Path, remote: str) -> None:
    with session_settings(spark, {"spark.sql.session.timeZone": "Asia/Kolkata"}):
        files = spark.read.format("binaryFile").option("recursiveFileLookup", "true").load(remote)
        for place in (str(pictures), remote):
            source = FolderSource(path=place)
            whole = rows_of(find_files(spark, source).listing.where("size_bytes > 0"))
            # Without a scheme, as Spark's local file source names files.
            given = files.withColumn("path", F.replace("path", F.lit(remote), F.lit(place)))
            assert rows_of(list_file_rows(spark, source, given).listing) == whole
            assert set(whole) == {*PICTURES, "top.png"}


def test_what_cannot_be_listed_is_named(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none does not exist"):
        find(spark, path=str(tmp_path / "none"))
    write_files(tmp_path, {"a/1.png": b"x"})
    found = find(spark, path=str(tmp_path))
    # Known to the driver, gone when the executors look: as with a path that is not shared between machines.
    (tmp_path / "a" / "1.png").unlink()
    (tmp_path / "a").rmdir()
    with pytest.raises(DataError, match=rf"^folder {tmp_path}/a is gone.*files themselves$"), explain_read_errors("it"):
        found.listing.collect()


@pytest.mark.parametrize("is_zipped", [False, True])
def test_idx(spark: SparkSession, tmp_path: Path, is_zipped: bool) -> None:
    train = write_idx_pair(tmp_path, "train", 40, is_zipped) | {"split": "train"}
    test = write_idx_pair(tmp_path, "t10k", 10, is_zipped) | {"split": "test"}
    found = find(spark, format="idx", pairs=[train, test])
    assert (found.task, found.label_names) == ("multiclass", tuple("0123456789"))
    pixels, labels = digit_pixels(40)
    # In an order that no file has, as after a shuffle.
    rows = rows_of(found.read(found.listing.orderBy("label", "key")))
    assert len(rows) == 50
    for name, count, split in ((Path(train["images"]).name, 40, "train"), (Path(test["images"]).name, 10, "test")):
        for i in range(count):
            row = rows[f"{name}/{i:07d}"]
            assert (row["label"], row["given_split"], row["position"]) == (str(labels[i]), split, i)
            image = Image.open(io.BytesIO(row["content"]))
            assert image.format == "PNG"
            assert np.array_equal(np.asarray(image), pixels[i])
            assert (row["size_bytes"], row["reason"]) == (64, None)
    micros = found.listing.selectExpr("unix_micros(modified_at) AS t").distinct().collect()
    assert {row["t"] for row in micros} == {Path(pair["images"]).stat().st_mtime_ns // 1000 for pair in (train, test)}


def test_coco(spark: SparkSession, tmp_path: Path) -> None:
    path = write_coco(tmp_path)
    found = find(spark, format="coco", annotations=str(path), root=str(tmp_path / "images"))
    rows = rows_of(found.listing)
    assert (found.task, found.label_names) == ("multilabel", ("cat", "zebra", "dog"))
    assert found.extra_columns == ("objects",)
    assert {key: row["reason"] for key, row in rows.items()} == {
        "a.png": None,
        "sub/b.png": None,
        "c.png": None,
        "d.png": "bad_annotation",
        "gone.png": "file_missing",
    }
    assert [rows[key]["label"] for key in ("a.png", "sub/b.png", "c.png")] == [["cat", "zebra"], ["dog"], []]
    first, second = rows["a.png"]["objects"]
    assert first.asDict() == {
        "label": "zebra", "category_id": 3, "x": 1.0, "y": 1.0, "width": 4.0, "height": 4.0, "area": 16.0,
        "is_crowd": False, "polygons": [[1.0, 1.0, 5.0, 1.0, 5.0, 5.0, 1.0, 5.0]], "rle": None,
    }  # fmt: skip
    assert (second["label"], second["width"], second["polygons"]) == ("cat", 8.5, [])
    crowd = rows["sub/b.png"]["objects"][0]
    assert (crowd["is_crowd"], crowd["x"], json.loads(crowd["rle"])["counts"]) == (True, None, [60, 4])
    assert Path(rows["a.png"]["location"]) == tmp_path / "images" / "a.png"
    assert dict(found.listing.dtypes)["objects"] == (
        "array<struct<label:string,category_id:int,x:double,y:double,width:double,height:double,area:double,"
        "is_crowd:boolean,polygons:array<array<double>>,rle:string>>"
    )
    single = find(spark, format="coco", annotations=str(path), root=str(tmp_path / "images"), labels="multiclass")
    reasons = {key: (row["label"], row["reason"]) for key, row in rows_of(single.listing).items()}
    assert reasons["a.png"] == (None, "many_labels")
    assert reasons["sub/b.png"] == ("dog", None)
    assert reasons["c.png"] == (None, "no_label")


def test_coco_shapes(spark: SparkSession, tmp_path: Path) -> None:
    place = {"format": "coco", "annotations": str(write_coco(tmp_path)), "root": str(tmp_path / "images")}
    boxes = find(spark, **place, labels="boxes")
    assert (boxes.task, boxes.extra_columns) == ("boxes", ("objects", "label_boxes"))
    rows = rows_of(boxes.listing)
    assert [box.asDict() for box in rows["a.png"]["label_boxes"]] == [
        {"label": "zebra", "x": 0.125, "y": 0.125, "width": 0.5, "height": 0.5},
        {"label": "cat", "x": 0.0, "y": 0.0, "width": 1.0, "height": 1.0},
    ]
    assert (rows["a.png"]["label"], rows["c.png"]["label_boxes"]) == (["cat", "zebra"], [])
    assert rows["sub/b.png"]["detail"] == "an object of 'dog' has no bbox"
    with pytest.raises(DataError, match=r"has no image with polygons: set source.labels"):
        find(spark, **place, labels="polygons")
    document = json.loads((tmp_path / "annotations.json").read_text())
    document["annotations"][1]["segmentation"] = [[0, 0, 8, 0, 8, 8]]
    (tmp_path / "annotations.json").write_text(json.dumps(document))
    polygons = find(spark, **place, labels="polygons")
    assert (polygons.task, polygons.extra_columns) == ("segmentation", ("objects", "label_polygons"))
    rows = rows_of(polygons.listing)
    assert rows["a.png"]["label_polygons"][1].asDict() == {"label": "cat", "points": [0.0, 0.0, 1.0, 0.0, 1.0, 1.0]}
    assert rows["sub/b.png"]["detail"] == "an object of 'dog' has no polygon"
    assert dict(polygons.listing.dtypes)["label_polygons"] == "array<struct<label:string,points:array<double>>>"


def test_tables(spark: SparkSession, tmp_path: Path) -> None:
    lines = [("k1", b"1", "a", "x"), ("k2", b"2", "b", "train"), ("k2", b"3", "b", None), (None, b"4", "a", None)]
    lines += [("k5", None, "a", "dev"), ("k6", b"6", "", None), ("", b"7", "a", None)]
    df = spark.createDataFrame(lines, "name string, bytes binary, label string, part string")
    df.selectExpr("*", "1.5 AS weight").coalesce(1).write.format("delta").save(str(tmp_path / "t"))
    columns = {"key_column": "name", "content_column": "bytes", "split_column": "part"}
    found = find(spark, format="table", table=str(tmp_path / "t"), **columns)
    assert (found.task, found.extra_columns) == ("multiclass", ("weight",))
    expected = [("k1", "bad_split"), ("k2", "duplicate_key"), ("k2", "duplicate_key"), ("k5", None), ("k6", "no_label")]
    assert reasons_of(found) == sorted([*expected, (None, "no_key"), (None, "no_key")], key=str)
    # Pinned: what is written later is not seen.
    df.limit(1).selectExpr("*", "1.5 AS weight").write.format("delta").mode("append").save(str(tmp_path / "t"))
    whole = [row["content"] for row in found.read(found.listing).orderBy("content").collect()]
    assert whole == [None, b"1", b"2", b"3", b"4", b"6", b"7"]
    chosen = found.read(found.listing.where("key IN ('k2', 'k6') OR key IS NULL OR key = 'k5'"))
    assert chosen.columns == [*LISTING_COLUMNS, "weight", "content"]
    assert chosen.count() == 6
    assert {row["given_split"] for row in chosen.where("key = 'k5'").collect()} == {"validation"}


def test_views_and_their_contents(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    spark.range(10).selectExpr(
        "id AS path", "encode(cast(id AS string), 'UTF-8') AS content", "array(cast(id % 3 AS string), 'all') AS label"
    ).createOrReplaceTempView("pictures")
    found = find(spark, format="table", table="pictures")
    assert found.task == "multilabel"
    for limit in (100, 3):
        monkeypatch.setattr("dbx_dl.prepare.images.sources.contents._MAX_BROADCAST_ROWS", limit)
        rows = rows_of(found.read(found.listing.where("cast(key AS int) < 6")))
        assert {key: bytes(row["content"]).decode() for key, row in rows.items()} == {str(i): str(i) for i in range(6)}
        assert rows["4"]["label"] == ["1", "all"]
    with pytest.raises(DataError, match="column 'label' is array<string>, images are read from a binary column"):
        find(spark, format="table", table="pictures", content_column="label")
    with pytest.raises(DataError, match="no column 'nme'"):
        find(spark, format="table", table="pictures", key_column="nme")
    with pytest.raises(DataError, match=r"table no\.such does not exist"):
        find(spark, format="table", table="no.such")
    with pytest.raises(DataError, match="does not exist"):
        find(spark, format="table", table="/no/such")
