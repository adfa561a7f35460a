"""Progress lines carry the seconds since the start, once each, and warnings say that they are."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pytest

from dbx_dl.runtime.logs import show_progress


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    logger = logging.getLogger("dbx_dl")
    handlers, level = list(logger.handlers), logger.level
    quieted = {name: logging.getLogger(name).level for name in ("py4j", "mlflow", "alembic", "tensorflow")}
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)
    for name, before in quieted.items():
        logging.getLogger(name).setLevel(before)


def test_lines_are_short_and_come_once(capsys: pytest.CaptureFixture[str]) -> None:
    show_progress()
    show_progress()
    logger = logging.getLogger("dbx_dl.train.loop")
    logger.info("epoch %d of %d", 3, 10)
    logger.warning("slow")
    logger.debug("hidden")
    first, second = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r" +0\.\d s  epoch 3 of 10", first)
    assert re.fullmatch(r" +0\.\d s  warning: slow", second)


def test_verbose_shows_debug_lines(capsys: pytest.CaptureFixture[str]) -> None:
    show_progress(verbose=True)
    logging.getLogger("dbx_dl").debug("detail")
    assert capsys.readouterr().err.endswith("s  detail\n")


def test_third_parties_are_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    show_progress()
    for name in ("py4j.clientserver", "mlflow.store", "alembic.runtime.migration", "tensorflow"):
        assert not logging.getLogger(name).isEnabledFor(logging.WARNING)
        assert logging.getLogger(name).isEnabledFor(logging.ERROR)
