"""Image data sets as people have them, written from scikit-learn's digits: MNIST's IDX pairs, a COCO export."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from tests.image_bytes import encode_pixels

CATEGORIES = {3: "zebra", 1: "cat", 7: "dog"}


def digit_pixels(num_images: int) -> tuple[np.ndarray, np.ndarray]:
    """The first digits as uint8 (N, 8, 8), and their labels as uint8 (N,)."""
    digits = load_digits()
    return (digits.images[:num_images] * 15.9).astype(np.uint8), digits.target[:num_images].astype(np.uint8)


def encode_idx(array: np.ndarray) -> bytes:
    """An IDX file of uint8 values: images (N, H, W) or labels (N,)."""
    header = struct.pack(">HBB", 0, 0x08, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(np.uint8).tobytes()


def write_idx_pair(folder: Path, name: str = "train", num_images: int = 50, is_zipped: bool = False) -> dict[str, str]:
    """Digits as `<name>-images-idx3-ubyte` and `<name>-labels-idx1-ubyte` (with .gz); the `images`, `labels` paths."""
    images, labels = digit_pixels(num_images)
    paths = {}
    for kind, dimensions, array in (("images", 3, images), ("labels", 1, labels)):
        path = folder / f"{name}-{kind}-idx{dimensions}-ubyte{'.gz' if is_zipped else ''}"
        path.parent.mkdir(parents=True, exist_ok=True)
        data = encode_idx(array)
        path.write_bytes(gzip.compress(data) if is_zipped else data)
        paths[kind] = str(path)
    return paths


def coco_document() -> dict[str, Any]:
    """A COCO file of 5 images: two categories, one category twice, none, an unknown category, a missing file.

    The files are `a.png`, `sub/b.png`, `c.png`, `d.png` and `gone.png`.
    """
    names = ["a.png", "sub/b.png", "c.png", "d.png", "gone.png"]
    square = [1, 1, 5, 1, 5, 5, 1, 5]
    annotations = [
        {"image_id": 1, "category_id": 3, "bbox": [1, 1, 4, 4], "area": 16, "iscrowd": 0, "segmentation": [square]},
        {"image_id": 1, "category_id": 1, "bbox": [0, 0, 8.5, 8], "area": 68.0, "iscrowd": 0, "segmentation": []},
        {
            "image_id": 2,
            "category_id": 7,
            "bbox": [],
            "segmentation": {"size": [8, 8], "counts": [60, 4]},
            "iscrowd": 1,
        },
        {"image_id": 2, "category_id": 7},
        {"image_id": 4, "category_id": 99, "bbox": [0, 0, 1, 1]},
        {"image_id": 5, "category_id": 1, "bbox": [0, 0, 1, 1]},
    ]
    return {
        "info": {"description": "digits"},
        "images": [{"id": i, "file_name": name, "width": 8, "height": 8} for i, name in enumerate(names, start=1)],
        "annotations": [{"id": i, **annotation} for i, annotation in enumerate(annotations, start=1)],
        "categories": [{"id": key, "name": name, "supercategory": "animal"} for key, name in CATEGORIES.items()],
    }


def write_coco(folder: Path) -> Path:
    """`coco_document` as `folder/annotations.json`, and its images, as far as they are there, below `folder/images`."""
    images, _ = digit_pixels(4)
    for name, pixels in zip(("a.png", "sub/b.png", "c.png", "d.png"), images, strict=True):
        path = folder / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_pixels(pixels))
    path = folder / "annotations.json"
    path.write_text(json.dumps(coco_document()), encoding="utf-8")
    return path
