"""What a task refuses before it meets the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dbx_dl.errors import DataError
from dbx_dl.train.barrier import run_in_barrier
from dbx_dl.train.ranks import RankProgram


class LonelyContext:
    """A task's context, as far as a task gets here."""

    def partitionId(self) -> int:
        return 0


def test_a_directory_that_the_executor_cannot_see_is_named(tmp_path: Path) -> None:
    program = RankProgram("module", (), str(tmp_path / "elsewhere"), 2, 60)
    context: Any = LonelyContext()
    with pytest.raises(DataError, match=r"elsewhere does not exist on .*driver and every executor share"):
        list(run_in_barrier(program, context, "stage"))
