"""The set-up's commands tell what they do, and refuse what is missing on the machine in one line with its fix."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rules.source_files import ROOT

CHECK_TOOLS = "conf/check_tools.sh"
BUILD_WHEEL = "conf/horovod/build_wheel.sh"
USED_BY_SCRIPTS = (
    "bash",
    "cat",
    "cut",
    "dirname",
    "find",
    "head",
    "mkdir",
    "mktemp",
    "patch",
    "rm",
    "sed",
    "sha256sum",
    "tar",
    "cp",
)


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder to be the whole PATH: what the scripts use, a working java, and stand-ins for g++ and make."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in USED_BY_SCRIPTS:
        found = next(Path(place) / name for place in ("/usr/bin", "/bin") if (Path(place) / name).exists())
        (folder / name).symlink_to(found)
    for name, line in {"java": 'openjdk version "17.0.1"', "g++": "g++ 12", "make": "make"}.items():
        write_tool(folder / name, f"echo '{line}' >&2")
    return folder


def write_tool(path: Path, body: str) -> None:
    """A shell script in place of a tool."""
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)


def run_script(*command: str, path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script of the checkout with this PATH and no JAVA_HOME."""
    variables = {"PATH": str(path), "HOME": str(path.parent), "LC_ALL": "C", **environment}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=variables, check=False)


def assert_one_line(done: subprocess.CompletedProcess[str], message: str) -> None:
    """The script failed with this single line and printed nothing to stdout."""
    assert done.returncode == 1
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_complete_machine_passes(tools: Path) -> None:
    done = run_script(CHECK_TOOLS, sys.executable, path=tools)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("tool", "message"),
    [
        ("java", "java not found: install a JDK 17"),
        ("g++", "g++ not found: install a C++ compiler"),
        ("make", "make not found: install a C++ compiler, make and patch"),
    ],
)
def test_missing_tool_is_named_with_its_fix(tools: Path, tool: str, message: str) -> None:
    (tools / tool).unlink()
    assert_one_line(run_script(CHECK_TOOLS, sys.executable, path=tools), message)


def test_wrong_python_or_java_is_refused(tools: Path) -> None:
    assert_one_line(
        run_script(CHECK_TOOLS, "no-python", path=tools), "no-python not found: install Python 3.11 to 3.13"
    )
    write_tool(tools / "python3.9", 'if [ "$1" = --version ]; then echo Python 3.9.1; else exit 1; fi')
    assert_one_line(run_script(CHECK_TOOLS, "python3.9", path=tools), "Python 3.9.1 is not 3.11 to 3.13")
    write_tool(tools / "java", """echo 'java version "1.8.0_392"' >&2""")
    assert_one_line(run_script(CHECK_TOOLS, sys.executable, path=tools), "java is Java 8: install a JDK 17")
    missing = run_script(CHECK_TOOLS, sys.executable, path=tools, JAVA_HOME="/no/such/jdk")
    assert_one_line(missing, "JAVA_HOME=/no/such/jdk has no bin/java")


def test_horovods_build_refuses_what_it_cannot_use(tools: Path, tmp_path: Path) -> None:
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    sdist = tmp_path / "horovod.tar.gz"
    sdist.write_bytes(b"not Horovod")
    assert_one_line(run_script(BUILD_WHEEL, "no-python", path=tools), "no-python not found")
    wrong = run_script(BUILD_WHEEL, sys.executable, path=tools, DBX_DL_HOROVOD_NCCL="yes", **cache)
    assert_one_line(wrong, "DBX_DL_HOROVOD_NCCL=yes: set it to 1")
    no_cuda = run_script(
        BUILD_WHEEL, sys.executable, path=tools, DBX_DL_HOROVOD_NCCL="1", CUDA_HOME="/no/cuda", **cache
    )
    assert_one_line(no_cuda, "needs the CUDA toolkit")
    write_tool(tools / "nvcc", "exit 0")
    without = {"DBX_DL_HOROVOD_NCCL": "1", "CUDA_HOME": "/no/cuda", **cache}
    no_headers = run_script(BUILD_WHEEL, sys.executable, path=tools, HOROVOD_NCCL_HOME=str(tmp_path), **without)
    assert_one_line(no_headers, "needs NCCL's headers: no nccl.h")
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "nccl.h").write_text("")
    found = run_script(
        BUILD_WHEEL,
        sys.executable,
        path=tools,
        HOROVOD_NCCL_HOME=str(tmp_path),
        DBX_DL_HOROVOD_SDIST=str(sdist),
        **without,
    )
    assert_one_line(found, "horovod-0.28.1.tar.gz has SHA-256")
    spoiled = run_script(BUILD_WHEEL, sys.executable, path=tools, DBX_DL_HOROVOD_SDIST=str(sdist), **cache)
    assert_one_line(spoiled, "horovod-0.28.1.tar.gz has SHA-256")
    (tools / "g++").unlink()
    assert_one_line(run_script(BUILD_WHEEL, sys.executable, path=tools, **cache), "g++ not found")
    assert list(tmp_path.glob("cache/dbx_dl/wheels/*/*.whl")) == []


def test_frameworks_must_be_installed_before_horovod(tools: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    done = run_script(BUILD_WHEEL, str(tmp_path / "venv" / "bin" / "python"), path=tools)
    assert_one_line(done, "is not installed in")
    assert "pip install -c constraints.txt" in done.stderr


def test_cached_wheel_is_used_as_it_is(tools: Path, tmp_path: Path) -> None:
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    (tools / "g++").unlink()
    assert run_script(BUILD_WHEEL, sys.executable, path=tools, **cache).returncode == 1
    (folder,) = (tmp_path / "cache" / "dbx_dl" / "wheels").iterdir()
    assert folder.name.startswith("horovod0.28.1-3-gloo-torch2.")
    wheel = folder / "horovod-0.28.1-cp311-cp311-linux_x86_64.whl"
    wheel.write_bytes(b"built")
    done = run_script(BUILD_WHEEL, sys.executable, path=tools, **cache)
    assert (done.returncode, done.stdout) == (0, f"{wheel}\n")


def test_make_lists_its_targets() -> None:
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, env={**os.environ}, check=True)
    targets = {line.split()[0] for line in done.stdout.splitlines()[1:]}
    layers = {f"test-{layer}" for layer in ("unit", "spark", "ranks", "numerics", "e2e", "rules", "gpu")}
    assert {"help", "demo", "test", "lint", "format", "bench", "wheel", "clean"} | layers <= targets
