"""Every check becomes a row, and a failed one names its fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbx_dl.errors import SetupError
from dbx_dl.runtime import doctor
from dbx_dl.runtime.doctor import CHECKS, Check, main, run_checks


def fail_with_fix() -> str:
    """A check of something that the machine lacks."""
    raise SetupError("no wings (looked: everywhere)", "grow some (Debian: apt-get install wings)")


def fail_by_surprise() -> str:
    """A check that itself breaks."""
    raise KeyError("feathers\nand more")


@pytest.fixture
def _checks(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = {"fine": lambda: "it is", "wings": fail_with_fix, "odd": fail_by_surprise}
    monkeypatch.setattr(doctor, "CHECKS", checks)


@pytest.mark.usefixtures("_checks")
def test_rows_keep_their_order_and_their_fixes() -> None:
    fine, wings, odd = run_checks()
    assert fine == Check("fine", True, "it is")
    assert wings == Check("wings", False, "no wings (looked: everywhere)", "grow some (Debian: apt-get install wings)")
    assert not odd.ok
    assert odd.detail.startswith("KeyError")
    assert odd.fix


@pytest.mark.usefixtures("_checks")
def test_command_fails_when_a_check_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fine"]) == 0
    assert main(["fine", "wings"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert (
        lines[-1] == "[doctor] wings: FAILED, no wings (looked: everywhere): grow some (Debian: apt-get install wings)"
    )


def test_unknown_check_names_the_known_ones() -> None:
    with pytest.raises(SetupError, match="unknown check 'sparc': choose from python, versions, java"):
        run_checks(["sparc"])


def test_missing_java_fails_java_and_spark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    (java,) = run_checks(["java"])
    assert (java.ok, java.detail) == (False, f"JAVA_HOME={tmp_path} has no bin/java")
    assert "install a JDK 17" in java.fix


def test_missing_jars_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBX_DL_JARS_DIR", str(tmp_path))
    (jars,) = run_checks(["delta jars"])
    assert not jars.ok
    assert "DBX_DL_JARS_DIR" in jars.fix


def test_broken_driver_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'driver mismatch'; exit 9\n", encoding="utf-8")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (gpus,) = run_checks(["gpus"])
    assert (gpus.ok, gpus.detail) == (False, "nvidia-smi failed (driver mismatch)")


def test_absent_binding_names_the_build_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CHECKS, "horovod.torch", lambda: doctor._find_binding("horovod.no_such_binding"))
    (binding,) = run_checks(["horovod.torch"])
    assert not binding.ok
    assert "No module named 'horovod" in binding.detail
    assert "conf/horovod/build_wheel.sh" in binding.fix


def test_onnx_runtime_has_its_cpu_provider() -> None:
    (runtime,) = run_checks(["onnx runtime"])
    assert runtime.ok
    assert "CPU" in runtime.detail
