"""IDX files are read only when they are exactly what their header says."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from dbx_dl.errors import DataError
from dbx_dl.prepare.images.sources.idx_files import SeekableFiles, count_labels, read_images_header, read_labels
from tests.image_files import digit_pixels, encode_idx, write_idx_pair

IMAGES = encode_idx(np.arange(24).reshape(2, 3, 4))
LABELS = encode_idx(np.array([7, 0, 7]))


@pytest.mark.parametrize("is_zipped", [False, True])
def test_a_pair_of_files(tmp_path: Path, is_zipped: bool) -> None:
    paths = write_idx_pair(tmp_path, num_images=30, is_zipped=is_zipped)
    pixels, labels = digit_pixels(30)
    header = read_images_header(paths["images"])
    assert (header.count, header.height, header.width, header.image_bytes) == (30, 8, 8, 64)
    assert read_labels(paths["labels"]) == labels.tobytes()
    assert count_labels(paths["labels"]) == np.bincount(labels, minlength=256).tolist()
    files = SeekableFiles()
    for position in (29, 0, 17):
        found = files.read_slice(paths["images"], header.start_of(position), header.image_bytes)
        assert found == pixels[position].tobytes()
    with pytest.raises(DataError, match="shorter now"):
        files.read_slice(paths["images"], header.start_of(30), 1)
    files.close()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"must start with 0x00000803, but starts with 0x$"),
        (b"\x89PNG" + IMAGES, "no file of uint8 images: it must start with 0x00000803, but starts with 0x89504e47"),
        (IMAGES[:2] + b"\x0d" + IMAGES[3:], "starts with 0x00000d03"),
        (LABELS, r"images and labels are swapped"),
        (IMAGES[:10], "ends in its header, after 10 of 16 bytes"),
        (IMAGES[:-1], "2 x 3 x 4 images need 24 bytes after the header, found 23"),
        (IMAGES + b"x", "2 x 3 x 4 images need 24 bytes after the header, found 25"),
        (IMAGES[:4] + b"\xff" * 12, "need 79228162458924105385300197375 bytes after the header, found 0"),
        (encode_idx(np.zeros((3, 0, 4))), "images of 0 x 4 pixels"),
        (gzip.compress(IMAGES, mtime=0)[:-12], "the gzip data are broken"),
        (gzip.compress(IMAGES, mtime=0)[:5], "the gzip data are broken"),
        (gzip.compress(IMAGES, mtime=0)[:-8] + b"12345678", "the gzip data are broken"),
        (gzip.compress(IMAGES[:-1], mtime=0), "found 23"),
    ],
)
def test_files_that_are_not_what_they_say(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "images"
    path.write_bytes(data)
    with pytest.raises(DataError, match=message) as caught:
        read_images_header(str(path))
    assert str(path) in str(caught.value)


def test_labels_are_checked_alike(tmp_path: Path) -> None:
    path = tmp_path / "labels"
    path.write_bytes(LABELS + b"x")
    with pytest.raises(DataError, match="3 labels need 3 bytes after the header, found 4"):
        count_labels(str(path))
    with pytest.raises(DataError, match="cannot be read: No such file"):
        count_labels(str(tmp_path / "none"))
