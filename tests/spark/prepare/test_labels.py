"""Images whose labels lie in a table of their own: they come, change and leave with their labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dbx_dl.config import FolderSource, LabelsSource, PrepareImagesConfig
from dbx_dl.errors import DataError
from dbx_dl.prepare.images.prepare import prepare_images
from dbx_dl.runtime.tables import read_pinned
from tests.image_bytes import encode_pixels
from tests.image_files import digit_pixels

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NUM = 24


def write_images(folder: Path) -> list[str]:
    """Digits without class folders; gives their keys."""
    folder.mkdir()
    for number, pixels in enumerate(digit_pixels(NUM)[0]):
        (folder / f"{number:02d}.png").write_bytes(encode_pixels(pixels))
    (folder / "broken.png").write_bytes(b"no image")
    return sorted(path.name for path in folder.glob("[0-9]*.png"))


def write_labels(spark: SparkSession, name: str, labels: dict[str, str], kind: str = "string") -> None:
    rows = spark.createDataFrame(list(labels.items()), "key string, label string")
    rows = rows.selectExpr("key", f"from_json(label, '{kind}') AS label" if kind != "string" else "label")
    rows.write.format("delta").mode("overwrite").option("overwriteSchema", "true").save(name)


def test_images_come_change_and_leave_with_their_labels(
    spark: SparkSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keys, name = write_images(tmp_path / "images"), str(tmp_path / "labels")
    labels = {key: "even" if place % 2 == 0 else "odd" for place, key in enumerate(keys[:20])}
    write_labels(spark, name, labels | {"broken.png": "odd", "gone.png": "odd"})
    config = PrepareImagesConfig(
        table=str(tmp_path / "prepared"),
        source=FolderSource(path=str(tmp_path / "images"), label="none"),
        labels=LabelsSource(table=name),
        height=8,
        width=8,
        channels=1,
    )
    prepared = prepare_images(spark, config)
    assert (prepared.num_rows, prepared.reject_reasons) == (20, {"not_an_image": 1})
    assert (prepared.target.task, prepared.target.label_names) == ("binary", ("even", "odd"))
    assert prepared.labels is not None and prepared.labels.version == 0
    assert "1 labels of" in caplog.text and "'gone.png'" in caplog.text
    assert prepare_images(spark, config).table == prepared.table
    changed = {key: label for key, label in labels.items() if key != keys[3]} | {keys[0]: "odd", keys[22]: "even"}
    write_labels(spark, name, changed)
    again = prepare_images(spark, config)
    rows = {row["key"]: row["label"] for row in read_pinned(spark, again.table).select("key", "label").collect()}
    assert rows == changed
    assert again.labels is not None and again.labels.version == 1
    before = {row["key"]: row["split"] for row in read_pinned(spark, again.table).select("key", "split").collect()}
    machine = set(keys[4:16])
    assert {before[key] for key in machine} > {"train"} and {before[key] for key in set(before) - machine} > {"train"}
    sources = [(key, label, "model" if key in machine else "human") for key, label in changed.items()]
    rows = spark.createDataFrame(sources, "key string, label string, source string")
    rows.write.format("delta").mode("overwrite").option("overwriteSchema", "true").save(name)
    graded = prepare_images(spark, config)
    after = {row["key"]: row["split"] for row in read_pinned(spark, graded.table).select("key", "split").collect()}
    assert after == before | dict.fromkeys(machine, "train"), "a model's labels are for training alone"
    assert "12 of them are labelled by a rule or a model" in caplog.text
    write_labels(spark, name, {"gone.png": "odd"})
    with pytest.raises(DataError, match=r"has 1 labels, none of them of .*images, such as 'gone.png'"):
        prepare_images(spark, config)
    spark.sql(f"INSERT INTO delta.`{name}` VALUES ('gone.png', 'even')")
    with pytest.raises(DataError, match=r"has 2 labels for the key 'gone.png': it needs one"):
        prepare_images(spark, config)


@pytest.mark.matrix
def test_boxes_and_sets_of_labels_of_a_table(spark: SparkSession, tmp_path: Path) -> None:
    keys, name = write_images(tmp_path / "images"), str(tmp_path / "labels")
    box = '{"label": "cat", "x": 0.5, "y": 0.0, "width": 0.5, "height": 1.0}'
    write_labels(
        spark,
        name,
        {key: f"[{box}]" if place % 2 else "[]" for place, key in enumerate(keys)}
        | {keys[0]: f"[{box}, {box}, {box}]"},
        "array<struct<label: string, x: double, y: double, width: double, height: double>>",
    )
    config = PrepareImagesConfig(
        table=str(tmp_path / "prepared"),
        source=FolderSource(path=str(tmp_path / "images"), label="none"),
        labels=LabelsSource(table=name, shapes="boxes", cell=4, max_boxes=2),
        height=8,
        width=8,
        channels=1,
    )
    prepared = prepare_images(spark, config)
    assert (prepared.target.task, prepared.target.grid, prepared.target.max_boxes) == ("boxes", (2, 2), 2)
    assert prepared.reject_reasons == {"bad_annotation": 1}
    rows = {row["key"]: row for row in read_pinned(spark, prepared.table).drop("content").collect()}
    assert rows[keys[1]]["label_boxes"][0].asDict()["x"] == 0.5 and rows[keys[2]]["label_boxes"] == []
    with pytest.raises(DataError, match=r"for boxes or polygons set `labels.shapes`"):
        prepare_images(spark, config.model_copy(update={"labels": LabelsSource(table=name), "refit": True}))
    write_labels(
        spark, name, {key: '["a"]' if place % 3 else '["b", "a"]' for place, key in enumerate(keys)}, "array<string>"
    )
    sets = config.model_copy(update={"labels": LabelsSource(table=name), "table": str(tmp_path / "sets")})
    prepared = prepare_images(spark, sets)
    assert (prepared.target.task, prepared.class_rows) == ("multilabel", {"a": NUM, "b": NUM // 3})
    with pytest.raises(DataError, match=r"is array<string>, no array of boxes"):
        prepare_images(spark, config)
