"""Draws the pictures of the page to label with, in a real Chromium: python -m docs.draw_label_pictures [FOLDER]."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from selenium import webdriver

from tests.e2e.label_page.conftest import open_chromium
from tests.e2e.label_page.served_page import ServedPage
from tests.e2e.label_page.window import Window

PICTURES = Path(__file__).parent / "pictures"
_NUM_COLORS = 128


def draw_digits() -> tuple[dict[str, bytes], dict[str, Any]]:
    """A few of scikit-learn's digits, and what a model may say of them."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    contents = {f"{label}/{number:04}.png": _encode(image) for number, (image, label) in _choose(digits)}
    return contents, {key: {"label": key[0], "probability": 0.93} for key in contents}


def draw_scene() -> tuple[dict[str, bytes], dict[str, Any]]:
    """Crates and balls on a floor, and where a model may see them."""
    picture = Image.new("RGB", (720, 480), (104, 112, 104))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 720, 210), fill=(176, 184, 180))
    draw.rectangle((90, 190, 270, 350), fill=(176, 132, 74), outline=(96, 66, 30), width=6)
    draw.line((90, 190, 270, 350), fill=(96, 66, 30), width=6)
    draw.ellipse((360, 250, 480, 370), fill=(206, 74, 58))
    draw.ellipse((560, 300, 640, 380), fill=(64, 110, 196))
    boxes = [("crate", 0.97, 90, 190, 270, 350), ("ball", 0.88, 360, 250, 480, 370)]
    seen = [
        {"label": name, "probability": p, "x": x / 720, "y": y / 480, "width": (x2 - x) / 720, "height": (y2 - y) / 480}
        for name, p, x, y, x2, y2 in boxes
    ]
    return {"hall.png": _encode(picture)}, {"hall.png": seen}


def draw_pictures(folder: Path) -> None:
    """Write the pictures into the folder."""
    digits, suggested = draw_digits()
    scene, seen = draw_scene()
    names = tuple("0123456789")
    browser = open_chromium()
    try:
        page = _serve(task="classes", classes=names, contents=digits, suggestions=suggested)
        window = _open(browser, page)
        for _ in range(3):
            before = window.read("#key")
            window.press("\ue007")
            window.wait(lambda before=before: window.read("#key") != before)
        _keep(window, folder / "label_classes.png")
        page.stop()
        page = _serve(task="boxes", classes=("crate", "ball", "person"), contents=scene, suggestions=seen)
        window = _open(browser, page)
        window.press("2")
        window.drag((560 / 720, 300 / 480), (640 / 720, 380 / 480))
        _keep(window, folder / "label_boxes.png")
        page.stop()
    finally:
        browser.quit()


def _choose(digits: Any) -> list[tuple[int, tuple[Any, int]]]:
    places = [5, 13, 28, 33, 41, 50]
    return [(place, (digits.images[place] * 15.9, int(digits.target[place]))) for place in places]


def _encode(picture: Any) -> bytes:
    file = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(np.asarray(picture).astype(np.uint8))
    image.save(file, "PNG")
    return file.getvalue()


def _serve(**settings: Any) -> ServedPage:
    return ServedPage(Path(tempfile.mkdtemp()), **settings)


def _open(browser: webdriver.Chrome, page: ServedPage) -> Window:
    window = Window(browser, f"{page.link}&name=ann", width=1000, height=740)
    window.wait(lambda: window.read("#key"))
    return window


def _keep(window: Window, path: Path) -> None:
    """With few colours, so that the file is small."""
    window.ask("document.activeElement.blur()")
    window.take_picture().quantize(_NUM_COLORS, dither=Image.Dither.NONE).save(path, optimize=True)
    sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    draw_pictures(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES)
