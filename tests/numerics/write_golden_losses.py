"""Regenerate the golden losses after a change meant to alter them: `python -m tests.numerics.write_golden_losses`.

The losses of 10 steps (Adam, learning rate 0.001, batches of 32 digits, no dropout, seed 7) are kept for each framework
and compared within 0.1 %, which covers the differences between CPUs.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from tests.numerics.children import run_alone

GOLDEN_FILE = Path(__file__).with_name("golden_losses.json")


def main() -> None:
    """Run each framework's scenario and write the file."""
    golden = {}
    for framework in ("keras", "torch"):
        with tempfile.TemporaryDirectory() as folder:
            run_alone("alone", framework, Path(folder))
            golden[framework] = json.loads((Path(folder) / "alone.json").read_text())["golden"]
    GOLDEN_FILE.write_text(json.dumps(golden, indent=2) + "\n")


if __name__ == "__main__":
    main()
