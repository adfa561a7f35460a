"""A Chromium for the tests of the page, and pages to open in it; skipped with the reason where there is no Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.label_page.served_page import ServedPage
from tests.e2e.label_page.window import Window


def open_chromium() -> Any:
    """A headless browser; skips the test, with the reason, where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver")
    driver, program = shutil.which("chromedriver"), shutil.which("chromium") or shutil.which("google-chrome")
    if driver is None or program is None:
        pytest.skip("no Chromium here: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    # CI runs as root in a container, where Chromium's own sandbox and /dev/shm are not to be had.
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A browser; each test opens windows of its own in it."""
    browser = open_chromium()
    yield browser
    browser.quit()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., ServedPage]]:
    """Makes pages that are stopped after the test."""
    pages: list[ServedPage] = []

    def start(**settings: Any) -> ServedPage:
        pages.append(ServedPage(tmp_path, **settings))
        return pages[-1]

    yield start
    for page in pages:
        page.stop()


@pytest.fixture
def open_window(chromium: Any) -> Iterator[Callable[..., Window]]:
    """Opens windows that are closed after the test, which had no error in any of them."""
    windows: list[Window] = []

    def start(link: str, **settings: Any) -> Window:
        windows.append(Window(chromium, link, **settings))
        return windows[-1]

    yield start
    for window in windows:
        if window.handle in chromium.window_handles:
            window.close()
