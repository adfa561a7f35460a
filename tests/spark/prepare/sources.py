"""Real files to prepare: scikit-learn's digits as PNG with broken ones among them, and its breast-cancer table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_digits

from tests.image_bytes import encode_pixels

NUM_DIGITS = 300
BROKEN = {
    "0/cut.png": "truncated",
    "1/text.png": "not_an_image",
    "2/zero.png": "empty",
    "3/one pixel.png": "too_small",
    "top.png": "no_label",
}


def write_digits(folder: Path, num_digits: int = NUM_DIGITS) -> dict[str, bytes]:
    """The first digits in class folders, and one file per key of BROKEN; returns the good files by key."""
    digits = load_digits()
    good = {}
    for i, (image, label) in enumerate(zip(digits.images[:num_digits], digits.target[:num_digits], strict=True)):
        # Names that an URL would escape: blanks, umlauts, percent signs.
        good[f"{label}/zahl %20 ä {i:04d}.png"] = encode_pixels((image * 15.9).astype(np.uint8))
    some = next(iter(good.values()))
    broken = {
        "0/cut.png": some[:60],
        "1/text.png": b"this is no image",
        "2/zero.png": b"",
        "3/one pixel.png": encode_pixels(np.zeros((1, 1), np.uint8)),
        "top.png": some,
    }
    write_files(folder, good | broken)
    return good


def write_files(folder: Path, files: dict[str, bytes]) -> None:
    """Files by their path below a folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def load_cancer() -> pd.DataFrame:
    """Breast cancer with missing values, a categorical column, one without values, odd names and 5 unusable rows.

    Rows 1 to 5: no key, no label, key of row 0, no number in `mean_texture`, no label.
    """
    table = load_breast_cancer(as_frame=True).frame
    table.columns = [name.replace(" ", "_") for name in table.columns]
    table["diagnosis"] = table.pop("target").map({0: "malignant", 1: "benign"})
    table.insert(0, "id", [f"p{i:03d}" for i in range(len(table))])
    table["size.ä`x"] = [size_of(area) for area in table["mean_area"]]
    table["nothing"] = None
    table["reason"] = 7
    table.loc[np.random.default_rng(0).random(len(table)) < 0.1, "mean_radius"] = np.nan
    table["mean_texture"] = table["mean_texture"].astype(object)
    table.loc[10:20, "mean_texture"] = "?"
    table.loc[1, "id"] = None
    table.loc[2, "diagnosis"] = "NA"
    table.loc[3, "id"] = "p000"
    table.loc[4, "mean_texture"] = "much"
    table.loc[5, "diagnosis"] = None
    return table


def size_of(area: float) -> str | None:
    """A category derived from a real measurement, missing for the middle."""
    return "small" if area < 500 else "large" if area > 900 else None
