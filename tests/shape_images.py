"""A COCO data set with known structure: rectangles, discs and triangles on noise, with their exact boxes and polygons.

Boxes never touch and are at least as large as a cell of 8 pixels, so that no cell holds the middle of two: a detector
can reach an average precision and overlaps of 1.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

KINDS = ("disc", "rectangle", "triangle")
MAX_SHAPES = 3
SMALLEST, LARGEST = 9, 16
_DISC_CORNERS = 24

Box = tuple[int, int, int, int]


def write_shapes(folder: Path, num_images: int, side: int = 32, seed: int = 0) -> Path:
    """`folder/annotations.json`, and `folder/images/0000.png` and so on, of side x side grey pixels."""
    random = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    images, annotations = [], []
    for number in range(num_images):
        name = f"{number:04d}.png"
        pixels, shapes = draw_shapes(random, side)
        Image.fromarray(pixels).save(folder / "images" / name)
        images.append({"id": number, "file_name": name, "width": side, "height": side})
        annotations += [{"id": len(annotations) + place, "image_id": number, **s} for place, s in enumerate(shapes)]
    categories = [{"id": place, "name": kind} for place, kind in enumerate(KINDS, start=1)]
    path = folder / "annotations.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return path


def draw_shapes(random: np.random.Generator, side: int) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Pixels uint8 (side, side) and the annotations of one to three shapes."""
    image = Image.fromarray(random.integers(0, 90, (side, side), dtype=np.uint8))
    draw, boxes, shapes = ImageDraw.Draw(image), list[Box](), []
    for _ in range(int(random.integers(1, MAX_SHAPES + 1))):
        box = _choose_box(random, side, boxes)
        if box is None:
            continue
        kind = int(random.integers(len(KINDS)))
        corners = _list_corners(KINDS[kind], box)
        # Pillow paints the pixels at the corners too; a box ends before the next pixel.
        x, y, width, height = box
        inside = [(min(a, x + width - 1), min(b, y + height - 1)) for a, b in corners]
        draw.polygon(inside, fill=int(random.integers(150, 256)))
        boxes.append(box)
        points = [float(value) for corner in corners for value in corner]
        shapes.append({"category_id": kind + 1, "bbox": [x, y, width, height], "segmentation": [points], "iscrowd": 0})
    return np.asarray(image), shapes


def _choose_box(random: np.random.Generator, side: int, taken: list[Box]) -> Box | None:
    """A place that is still free; None where none is found soon."""
    for _ in range(20):
        width, height = (int(size) for size in random.integers(SMALLEST, LARGEST + 1, 2))
        x, y = int(random.integers(0, side - width + 1)), int(random.integers(0, side - height + 1))
        if all(x + width < a or a + w < x or y + height < b or b + h < y for a, b, w, h in taken):
            return x, y, width, height
    return None


def _list_corners(kind: str, box: Box) -> list[tuple[float, float]]:
    x, y, width, height = box
    if kind == "rectangle":
        return [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    if kind == "triangle":
        return [(x + width / 2, y), (x + width, y + height), (x, y + height)]
    angles = [2 * math.pi * place / _DISC_CORNERS for place in range(_DISC_CORNERS)]
    return [(x + width * (1 + math.cos(a)) / 2, y + height * (1 + math.sin(a)) / 2) for a in angles]


if __name__ == "__main__":
    print(write_shapes(Path(sys.argv[1]), int(sys.argv[2])))
