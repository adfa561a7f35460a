"""Every benchmark has its section among the kept figures, and no section is of one that is gone."""

from __future__ import annotations

import re

from tests.rules.source_files import ROOT

FOLDER = ROOT / "tests" / "benchmarks"


def test_every_benchmark_has_its_figures() -> None:
    sections = re.findall(r"^## (bench_\w+): ", (FOLDER / "RESULTS.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(sections) == sorted(path.stem for path in FOLDER.glob("bench_*.py"))
