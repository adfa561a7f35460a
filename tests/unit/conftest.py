"""What every unit test gets: an environment and working directory of its own, since layers share one process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _restore_environment() -> Iterator[None]:
    before, directory = dict(os.environ), Path.cwd()
    yield
    os.chdir(directory)
    for name in set(os.environ) - set(before):
        del os.environ[name]
    os.environ.update(before)
