"""Python's garbage collector rests while a process imports what it needs, of which nothing becomes garbage."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time

_WATCH_SECONDS = 1.0
_NEVER = 0


def rest_during_imports(watch_seconds: float = _WATCH_SECONDS) -> None:
    """Collect no garbage as long as modules are being imported: a sixth of the time that PyTorch's import takes.

    When `watch_seconds` have brought no new module, and in a forked child, the collector has the threshold again that
    it had before, unless somebody has given it another one.
    """
    before = gc.get_threshold()
    is_resting = True

    def wake() -> None:
        nonlocal is_resting
        if is_resting and gc.get_threshold()[0] == _NEVER:
            gc.set_threshold(*before)
        is_resting = False

    def wake_after_imports() -> None:
        num_modules = 0
        while len(sys.modules) > num_modules:
            num_modules = len(sys.modules)
            time.sleep(watch_seconds)
        wake()

    gc.set_threshold(_NEVER, *before[1:])
    if hasattr(os, "register_at_fork"):
        # The thread that watches stays behind.
        os.register_at_fork(after_in_child=wake)
    threading.Thread(target=wake_after_imports, name="imports-watch", daemon=True).start()
