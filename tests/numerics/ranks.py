"""The scenario of several Horovod ranks: the same training in shares, collectives, and the state they must share."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from dbx_dl.config import OptimizerConfig
from dbx_dl.frameworks import load_framework
from dbx_dl.frameworks.interface import Framework, Ranks
from dbx_dl.runtime.ranks import read_rank_place
from tests.numerics import generating, grouping, reconstructing
from tests.numerics.digits import make_global_batches, request_convnet, take_share
from tests.numerics.learning import QUICK, learn
from tests.numerics.training import create, train_both_with_sgd, train_seeded
from tests.numerics.unfreezing import unfreeze
from tests.numerics.variants import RANKS, run_variants


def main(name: str, parent: Path) -> None:
    """Run everything and write `<parent>/<rank>/ranks.json`."""
    place = read_rank_place()
    folder = parent / str(place.rank)
    folder.mkdir()
    framework = load_framework(name)
    ranks = framework.connect_ranks(place)
    specific = import_module(f"tests.numerics.{name}_ranks")
    result = {
        "sgd": train_both_with_sgd(name, framework, ranks, folder),
        "seeded": train_seeded(framework, dropout=0.25, num_steps=5),
        "collectives": try_collectives(ranks),
        "variants": run_variants(name, framework, ranks, folder / "variants", RANKS),
        "unfrozen": unfreeze(name, framework, ranks),
        "reconstruction": reconstructing.run(name, framework, ranks, folder / "reconstruction"),
        "generation": generating.run(framework, ranks),
        "clustering": grouping.run(framework, ranks, folder / "clustering"),
        "learning": {case.name: learn(framework, ranks, case) for case in QUICK},
        "broadcast": broadcast_state(framework, ranks, folder),
        **specific.run(ranks, folder),
    }
    (folder / "ranks.json").write_text(json.dumps(result, indent=1))
    ranks.close()


def try_collectives(ranks: Ranks) -> dict[str, Any]:
    """Every collective with awkward arrays, as lists with their dtype."""
    own = ranks.rank + 1
    rows = {
        "float32": np.full((3 * ranks.rank, 2), own, np.float32),
        "float64": np.full((own,), 1 / 3 + own, np.float64),
        "int64": np.array([2**60 + own] * own),
        "bool": np.array([[True, False]] * own),
        "text": np.array([f"k{own}"] * own, dtype="<U3"),
        "nothing": np.zeros((0, 4), np.float32),
    }
    return {
        "sum": describe(ranks.sum(np.array([[own, 0.5]], np.float32))),
        "sum_of_scalar": describe(ranks.sum(np.array(own))),
        "sum_of_nothing": describe(ranks.sum(np.zeros((0, 2)))),
        "broadcast": describe(ranks.broadcast(np.array([[own]], np.uint32))),
        "broadcast_scalar": describe(ranks.broadcast(np.array(own / 3))),
        "gather_rows": {kind: describe(ranks.gather_rows(array)) for kind, array in rows.items()},
    }


def describe(array: np.ndarray) -> list[Any]:
    """dtype, shape and values."""
    return [str(array.dtype), list(array.shape), array.tolist()]


def broadcast_state(framework: Framework, ranks: Ranks, folder: Path) -> dict[str, Any]:
    """Ranks that start and train apart, then take over rank 0's state and take one more step together."""
    request = request_convnet(seed=ranks.rank)
    objective = create(framework, request, OptimizerConfig(), ranks)
    batches = make_global_batches(3)
    objective.train_step(take_share(batches[0], ranks.rank, ranks.size), 1e-3)
    before = objective.predict(batches[1].inputs)
    objective.broadcast_state()
    after = objective.predict(batches[1].inputs)
    objective.train_step(take_share(batches[1], ranks.rank, ranks.size), 1e-3)
    objective.save_weights(folder / f"broadcast{framework.weights_suffix}")
    return {"before": before[0].tolist(), "after": after[0].tolist()}


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
