"""Classes by keys and buttons in a real browser: suggestions, skip, back, take back, texts, and who gets what."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from PIL import Image

from tests.e2e.label_page.served_page import ServedPage
from tests.e2e.label_page.window import Window

Serve = Callable[..., ServedPage]


def draw(color: tuple[int, int, int], size: tuple[int, int] = (40, 30)) -> bytes:
    """A PNG of one colour."""
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, "PNG")
    return file.getvalue()


def test_labels_by_keys_and_buttons(serve: Serve, open_window: Callable[..., Window]) -> None:
    contents = {f"{name}.png": draw((40 * i, 90, 60)) for i, name in enumerate("abcde")}
    suggestions = {"a.png": {"label": "dog", "probability": 0.93}, "b.png": {"label": "cat", "probability": 0.6}}
    page = serve(task="classes", classes=("cat", "dog", "7"), contents=contents, suggestions=suggestions)
    window = open_window(page.link)
    assert "token" not in window.ask("return location.href")
    window.wait(lambda: window.ask("return document.querySelector('#name-dialog').open"))
    window.press("ada", "\ue007")
    window.wait_for_item("a.png")
    assert window.ask("return location.search") == "?name=ada"
    assert "suggested 0.93" in window.read(".class.is-suggested")
    assert page.read_events() == [], "a suggestion alone is no label"

    window.press("\ue007")  # Enter confirms what is suggested
    window.wait_for_item("b.png")
    window.wait_for("#saved", "saved")
    window.press("2")  # another class than the suggested one
    window.wait_for_item("c.png")
    window.press("s")
    window.wait_for_item("d.png")
    window.click(".class:nth-child(3)")
    window.wait_for_item("e.png")
    window.press("7")  # the class that is named so
    window.wait_for("#message", "You skipped 1")
    first = page.read_events()
    assert [(one.item_key, *one.labels, one.was_suggested) for one in first] == [
        ("a.png", "dog", True),
        ("b.png", "dog", False),
        ("d.png", "7", False),
        ("e.png", "7", False),
    ]
    assert {one.annotator for one in first} == {"ada"} and {one.source for one in first} == {"human"}
    assert [one.had_suggestion for one in first] == [True, True, False, False], "shown, whatever was said then"

    window.press("b")
    window.wait_for_item("e.png")
    assert window.ask("return document.querySelector('.class[aria-pressed=true] span').textContent") == "7"
    window.press("1")
    window.wait_for("#message", "You skipped 1")
    window.press("u")  # the last label, so that the one before it holds again
    window.wait_for_item("e.png")
    window.wait(lambda: page.desk.find_label(4, "ada") == first[3])
    window.press("u")
    window.wait(lambda: page.desk.find_label(4, "ada") is None)
    window.press("1")
    window.wait_for("#message", "You skipped 1")
    window.press("\ue007")  # the button: show the skipped ones again
    window.wait_for_item("c.png")
    window.press("1")
    window.wait_for("#message", "All 5 items are labelled")
    assert "5 of 5 done, 5 by you" in window.read("#counts")
    assert window.list_errors() == []
    assert [page.desk.find_label(position, "ada").labels for position in range(5)] == [
        ("dog",),
        ("dog",),
        ("cat",),
        ("7",),
        ("cat",),
    ]


def test_several_classes_of_a_text_that_would_be_a_page(serve: Serve, open_window: Callable[..., Window]) -> None:
    markup = b"<script>document.title = 'taken over'</script><b>fat</b> \xff"
    page = serve(task="text_classes", classes=("praise", "complaint"), contents={"a.txt": markup, "b.txt": b"good"})
    window = open_window(f"{page.link}&name=bob", width=400)
    window.wait_for_item("a.txt")
    assert "<b>fat</b> \ufffd" in window.read("#text"), "a text shows as it is"
    assert window.ask("return document.title") == "Label things"
    assert window.ask("return document.documentElement.scrollWidth") <= 400
    window.press("2")
    window.wait_for_item("b.txt")
    assert page.read_events()[0].labels == ("complaint",)
    assert window.list_errors() == []


def test_label_sets_and_what_cannot_be_shown(serve: Serve, open_window: Callable[..., Window]) -> None:
    vector = b"<svg xmlns='http://www.w3.org/2000/svg'><script>document.title = 'taken over'</script></svg>"
    contents = {"a.png": vector, "b.png": draw((9, 9, 9)), "c.png": draw((9, 99, 9)), "d.png": draw((9, 9, 99))}
    page = serve(
        task="label_sets",
        classes=("red", "round", "Big"),
        contents=contents,
        suggestions={"b.png": ["round", "red"], "c.png": ["red"]},
    )
    window = open_window(f"{page.link}&name=bob")
    window.wait_for("#message", "cannot be shown, so skip it: these bytes are no PNG")
    window.press("1", "\ue007")
    assert page.read_events() == [], "nobody can say anything of what is not seen"
    window.press("s")
    window.wait_for_item("b.png")
    window.press("\ue007")
    window.wait_for("#hint", "2 suggested classes are not taken")
    window.press("a", "3", "\ue007")
    window.wait_for_item("c.png")
    window.press("a", "\ue007")
    window.wait_for_item("d.png")
    window.press("\ue007")
    window.wait_for("#hint", "nothing is chosen")
    window.press("\ue007")
    window.wait_for("#message", "You skipped 1")
    said = [(one.labels, one.was_suggested) for one in page.read_events()]
    assert said == [(("Big", "red", "round"), False), (("red",), True), ((), False)]


def test_two_people_get_different_items_and_share_where_wanted(
    serve: Serve, open_window: Callable[..., Window]
) -> None:
    contents = {f"{i}.png": draw((i, i, i)) for i in range(6)}
    page = serve(task="classes", classes=("cat", "dog"), contents=contents)
    ada, bob = open_window(f"{page.link}&name=ada"), open_window(f"{page.link}&name=bob")
    for _ in range(3):
        for window in (ada, bob):
            window.focus().wait(lambda window=window: window.read("#key"))
        assert ada.focus().read("#key") != bob.focus().read("#key")
        for window in (ada, bob):
            before = window.focus().read("#key")
            window.press("1")
            window.wait(lambda window=window, before=before: window.read("#key") != before)
    bob.wait_for("#message", "All 6 items are labelled")
    ada.focus().wait_for("#message", "1 is with other people")
    ada.press("\ue007")  # the button: look again
    ada.wait_for("#message", "All 6 items are labelled")
    by_item = {one.item_key: one.annotator for one in page.read_events()}
    assert len(page.read_events()) == len(by_item) == 6 and set(by_item.values()) == {"ada", "bob"}


@pytest.mark.parametrize("is_closed", [False, True], ids=["open", "closed"])
def test_nothing_is_lost_when_the_server_is_gone(
    serve: Serve, open_window: Callable[..., Window], is_closed: bool
) -> None:
    """The page is left open, or closed, while its label is not saved; the server comes back with another token."""
    page = serve(task="classes", classes=("cat", "dog"), contents={f"{i}.png": draw((i, i, i)) for i in range(3)})
    window = open_window(f"{page.link}&name=ada")
    window.wait_for_item("0.png")
    page.stop()
    window.press("2")
    window.wait_for("#saved", "not saved: 1, trying again")
    window.wait_for("#notice", "The server does not answer")
    if is_closed:
        window.close()
    page.start()
    later = open_window(f"{page.link}&name=ada")
    later.wait_for_item("1.png")
    (event,) = page.read_events()
    assert (event.item_key, event.labels) == ("0.png", ("dog",))
    if not is_closed:
        window.focus().wait_for_item("1.png")
        window.wait_for("#saved", "saved")
        window.wait(lambda: window.ask("return document.querySelector('#notice').hidden"))
        assert window.read("#saved") == "saved"
        assert len(page.read_events()) == 1
