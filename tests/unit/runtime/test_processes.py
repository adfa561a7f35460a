"""Fresh processes: values, errors and tracebacks come back, and no child outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dbx_dl.errors import DataError
from dbx_dl.runtime.processes import (
    call_in_process,
    describe_exit,
    end_with_parent,
    read_tail,
    start_python,
)

HERE = __name__


def add(left: int, right: int) -> dict[str, int]:
    return {"sum": left + right, "pid": os.getpid()}


def read_variable(name: str) -> str | None:
    return os.environ.get(name)


def refuse() -> None:
    raise DataError("the table is empty")


def refuse_as_subclass() -> None:
    from dbx_dl.transforms.images import UndecodableImageError

    raise UndecodableImageError("truncated", "half of it is missing")


def divide_by_zero() -> float:
    return 1 / 0


def crash() -> None:
    print("about to crash", flush=True)
    os.kill(os.getpid(), signal.SIGSEGV)


def sleep_long() -> None:
    time.sleep(600)


def sleep_as_grandchild(pid_file: str) -> None:
    """A parent that starts a child and waits: killing the parent must end the child."""
    child = start_python(["-m", HERE, pid_file])
    child.wait()


def test_a_value_comes_back_from_another_process() -> None:
    answer = call_in_process(f"{HERE}:add", {"left": 2, "right": 3})
    assert answer["sum"] == 5
    assert answer["pid"] != os.getpid()


def test_variables_are_added_and_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBX_DL_TEST", "here")
    target, arguments = f"{HERE}:read_variable", {"name": "DBX_DL_TEST"}
    assert call_in_process(target, arguments) == "here"
    assert call_in_process(target, arguments, environment={"DBX_DL_TEST": "changed"}) == "changed"
    assert call_in_process(target, arguments, environment={"DBX_DL_TEST": None}) is None


def test_an_error_of_ours_keeps_its_class_and_brings_its_traceback() -> None:
    with pytest.raises(DataError, match="the table is empty") as caught:
        call_in_process(f"{HERE}:refuse", {})
    assert "in refuse" in caught.value.__notes__[0]
    with pytest.raises(DataError, match="half of it is missing"):
        call_in_process(f"{HERE}:refuse_as_subclass", {})


def test_any_other_error_brings_its_traceback() -> None:
    with pytest.raises(RuntimeError, match=r"(?s)in divide_by_zero.*ZeroDivisionError"):
        call_in_process(f"{HERE}:divide_by_zero", {})


def test_a_crash_says_the_signal_and_the_last_output() -> None:
    with pytest.raises(RuntimeError, match=r"(?s)signal 11 \(SIGSEGV\).*about to crash"):
        call_in_process(f"{HERE}:crash", {})


def test_a_slow_call_is_stopped() -> None:
    with pytest.raises(TimeoutError, match="did not finish within 1 seconds"):
        call_in_process(f"{HERE}:sleep_long", {}, timeout_seconds=1)


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_ends_with_its_killed_parent(tmp_path: Path, stop: signal.Signals) -> None:
    pid_file = tmp_path / "pid"
    code = f"from {HERE} import sleep_as_grandchild; sleep_as_grandchild({str(pid_file)!r})"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    parent = subprocess.Popen([sys.executable, "-c", code], env=environment)
    wait_until(pid_file.exists)
    child = int(pid_file.read_text())
    assert is_running(child)
    parent.send_signal(stop)
    parent.wait()
    wait_until(lambda: not is_running(child))


def test_exits_are_described() -> None:
    assert describe_exit(3) == "exited with code 3"
    assert "SIGKILL" in describe_exit(-9)
    assert "memory" in describe_exit(-9)


def test_the_tail_of_a_missing_file_is_empty(tmp_path: Path) -> None:
    assert read_tail(tmp_path / "none.log") == ""


def is_running(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def wait_until(condition, timeout_seconds: float = 60) -> None:  # type: ignore[no-untyped-def]
    """Poll; the test fails when it never becomes true."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


if __name__ == "__main__":
    end_with_parent()
    partial = Path(f"{sys.argv[1]}.partial")
    partial.write_text(str(os.getpid()))
    partial.replace(sys.argv[1])
    time.sleep(600)


ENDING = """
import atexit, sys, threading, time
from dbx_dl.runtime.processes import without_teardown

class Stubborn:
    def __del__(self):
        print("taken apart", flush=True)

with without_teardown():
    held = sys.held = Stubborn()
    atexit.register(print, "exit hook")
    threading.Thread(target=lambda: (time.sleep(0.3), print("thread"))).start()
    print("done", end=" ")
    {last}
"""


@pytest.mark.parametrize(
    ("last", "code", "printed"), [("pass", 0, "done thread\nexit hook\n"), ("sys.exit(3)", 3, None)]
)
def test_a_process_ends_behind_its_threads_and_exit_hooks(last: str, code: int, printed: str | None) -> None:
    command = [sys.executable, "-c", ENDING.replace("{last}", last)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == code, ended.stderr
    assert ended.stdout == printed or (printed is None and "exit hook" in ended.stdout)
