"""A search space and the training that it varies: configs of trials, Optuna's distributions, the points of a grid."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from dbx_dl.config import Dimension, TrainConfig
from dbx_dl.errors import ConfigError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Values = dict[str, str | int | float | bool | None]


def apply_values(config: TrainConfig, values: Mapping[str, Any]) -> TrainConfig:
    """The config with these settings, by dotted name; ConfigError names the setting and what it refused."""
    changed = config.model_dump()
    for name, value in values.items():
        *sections, key = name.split(".")
        place = changed
        for section in sections:
            place[section] = dict(place.get(section) or {})
            place = place[section]
        place[key] = value
    try:
        return TrainConfig.model_validate(changed)
    except ValidationError as error:
        problem = error.errors()[0]
        name = ".".join(str(part) for part in problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        # What two settings together refuse is told by the message alone.
        got = "" if isinstance(problem["input"], Mapping) else f" (got {problem['input']!r})"
        raise ConfigError(f"search.space: {name}: {message}{got}") from None


def list_extremes(config: TrainConfig, space: Mapping[str, Dimension]) -> list[TrainConfig]:
    """Configs in which each setting takes its choices, or the ends of its range, once; ConfigError as above."""
    first = {name: dimension.extremes[0] for name, dimension in space.items()}
    changes = [{name: value} for name, dimension in space.items() for value in dimension.extremes[1:]]
    return [apply_values(config, first | change) for change in [{}, *changes]]


def create_distributions(config: TrainConfig, space: Mapping[str, Dimension]) -> dict[str, BaseDistribution]:
    """Optuna's distribution of each setting, in the order of their names."""
    return {name: _create_distribution(config, name, space[name]) for name in sorted(space)}


def list_points(space: Mapping[str, Dimension], seed: int) -> list[Values]:
    """Every point of a grid once, in a random order, so that a search that ends early has seen all of it."""
    names = sorted(space)
    points = [dict(zip(names, point, strict=True)) for point in itertools.product(*(space[n].points for n in names))]
    random.Random(seed).shuffle(points)
    return points


def _create_distribution(config: TrainConfig, name: str, dimension: Dimension) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if dimension.choices:
        return CategoricalDistribution(dimension.choices)
    low, high, step, log = dimension.low, dimension.high, dimension.step, dimension.log
    if low is None or high is None:
        raise ConfigError(f"search.space.{name} needs choices, or low and high")
    # A whole number that the config takes for a real one is the end of a real range.
    is_whole = all(isinstance(read_value(apply_values(config, {name: end}), name), int) for end in (low, high))
    if is_whole and not isinstance(step, float):
        return IntDistribution(int(low), int(high), log=log, step=step or 1)
    return FloatDistribution(low, high, log=log, step=step)


def read_value(config: TrainConfig, name: str) -> Any:
    """The value of a setting, by dotted name."""
    value: Any = config.model_dump()
    for part in name.split("."):
        value = value[part]
    return value
