"""The collectives of one rank return their argument."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from dbx_dl.frameworks.single_rank import SingleRank


def test_collectives_return_their_argument() -> None:
    ranks = SingleRank()
    values = np.arange(6, dtype=np.float32).reshape(3, 2)
    assert (ranks.rank, ranks.size) == (0, 1)
    assert ranks.gather_rows(values) is values
    assert ranks.broadcast(values) is values
    total = ranks.sum(values)
    assert total.dtype == np.float64
    assert total.tolist() == values.tolist()
    ranks.close()


def test_horovod_is_not_imported() -> None:
    script = "import sys, dbx_dl.frameworks.single_rank; sys.exit('horovod' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0
