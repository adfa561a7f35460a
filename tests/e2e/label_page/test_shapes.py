"""Boxes and polygons by mouse in a real browser: draw, change, undo, take suggestions; and how the page looks."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dbx_dl.contracts import LabelBox, LabelPolygon
from tests.e2e.label_page.served_page import ServedPage
from tests.e2e.label_page.window import Window

Serve = Callable[..., ServedPage]
# Half a pixel of the picture on the screen, and what is rounded.
TOLERANCE = 0.002
ENTER, DELETE, ESCAPE, UP = "\ue007", "\ue017", "\ue00c", "\ue013"


def draw_scene() -> bytes:
    """A PNG of 480 by 320 pixels."""
    file = io.BytesIO()
    Image.new("RGB", (480, 320), (60, 90, 70)).save(file, "PNG")
    return file.getvalue()


SCENES = {f"{name}.png": draw_scene() for name in ("a", "b", "c")}


def sides(box: LabelBox) -> tuple[float, float, float, float]:
    """x, y, width, height."""
    return box.x, box.y, box.width, box.height


def near(*numbers: float) -> Any:
    """These numbers, as near as a mouse sets them."""
    return pytest.approx(numbers, abs=TOLERANCE)


def test_boxes(serve: Serve, open_window: Callable[..., Window]) -> None:
    found = {"label": "ball", "x": 0.6, "y": 0.6, "width": 0.2, "height": 0.25}
    suggestions = {"b.png": [found | {"probability": 0.93}, found | {"x": 0.1, "label": "crate"}]}
    page = serve(task="boxes", classes=("ball", "crate"), contents=SCENES, suggestions=suggestions)
    window = open_window(f"{page.link}&name=ada")
    window.wait_for_item("a.png")
    window.drag((0.1, 0.1), (0.4, 0.5))
    window.press("2")  # the selected box is a crate; so are the next ones
    window.drag((0.25, 0.3), (0.35, 0.2))  # within it: that moves it
    window.drag((0.9, 0.9), (0.7, 0.6))  # from the lower right to the upper left
    window.drag((0.7, 0.6), (0.6, 0.5))  # the corner
    window.press("1", UP)
    window.drag((0.02, 0.02), (0.05, 0.05))
    window.press(DELETE)
    window.drag((0.02, 0.02), (0.06, 0.06))
    window.click("#edit-undo")
    window.click("#edit-redo")
    window.click("#edit-undo")
    window.drag((0.97, 0.97), (1.02, 1.03))  # out of the picture
    window.press(ENTER)
    window.wait_for_item("b.png")
    crate, ball, corner = page.read_events()[0].boxes
    assert (crate.label, ball.label) == ("crate", "ball")
    assert sides(crate) == near(0.2, 0.0, 0.3, 0.4), "it is moved no farther than the edge"
    assert sides(ball) == near(0.6, 0.5 - 1 / 620, 0.3, 0.4)
    assert sides(corner) == near(0.97, 0.97, 0.03, 0.03)

    assert "suggested 0.93" in window.ask("return document.querySelector('#overlay').textContent") and window.ask(
        "return document.querySelectorAll('.shape.is-suggested').length == 2"
    )
    window.press(ENTER)
    window.wait_for("#hint", "2 suggested shapes are not taken")
    window.click_at((0.2, 0.7))
    window.press(DELETE, "a", ENTER)
    window.wait_for_item("c.png")
    second = page.read_events()[1]
    assert second.boxes == (LabelBox(**found),) and second.was_suggested
    window.press(ENTER)
    window.wait_for("#hint", "nothing is drawn")
    window.press(ENTER)
    window.wait_for("#message", "All 3 items")
    assert page.read_events()[2].boxes == ()
    window.press("b")
    window.wait_for_item("c.png")
    window.press("b")
    window.wait_for_item("b.png")
    assert window.ask("return document.querySelectorAll('.shape:not(.is-suggested)').length") == 1
    assert window.list_errors() == []


def test_polygons(serve: Serve, open_window: Callable[..., Window]) -> None:
    page = serve(task="polygons", classes=("lake", "wood"), contents=SCENES)
    window = open_window(f"{page.link}&name=ada")
    window.wait_for_item("a.png")
    window.click_at((0.1, 0.1), (0.5, 0.1))
    window.press(ENTER)
    window.wait_for("#hint", "an outline has three points at least")
    window.click_at((0.5, 0.6), (0.9, 0.9))
    window.press(DELETE)  # the last point
    window.click_at((0.1, 0.1))  # the first point closes it
    window.drag((0.5, 0.6), (0.4, 0.7))
    window.press("2")
    window.click_at((0.6, 0.2), (0.9, 0.2), (0.9, 0.5), (0.6, 0.5))
    window.press(ENTER, ENTER)
    window.wait_for_item("b.png")
    window.click_at((0.6, 0.2), (0.9, 0.2))
    window.press(ESCAPE, ENTER, ENTER)
    window.wait_for_item("c.png")
    first, second = page.read_events()
    wood, also_wood = first.polygons
    assert (wood.label, also_wood.label) == ("wood", "wood")
    assert wood.points == near(0.1, 0.1, 0.5, 0.1, 0.4, 0.7)
    assert also_wood.points == near(0.6, 0.2, 0.9, 0.2, 0.9, 0.5, 0.6, 0.5)
    assert isinstance(wood, LabelPolygon) and second.polygons == ()
    assert window.list_errors() == []


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_the_page_fits_and_has_its_colours(
    serve: Serve, open_window: Callable[..., Window], tmp_path: Path, width: int, is_dark: bool
) -> None:
    classes = tuple(f"a rather long name of class {number}" for number in range(9))
    page = serve(task="boxes", classes=classes, contents=SCENES)
    window = open_window(f"{page.link}&name=ada", width=width, is_dark=is_dark)
    window.wait_for_item("a.png")
    assert window.ask("return [document.documentElement.scrollWidth, innerWidth]") == [width, width]
    picture = window.take_picture()
    picture.save(tmp_path / "page.png")
    assert picture.size == (width, 800)
    head = np.asarray(picture)[:40, width // 2 - 5 : width // 2 + 5].mean()
    assert head < 80 if is_dark else head > 200
    inside = "const r = document.querySelector(arguments[0]).getBoundingClientRect();"
    inside += "return [r.left, r.top, r.right, r.bottom]"
    for selector in ("#image", "#confirm", "#skip", "#saved", ".class"):
        left, top, right, bottom = window.ask(inside, selector)
        assert 0 <= left < right <= width and 0 <= top < bottom <= 800, selector
