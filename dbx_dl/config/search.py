"""Which settings of a training are searched, and how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, Field, FiniteFloat, field_validator, model_validator

from dbx_dl.config.section import Scalar, Section
from dbx_dl.config.suggestions import suggest_name
from dbx_dl.config.train import TrainConfig

# Slots are counted once for all trials.
_SAME_FOR_ALL = ("num_ranks", "launcher", "timeout_seconds")


class Dimension(Section):
    """The values of one setting: `choices`, or a range with both ends in it, even in the logarithm or in steps.

    The range is from `low` to `high`, in steps of `step` or with `log` in the logarithm. A range of whole numbers gives
    whole numbers, unless the setting is no whole number.
    """

    choices: tuple[Scalar | None, ...] = ()
    low: int | FiniteFloat | None = None
    high: int | FiniteFloat | None = None
    step: int | FiniteFloat | None = Field(default=None, gt=0)
    log: bool = False

    @model_validator(mode="after")
    def _check(self) -> Dimension:
        if self.choices:
            if self.model_fields_set != {"choices"}:
                raise ValueError("choices stand alone: leave out low, high, step and log")
            if len({repr(choice) for choice in self.choices}) < len(self.choices):
                raise ValueError("a choice is named twice")
            return self
        if self.low is None or self.high is None:
            raise ValueError("needs choices, or low and high")
        if self.low >= self.high:
            raise ValueError(f"low {self.low} is not below high {self.high}")
        if self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("log needs low above 0 and no step")
        return self

    @property
    def extremes(self) -> tuple[Scalar | None, ...]:
        """All choices, or both ends of the range."""
        return self.choices or tuple(end for end in (self.low, self.high) if end is not None)

    @property
    def points(self) -> tuple[Scalar | None, ...]:
        """All values, where they can be counted: choices, steps from `low`, or whole numbers; else none."""
        if self.choices or self.low is None or self.high is None:
            return self.choices
        is_whole = isinstance(self.low, int) and isinstance(self.high, int)
        step = self.step or (1 if is_whole else 0)
        if self.log or not step:
            return ()
        return tuple(self.low + step * i for i in range(int((self.high - self.low) / step + 1e-9) + 1))


class SearchConfig(Section):
    """A search for the best settings of `train`; names in `space` are those of its keys, such as optimizer.momentum.

    `num_trials` trainings are run, those of an earlier search of the name counted; `seed` decides what is drawn.
    `metric` is one of an epoch's, `<split>_<metric>`; its `direction` follows from it where it is not said. A trial
    counts with its best epoch, whose weights it leaves. The pruner stops a trial that is worse than others were at the
    same epoch: median (after Golovin et al., "Google Vizier", 2017) or hyperband (Li et al., 2018), not within the
    first `warmup_epochs`; median not before `startup_trials` have ended. The sampler tpe (Bergstra et al., 2011)
    begins with `startup_trials` random ones; grid takes every point once, in a random order. `num_parallel` trials run
    at once, each on `train.num_ranks` of Spark's slots, or, with launcher in_process, on a core of this machine. After
    `timeout_seconds` no further trial begins. `study` names the search in MLflow, beside its framework; a search of the
    same name goes on from where it ended.
    """

    num_trials: int = Field(gt=0)
    metric: str = Field(default="validation_accuracy", pattern=r"^(train|validation)_[a-z0-9_]+$")
    direction: Literal["maximize", "minimize"] | None = None
    space: dict[str, Dimension] = Field(min_length=1)
    sampler: Literal["tpe", "random", "grid"] = "tpe"
    pruner: Literal["none", "median", "hyperband"] = "median"
    warmup_epochs: int = Field(default=1, ge=0)
    startup_trials: int = Field(default=5, gt=0)
    seed: int = 0
    timeout_seconds: float | None = Field(default=None, gt=0)
    num_parallel: int = Field(default=1, gt=0)
    study: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_. -]*$")

    @field_validator("space")
    @classmethod
    def _check_names(cls, space: dict[str, Dimension]) -> dict[str, Dimension]:
        known = list_settings(TrainConfig)
        for name in space:
            if name in _SAME_FOR_ALL:
                raise ValueError(f"{name} is the same for all trials: set train.{name}")
            if name not in known and not any(_is_free(name, key) for key in known):
                raise ValueError(f"unknown setting {name!r}; {_suggest(name, known)}")
        return space

    @model_validator(mode="after")
    def _check_grid(self) -> SearchConfig:
        for name, dimension in self.space.items():
            if self.sampler == "grid" and not dimension.points:
                raise ValueError(f"sampler grid needs choices or a step in space.{name}")
        return self


def list_settings(section: type[BaseModel], prefix: str = "") -> list[str]:
    """Dotted names of a section's keys and of those of the sections in it; `name.*` where keys are free."""
    names: list[str] = []
    for name, field in section.model_fields.items():
        inner = list(_find_sections(field.annotation))
        if inner:
            names += [found for part in inner for found in list_settings(part, f"{prefix}{name}.")]
        else:
            is_mapping = issubclass(_origin(field.annotation), Mapping)
            names.append(f"{prefix}{name}.*" if is_mapping else f"{prefix}{name}")
    return list(dict.fromkeys(names))


def _suggest(name: str, known: list[str]) -> str:
    return suggest_name(name, [setting for setting in known if setting not in _SAME_FOR_ALL], "keys")


def _is_free(name: str, known: str) -> bool:
    return known.endswith(".*") and name.startswith(known[:-1]) and len(name) >= len(known)


def _find_sections(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif not issubclass(_origin(annotation), Mapping | tuple | list):
        for part in get_args(annotation):
            yield from _find_sections(part)


def _origin(annotation: Any) -> type:
    origin = get_origin(annotation)
    return origin if isinstance(origin, type) else object
