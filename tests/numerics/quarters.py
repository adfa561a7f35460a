"""The scenario of four ranks: the same 20 steps of momentum SGD, each rank with a quarter of every batch."""

from __future__ import annotations

import sys
from pathlib import Path

from dbx_dl.frameworks import load_framework
from dbx_dl.runtime.ranks import read_rank_place
from tests.numerics.digits import request_smooth
from tests.numerics.training import train_with_sgd


def main(name: str, parent: Path) -> None:
    """Train and write the weights of every rank to `<parent>/<rank>/sgd_smooth`."""
    place = read_rank_place()
    folder = parent / str(place.rank)
    folder.mkdir()
    framework = load_framework(name)
    ranks = framework.connect_ranks(place)
    train_with_sgd(name, framework, request_smooth(name), ranks, folder / "sgd_smooth")
    ranks.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
