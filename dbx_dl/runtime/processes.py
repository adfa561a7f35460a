"""Fresh Python processes that never outlive the process that started them."""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from dbx_dl import errors
from dbx_dl.errors import DbxDlError

PARENT_VARIABLE = "DBX_DL_PARENT_PID"
_PR_SET_PDEATHSIG = 1
_WATCH_SECONDS = 0.5


def call_in_process(
    target: str,
    arguments: dict[str, Any],
    *,
    environment: Mapping[str, str | None] | None = None,
    timeout_seconds: float | None = None,
) -> Any:
    """Call `package.module:function` with JSON keyword arguments in a fresh interpreter; return its JSON value.

    `environment` adds variables (None removes one). A DbxDlError of the child is raised as itself, any other exception
    as RuntimeError; both carry the child's traceback. TimeoutError when it takes longer than `timeout_seconds`.
    """
    with tempfile.TemporaryDirectory(prefix="dbx_dl_call_") as folder:
        request, answer, log = (Path(folder) / name for name in ("request.json", "answer.json", "output.log"))
        request.write_text(json.dumps({"target": target, "arguments": arguments}), encoding="utf-8")
        command = ["-m", "dbx_dl.runtime.processes", str(request), str(answer)]
        process = start_python(command, environment=environment, log_path=log)
        try:
            process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{target} did not finish within {timeout_seconds} seconds") from None
        finally:
            stop_process(process)
        if not answer.exists():
            raise RuntimeError(f"{target} {describe_exit(process.returncode)}\n{read_tail(log)}")
        return _unpack(target, json.loads(answer.read_text(encoding="utf-8")))


def start_python(
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str | None] | None = None,
    log_path: Path | None = None,
    import_path: Sequence[str] = (),
    stdin: IO[bytes] | None = None,
    is_piped: bool = False,
) -> subprocess.Popen[bytes]:
    """Start this interpreter with `arguments` in a process group of its own.

    Its output goes into `log_path`, or with `is_piped` into the process' `stdout`, or else where ours goes. The child
    finds the modules that this process finds, then those on `import_path`. It must call `end_with_parent` first thing,
    and the calling thread must live as long as the child: on Linux the child ends with that thread.
    """
    variables = _child_environment(environment or {}, import_path)
    command = [sys.executable, *arguments]
    if log_path is None and not is_piped:
        return subprocess.Popen(command, env=variables, start_new_session=True)
    with ExitStack() as opened:
        output: int | IO[bytes] = subprocess.PIPE
        if log_path is not None:
            log_path.parent.mkdir(parents=True, exist_ok=True)
            output = opened.enter_context(log_path.open("wb"))
        return subprocess.Popen(
            command,
            env=variables,
            start_new_session=True,
            stdin=stdin or subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def stop_process(process: subprocess.Popen[bytes]) -> None:
    """Kill what still runs of the process and its group, its own children too, and collect it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def end_with_parent() -> None:
    """Make this process end when the one that started it does; called first thing by a child of `start_python`."""
    if PARENT_VARIABLE not in os.environ:
        return
    parent = int(os.environ.pop(PARENT_VARIABLE))
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # Where the kernel cannot tell, or the parent was gone before it was asked to, a thread notices the new parent.
    threading.Thread(target=_watch_parent, args=(parent,), name="parent-watch", daemon=True).start()


@contextmanager
def without_teardown() -> Iterator[None]:
    """Around all that a process of `start_python` does: when it went well, the process ends right after its exit hooks.

    Taking an interpreter apart that holds a framework takes half a second, and with an open process group may abort.
    """
    has_ended = False

    def end() -> None:
        if has_ended:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)

    # The first hook to be registered is the last one to be called.
    atexit.register(end)
    yield
    has_ended = True


def describe_exit(returncode: int) -> str:
    """How a process ended, in words."""
    if returncode >= 0:
        return f"exited with code {returncode}"
    try:
        name = signal.Signals(-returncode).name
    except ValueError:
        name = "unknown"
    cause = ": often the machine ran out of memory" if name == "SIGKILL" else ""
    return f"was killed by signal {-returncode} ({name}){cause}"


def read_tail(path: Path, num_lines: int = 20) -> str:
    """The last lines of a text file, or nothing when there is none."""
    with suppress(OSError):
        return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-num_lines:])
    return ""


def name_known_error(error: BaseException) -> str:
    """The nearest class of `dbx_dl.errors` that an exception is, so that a subclass elsewhere is known as that."""
    return next((kind.__name__ for kind in type(error).__mro__ if hasattr(errors, kind.__name__)), "")


def _child_environment(changes: Mapping[str, str | None], import_path: Sequence[str]) -> dict[str, str]:
    own = [str(Path(entry).absolute()) for entry in sys.path]
    entries = dict.fromkeys(own + [entry for entry in import_path if Path(entry).exists()])
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(entries), **changes, PARENT_VARIABLE: str(os.getpid())}
    return {name: value for name, value in variables.items() if value is not None}


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _unpack(target: str, answer: dict[str, Any]) -> Any:
    if "error" not in answer:
        return answer["value"]
    kind = getattr(errors, answer["type"], None)
    if isinstance(kind, type) and issubclass(kind, DbxDlError):
        error: Exception = kind(answer["error"])
        error.add_note(answer["traceback"])
        raise error
    raise RuntimeError(f"{target} failed in its process:\n{answer['traceback']}")


def _describe_error(error: BaseException) -> dict[str, str]:
    text = "".join(traceback.format_exception(error))
    return {"error": str(error), "type": name_known_error(error), "traceback": text}


def _answer_call(request_path: str, answer_path: str) -> None:
    request = json.loads(Path(request_path).read_text(encoding="utf-8"))
    try:
        module, _, function = request["target"].partition(":")
        answer = {"value": getattr(import_module(module), function)(**request["arguments"])}
        text = json.dumps(answer)
    except BaseException as error:
        text = json.dumps(_describe_error(error))
    partial = Path(f"{answer_path}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(answer_path)


if __name__ == "__main__":
    end_with_parent()
    _answer_call(*sys.argv[1:])
