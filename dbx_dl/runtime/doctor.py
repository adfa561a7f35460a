"""Checks a machine for everything that a run needs; every failed check names its fix."""

from __future__ import annotations

import logging
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from dbx_dl.errors import SetupError
from dbx_dl.runtime.versions import INSTALL, compare_versions
from dbx_dl.runtime.waiting import shown_waiting

logger = logging.getLogger(__name__)

_BUILD_HOROVOD = (
    "conf/horovod/build_wheel.sh PYTHON, then pip install the wheel that it prints (`make wheel` does both)"
)


@dataclass(frozen=True)
class Check:
    """One thing looked at: what was found, and how to mend it when it is not ok."""

    name: str
    ok: bool
    detail: str
    fix: str = ""


def run_checks(names: Sequence[str] = ()) -> list[Check]:
    """Run all checks, or those whose name is in `names` (keys of CHECKS); takes about 20 seconds.

    Frameworks and Spark are started for it, each Horovod binding in a process of its own.
    """
    unknown = sorted(set(names) - set(CHECKS))
    if unknown:
        raise SetupError(f"unknown check {unknown[0]!r}: choose from {', '.join(CHECKS)}")
    chosen = {name: CHECKS[name] for name in CHECKS if not names or name in names}
    logger.info("checking %s (up to half a minute)", ", ".join(chosen))
    with shown_waiting("checking"), ThreadPoolExecutor(max_workers=2) as pool:
        return list(pool.map(_run_check, chosen.items()))


def _run_check(item: tuple[str, Callable[[], str]]) -> Check:
    name, find = item
    try:
        return Check(name, True, find())
    except SetupError as error:
        return Check(name, False, error.problem, error.fix)
    except Exception as error:
        lines = str(error).splitlines() or [type(error).__name__]
        return Check(name, False, f"{type(error).__name__}: {lines[0]}", INSTALL)


def _find_python() -> str:
    return f"{platform.python_version()} at {sys.executable}"


def _find_java() -> str:
    from dbx_dl.runtime.java import read_java_version, require_java

    java = require_java()
    return f"{read_java_version(java)} at {java}"


def _find_jars() -> str:
    from dbx_dl.runtime.databricks import is_databricks
    from dbx_dl.runtime.jars import find_jars

    if is_databricks():
        return "not needed: Databricks has Delta built in"
    jars = find_jars()
    return f"{len(jars)} jars, checked, in {jars[0].parent}"


def _find_spark() -> str:
    """Start Spark, which also proves Java and the jars; a session that is there already is left alone."""
    from dbx_dl.config import SparkConfig
    from dbx_dl.runtime.slots import count_slots
    from dbx_dl.runtime.spark import find_active_session, open_session

    config = SparkConfig(driver_memory="1g")
    was_active = find_active_session()
    spark = was_active or open_session(config, "dbx_dl doctor")
    try:
        where = "the active session" if was_active else config.master
        num_slots = count_slots(spark)
        ranks = "rank" if num_slots == 1 else "ranks"
        return f"{spark.version}, {num_slots} free slots on {where} (up to {num_slots} {ranks}); {os.cpu_count()} cores"
    finally:
        if was_active is None:
            spark.stop()


def _find_binding(binding: str) -> str:
    from dbx_dl.runtime.processes import call_in_process

    try:
        has_gloo = call_in_process(f"{binding}:gloo_built", {}, timeout_seconds=300)
        has_nccl = call_in_process(f"{binding}:nccl_built", {}, timeout_seconds=300)
    except (RuntimeError, TimeoutError) as error:
        reason = ([line.strip() for line in str(error).splitlines() if line.strip()] or ["it died"])[-1]
        raise SetupError(f"{binding} cannot be used ({reason})", _BUILD_HOROVOD) from None
    if not has_gloo:
        raise SetupError(f"{binding} is built without Gloo", _BUILD_HOROVOD)
    return "built with Gloo" + (" and NCCL" if has_nccl else "")


def _find_providers() -> str:
    try:
        import onnxruntime
    except ImportError as error:
        raise SetupError(f"onnxruntime cannot be imported ({error})", INSTALL) from None
    providers = onnxruntime.get_available_providers()
    return f"{onnxruntime.__version__}: {', '.join(name.removesuffix('ExecutionProvider') for name in providers)}"


def _find_gpus() -> str:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return "none (no nvidia-smi): everything runs on CPUs"
    command = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        reason = (done.stdout + done.stderr).strip().splitlines() or ["no output"]
        raise SetupError(f"nvidia-smi failed ({reason[0]})", "repair or reinstall the NVIDIA driver")
    return "; ".join(done.stdout.strip().splitlines()) or "none"


CHECKS: dict[str, Callable[[], str]] = {
    "python": _find_python,
    "versions": compare_versions,
    "java": _find_java,
    "delta jars": _find_jars,
    "spark": _find_spark,
    "horovod.torch": lambda: _find_binding("horovod.torch"),
    "horovod.tensorflow": lambda: _find_binding("horovod.tensorflow"),
    "onnx runtime": _find_providers,
    "gpus": _find_gpus,
}


def main(names: Sequence[str]) -> int:
    """Print the named checks (all when none is named), one a line on stderr; 1 when one failed."""
    checks = run_checks(names)
    for check in checks:
        mark = "ok" if check.ok else "FAILED"
        sys.stderr.write(f"[doctor] {check.name}: {mark}, {check.detail}{': ' if check.fix else ''}{check.fix}\n")
    return 0 if all(check.ok for check in checks) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
