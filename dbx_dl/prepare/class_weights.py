"""Weights that make up for classes of few rows."""

from __future__ import annotations

import math
from collections.abc import Mapping

from dbx_dl.contracts import WeightScheme

# The beta of Cui et al.: of ever more rows of one class, 1 / (1 - beta) count at most.
BETA = 0.9999


def weigh_classes(rows: Mapping[str, int], beta: float = BETA) -> dict[WeightScheme, dict[str, float]]:
    """Weights by scheme and class for the train split's rows by class; both average 1 over the rows.

    `balanced` is rows / (classes * rows of the class); `effective_number` is in proportion to
    (1 - beta) / (1 - beta ** rows of the class). Classes without rows have weight 1 and do not count; no classes, no
    schemes.
    """
    counts = {name: count for name, count in rows.items() if count > 0}
    if not counts:
        return {}
    total = sum(counts.values())
    balanced = {name: total / (len(counts) * count) for name, count in counts.items()}
    inverse = {name: 1.0 / -math.expm1(count * math.log(beta)) for name, count in counts.items()}
    mean = sum(inverse[name] * count for name, count in counts.items()) / total
    effective = {name: weight / mean for name, weight in inverse.items()}
    unseen = {name: 1.0 for name in rows if name not in counts}
    return {"balanced": unseen | balanced, "effective_number": unseen | effective}
