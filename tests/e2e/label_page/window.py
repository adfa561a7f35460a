"""A window of the browser at a page, and what a person does in it."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any

from PIL import Image

TIMEOUT_SECONDS = 20.0


class Window:
    """One window; what is asked of it waits until it is so."""

    def __init__(self, browser: Any, link: str, *, width: int = 1280, height: int = 800, is_dark: bool = False) -> None:
        self.browser = browser
        browser.get_log("browser")  # what earlier windows complained of
        browser.switch_to.new_window("window")
        self.handle = browser.current_window_handle
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        browser.get(link)

    def focus(self) -> Window:
        """What follows is done in this window."""
        self.browser.switch_to.window(self.handle)
        return self

    def close(self) -> None:
        """Close it, as a person does; the browser keeps at least one."""
        self.focus()
        self.browser.close()
        self.browser.switch_to.window(self.browser.window_handles[0])

    def read(self, selector: str) -> str:
        """The text that shows in an element."""
        return str(self.browser.execute_script("return document.querySelector(arguments[0]).innerText", selector))

    def ask(self, script: str, *arguments: Any) -> Any:
        """What a script gives."""
        return self.browser.execute_script(script, *arguments)

    def press(self, *keys: str) -> None:
        """Type keys, one after the other, once the page takes them."""
        for key in keys:
            self.wait(lambda: not self.ask("return document.querySelector('#stage').matches('.is-waiting')"))
            self.browser.switch_to.active_element.send_keys(key)

    def click(self, selector: str) -> None:
        """Click an element."""
        self.browser.find_element("css selector", selector).click()

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press the mouse at one place, in shares of the image's sides, and let go at another."""
        self._act(lambda chain, at: chain.move(*at(start)).pointer_down().move(*at(end)).pointer_up())

    def click_at(self, *places: tuple[float, float]) -> None:
        """Click at places, in shares of the image's sides."""
        for place in places:
            self._act(lambda chain, at, place=place: chain.move(*at(place)).click())

    def wait(self, is_so: Callable[[], Any]) -> Any:
        """What `is_so` gives once it is true; fails after a while."""
        end = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < end:
            found = is_so()
            if found:
                return found
            time.sleep(0.02)
        raise AssertionError(f"it did not come to be; the page says {self.read('body')!r}")

    def wait_for(self, selector: str, text: str) -> None:
        """Wait until an element shows the text."""
        self.wait(lambda: text in self.read(selector))

    def wait_for_item(self, key: str) -> None:
        """Wait until the item shows and takes keys."""
        self.wait_for("#key", key)
        self.wait(lambda: not self.ask("return document.querySelector('#stage').matches('.is-waiting')"))

    def take_picture(self) -> Image.Image:
        """What shows."""
        return Image.open(io.BytesIO(self.browser.get_screenshot_as_png())).convert("RGB")

    def list_errors(self) -> list[str]:
        """What the browser complained of: a script's error, something that the content policy forbids."""
        return [entry["message"] for entry in self.browser.get_log("browser") if entry["level"] == "SEVERE"]

    def _act(self, do: Callable[..., Any]) -> None:
        from selenium.webdriver.common.actions.action_builder import ActionBuilder

        place = "const r = document.querySelector('#overlay').getBoundingClientRect();"
        left, top, width, height = self.ask(place + "return [r.left, r.top, r.width, r.height]")
        builder = ActionBuilder(self.browser, duration=20)
        chain = _Chain(builder.pointer_action)
        do(chain, lambda place: (left + place[0] * width, top + place[1] * height))
        builder.perform()


class _Chain:
    """Selenium's pointer with whole pixels, and calls in a row."""

    def __init__(self, pointer: Any) -> None:
        self._pointer = pointer

    def move(self, x: float, y: float) -> _Chain:
        self._pointer.move_to_location(round(x), round(y))
        return self

    def pointer_down(self) -> _Chain:
        self._pointer.pointer_down()
        return self

    def pointer_up(self) -> _Chain:
        self._pointer.pointer_up()
        return self

    def click(self) -> _Chain:
        self._pointer.click()
        return self
