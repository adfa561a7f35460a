"""Pairs of IDX files fit together, and every position becomes a row and an image."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from dbx_dl.config import IdxSource
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.prepare.images.sources.idx import check_pairs, make_lister, make_reader
from tests.image_files import digit_pixels, encode_idx, write_idx_pair


def source_of(*pairs: dict[str, Any], **options: Any) -> IdxSource:
    return IdxSource.model_validate({"pairs": pairs, **options})


@pytest.mark.parametrize("is_zipped", [False, True])
def test_rows_and_images(tmp_path: Path, is_zipped: bool) -> None:
    pair = write_idx_pair(tmp_path, num_images=20, is_zipped=is_zipped) | {"split": "test"}
    (part,), label_names = check_pairs(source_of(pair))
    assert label_names == tuple("0123456789")
    pixels, labels = digit_pixels(20)
    (listed,) = make_lister(part)([pa.RecordBatch.from_pydict({"id": [19, 3]})])
    (read,) = make_reader({part.images.path: part.images})([listed])
    rows = read.to_pylist()
    assert [row["key"].rpartition("/")[2] for row in rows] == ["0000019", "0000003"]
    assert [row["label"] for row in rows] == [str(labels[19]), str(labels[3])]
    for row in rows:
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(row["content"]))), pixels[row["position"]])
        assert (row["given_split"], row["size_bytes"], row["location"]) == ("test", 64, pair["images"])


def test_label_names(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.write_bytes(encode_idx(np.zeros((3, 2, 2))))
    pair = {"images": str(images), "labels": str(tmp_path / "labels")}
    (tmp_path / "labels").write_bytes(encode_idx(np.array([10, 2, 10])))
    assert check_pairs(source_of(pair))[1] == ("2", "10")
    names = [f"n{i}" for i in range(11)]
    assert check_pairs(source_of(pair, label_names=names))[1] == tuple(names)
    with pytest.raises(DataError, match=r"have the label 10, but label_names has 10 names"):
        check_pairs(source_of(pair, label_names=names[:10]))


def test_images_without_labels(tmp_path: Path) -> None:
    pair = write_idx_pair(tmp_path, num_images=3)
    (part,), label_names = check_pairs(source_of({"images": pair["images"]}))
    assert label_names is None
    (listed,) = make_lister(part)([pa.RecordBatch.from_pydict({"id": [0]})])
    assert listed.column("label").to_pylist() == [None]


def test_pairs_that_do_not_fit(tmp_path: Path) -> None:
    one, other = write_idx_pair(tmp_path / "1", num_images=3), write_idx_pair(tmp_path / "2", "test", num_images=4)
    with pytest.raises(DataError, match=r"has 3 images, but .* has 4 labels"):
        check_pairs(source_of({**one, "labels": other["labels"]}))
    with pytest.raises(DataError, match="images and labels are swapped"):
        check_pairs(source_of({"images": one["labels"], "labels": one["images"]}))
    with pytest.raises(ConfigError, match="two IDX files are named train-images"):
        check_pairs(source_of(one, one))
    with pytest.raises(ConfigError, match="give all or none"):
        check_pairs(source_of(one, {"images": other["images"]}))
    with pytest.raises(ConfigError, match="read from a local path, got s3://b/x"):
        check_pairs(source_of({"images": "s3://b/x"}))
