"""Thousands of damaged images: each gets one verdict, none stops the check, and what passes can be decoded again."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from dbx_dl.contracts import ImageSpec
from dbx_dl.prepare.images.checks import CheckSettings, make_checker
from dbx_dl.transforms.images import FORMATS, decode_image
from tests.image_bytes import encode, gradient, png_header

NUM_IMAGES = 2400
SPEC = ImageSpec(height=12, width=10, channels=3, max_pixels=1_000_000, min_side=2)
SETTINGS = CheckSettings(SPEC, max_file_bytes=100_000)
CODES = {
    "empty",
    "not_an_image",
    "too_small",
    "too_large",
    "truncated",
    "corrupt",
    "unsupported_pixels",
    "file_too_large",
}


def originals() -> list[bytes]:
    """A small image in every format that is read, in colour, in grey, and with a palette where there is one."""
    grey = Image.fromarray(gradient(24, 20))
    colour = Image.fromarray(np.dstack([gradient(24, 20), gradient(24, 20)[::-1], 255 - gradient(24, 20)]))
    files = [encode(image, name) for name in FORMATS for image in (grey, colour)]
    return [*files, encode(colour.quantize(16)), encode(colour, "JPEG", orientation=6)]


def mutate(data: bytes, rng: random.Random) -> bytes:
    """One of the ways in which files break."""
    kind = rng.randrange(6)
    if kind == 0:
        return data[: rng.randrange(len(data))]
    if kind == 1:
        return png_header(rng.randrange(1, 2**31), rng.randrange(1, 2**31))
    if kind == 2:
        return rng.choice([b"", b"\0" * 64, b"GIF89a", b"%PDF-1.7\n", b"<svg/>", rng.randbytes(200)])
    damaged = bytearray(data)
    if kind == 3:
        start = rng.randrange(len(data))
        damaged[start : start + 16] = rng.randbytes(16)
    else:
        for _ in range(rng.randrange(1, 12)):
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged) + (b"\0" * 120_000 if kind == 5 and rng.random() < 0.1 else b"")


@pytest.mark.filterwarnings("ignore")
def test_no_damage_stops_the_check() -> None:
    rng = random.Random(11)
    files = originals()
    damaged = [mutate(files[i % len(files)], rng) for i in range(NUM_IMAGES)]
    keys = [str(i) for i in range(NUM_IMAGES)]
    batch = pa.RecordBatch.from_pydict({"key": keys, "content": pa.array(damaged, pa.binary())})
    rows = pa.Table.from_batches(make_checker(SETTINGS, ["key"])([batch])).to_pylist()
    assert [row["key"] for row in rows] == keys
    verdicts = Counter(row["_reason"] for row in rows)
    assert set(verdicts) - {None} <= CODES
    assert sum(verdicts.values()) == NUM_IMAGES
    assert all(verdicts[code] > 20 for code in ("truncated", "not_an_image", "too_large", "empty", None))
    for row in rows:
        assert (row["content"] is None) == (row["_reason"] is not None)
        if row["_reason"] is None:
            assert decode_image(row["content"], SPEC).shape == (12, 10, 3)
