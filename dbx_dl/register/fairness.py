"""How a version treats groups of the test rows, and whether that is within what the config allows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dbx_dl.contracts import Check, Fairness, GroupRates, MeasuredModel
from dbx_dl.errors import ConfigError, DataError
from dbx_dl.metrics.fairness import measure_gaps, measure_rates
from dbx_dl.register.groups import split_groups
from dbx_dl.score.evaluation import PREDICTED_LABEL, read_predictions

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from dbx_dl.config import FairnessConfig
    from dbx_dl.contracts import PreparedTable

_RATIO = "demographic_parity_ratio"


def check_fairness(prepared: PreparedTable, config: FairnessConfig | None) -> None:
    """ConfigError unless the table is of classes and `favourable` is one of its labels."""
    if config is None:
        return
    target = prepared.target
    if not target.is_classification:
        raise ConfigError(f"`fairness` compares predicted classes; table {prepared.table.name} is of {target.task}")
    if config.favourable not in target.label_names:
        known = ", ".join(target.label_names[:20])
        raise ConfigError(f"`fairness.favourable` is {config.favourable!r}, which is no label: choose from {known}")


def measure_fairness(rows: pa.Table, prepared: PreparedTable, config: FairnessConfig) -> Fairness:
    """The rates of every group in `rows`, which `predict_split` gave with the config's columns.

    DataError when a column has too many values to be groups, or weights are no numbers of 0 or more.
    """
    groups = [
        GroupRates(column=column, group=name, num_rows=inside.num_rows, **_rates(inside, prepared, config))
        for column in config.columns
        for name, inside in split_groups(rows, column)
    ]
    gaps = {
        column: measure_gaps([group for group in groups if group.column == column], config.min_rows)
        for column in config.columns
    }
    return Fairness(favourable=config.favourable, groups=tuple(groups), gaps=gaps)


def judge_fairness(model: MeasuredModel, config: FairnessConfig | None) -> Iterator[Check]:
    """Every limit of the config for one version; not judged where a gap is undefined."""
    if config is None or model.fairness is None:
        return
    limits = [*config.max_gaps.items()]
    for column, gaps in model.fairness.gaps.items():
        for name, limit in limits:
            yield _check(model, f"{name} of {column}", gaps.get(name), limit, is_least=False)
        if config.min_parity_ratio is not None:
            yield _check(model, f"{_RATIO} of {column}", gaps.get(_RATIO), config.min_parity_ratio, is_least=True)


def _check(model: MeasuredModel, name: str, value: float | None, limit: float, *, is_least: bool) -> Check:
    if value is None:
        return Check(version=model.version, is_met=None, detail=f"{name} is undefined: not judged")
    # What a decimal limit means does not hang on the last bit of a difference.
    is_met = value >= limit - 1e-12 if is_least else value <= limit + 1e-12
    relation = ("reaches" if is_met else "is below") if is_least else ("is within" if is_met else "is more than")
    return Check(version=model.version, is_met=is_met, detail=f"{name} {value:.4f} {relation} {limit:g}")


def _rates(rows: pa.Table, prepared: PreparedTable, config: FairnessConfig) -> dict[str, float | None]:
    import numpy as np

    labels, probabilities_nc = read_predictions(rows, prepared)
    favourable = prepared.target.label_names.index(config.favourable)
    weights = None if config.weight_column is None else _read_weights(rows, config.weight_column)
    is_selected = np.array(rows.column(PREDICTED_LABEL).to_pylist(), object) == config.favourable
    return measure_rates(labels == favourable, is_selected, probabilities_nc[:, favourable], weights)


def _read_weights(rows: pa.Table, name: str) -> NDArray[np.float64]:
    import numpy as np
    import pyarrow as pa

    try:
        weights = rows.column(name).cast(pa.float64()).to_numpy()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        weights = np.array([np.nan])
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise DataError(f"`fairness.weight_column` {name!r} must hold a number of 0 or more in every test row")
    return np.asarray(weights, np.float64)
