"""What `dbx-dl init` writes runs as it is: its test, its job and its notebook."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import CallCli, run_python


@pytest.mark.matrix
@pytest.mark.parametrize("framework", ["keras", "torch"])
def test_the_projects_own_test_passes(framework: str, call_cli: CallCli, tmp_path: Path) -> None:
    made = call_cli("init", "flowers", "--framework", framework, directory=tmp_path)
    assert made.returncode == 0, made.stderr
    result = run_python("-m", "pytest", "-q", directory=tmp_path / "flowers")
    assert result.returncode == 0, result.stdout[-3000:]
    assert "1 passed" in result.stdout


@pytest.mark.matrix
def test_job_and_notebook_run(call_cli: CallCli, tmp_path: Path) -> None:
    assert call_cli("init", "flowers", directory=tmp_path).returncode == 0
    project = tmp_path / "flowers"
    for arguments in (("job.py", "run.yml"), ("notebook.py",)):
        result = run_python(*arguments, directory=project)
        assert result.returncode == 0, result.stderr[-3000:]
    assert (project / "runs" / "flowers" / "report.html").is_file()
    assert "flower-001" in result.stdout and "setosa" in result.stdout
