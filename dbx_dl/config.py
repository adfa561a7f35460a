"""Run configs: YAML in, validated frozen values out; unknown keys are refused with the nearest valid name."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from dbx_dl.errors import ConfigError

FrameworkName = Literal["keras", "torch"]
Scalar = str | int | float | bool


class Section(BaseModel):
    """A frozen part of a run config."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SparkConfig(Section):
    """The local session that is started where no Spark session is given (never on Databricks)."""

    master: str = "local[2]"
    driver_memory: str = "2g"
    shuffle_partitions: int = Field(default=2, gt=0)
    settings: dict[str, str] = {}


class TrackingConfig(Section):
    """Where MLflow keeps runs and models: a database or server URI; files go under `artifacts` (a folder or URI)."""

    uri: str = "sqlite:///mlflow.db"
    experiment: str = "dbx_dl"
    artifacts: str | None = None


class SplitConfig(Section):
    """Fractions of the rows per split, decided by a hash of the row's key."""

    train: float = Field(default=0.7, gt=0, le=1)
    validation: float = Field(default=0.15, ge=0, lt=1)
    test: float = Field(default=0.15, ge=0, lt=1)
    seed: int = 0

    @model_validator(mode="after")
    def _sums_to_one(self) -> Self:
        total = self.train + self.validation + self.test
        if abs(total - 1.0) > 1e-6:
            raise ValueError(f"split fractions must sum to 1, got {total:g}")
        return self


class PrepareImagesConfig(Section):
    """Image files in class folders (`source/<label>/<file>`) into a Delta table of bytes and labels."""

    kind: Literal["images"] = "images"
    source: str
    table: str
    height: int = Field(gt=0)
    width: int = Field(gt=0)
    channels: Literal[1, 3] = 3
    min_side: int = Field(default=2, gt=0)
    max_pixels: int = Field(default=50_000_000, gt=0)
    max_reject_fraction: float = Field(default=0.5, ge=0, le=1)
    split: SplitConfig = SplitConfig()


class PrepareTableConfig(Section):
    """A CSV or Parquet file, or a Delta table, with a key and a label column into a typed Delta table.

    Column kinds are inferred from the data unless `columns` names them.
    """

    kind: Literal["table"] = "table"
    source: str
    source_format: Literal["csv", "parquet", "delta"] = "csv"
    table: str
    key: str
    label: str
    columns: dict[str, Literal["numeric", "categorical"]] | None = None
    null_tokens: tuple[str, ...] = ("", "?", "NA", "NaN", "null")
    max_categories: int = Field(default=256, gt=0)
    max_reject_fraction: float = Field(default=0.5, ge=0, le=1)
    split: SplitConfig = SplitConfig()


PrepareConfig = Annotated[PrepareImagesConfig | PrepareTableConfig, Field(discriminator="kind")]


class OptimizerConfig(Section):
    """An optimizer by name; `learning_rate` is for the global batch and is not scaled."""

    name: Literal["adam", "sgd"] = "adam"
    learning_rate: float = Field(default=1e-3, gt=0)
    momentum: float = Field(default=0.0, ge=0, lt=1)
    warmup_epochs: float = Field(default=0.0, ge=0)
    decay: Literal["constant", "cosine"] = "constant"


class TrainConfig(Section):
    """How a network is trained; `batch_size` is per rank."""

    network: str
    network_options: dict[str, Scalar] = {}
    num_ranks: int = Field(default=1, gt=0)
    launcher: Literal["in_process", "spark", "horovod_spark"] = "spark"
    batch_size: int = Field(default=32, gt=0)
    num_epochs: int = Field(default=10, gt=0)
    optimizer: OptimizerConfig = OptimizerConfig()
    early_stopping_epochs: int | None = Field(default=None, gt=0)
    seed: int = 0
    shuffle_window_rows: int = Field(default=4096, gt=0)
    timeout_seconds: int = Field(default=3600, gt=0)


class ExportConfig(Section):
    """How the ONNX file is made and how closely it must agree with the network."""

    opset: int = Field(default=18, ge=18, le=21)
    parity_rows: int = Field(default=256, gt=0)
    parity_tolerance: float = Field(default=1e-4, gt=0)


class RegisterConfig(Section):
    """The registry's model name, and what a version must reach on the test split to become champion."""

    name: str
    metric: Literal["accuracy", "auc", "log_loss"] = "accuracy"
    threshold: float | None = None


class ScoreConfig(Section):
    """What to score, with which model, into which table; every input row gets exactly one output row.

    `source_format` images: a folder of files, keyed by their path relative to it; csv, parquet, delta: rows keyed by
    `key`. `model`: an MLflow URI such as `models:/digits@champion`, or the path of an ONNX file.
    """

    source: str
    source_format: Literal["images", "csv", "parquet", "delta"]
    key: str = "path"
    model: str
    table: str
    null_tokens: tuple[str, ...] = ("", "?", "NA", "NaN", "null")


class RunConfig(Section):
    """One run of the whole path; stages keep their contracts, weights and ONNX files under `directory`."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    directory: str
    frameworks: tuple[FrameworkName, ...] = Field(default=("keras",), min_length=1)
    spark: SparkConfig = SparkConfig()
    tracking: TrackingConfig = TrackingConfig()
    prepare: PrepareConfig
    train: TrainConfig
    export: ExportConfig = ExportConfig()
    registry: RegisterConfig
    score: ScoreConfig


def load_run_config(path: str | os.PathLike[str]) -> RunConfig:
    """Read and validate a run's YAML file; ConfigError names the key, the value and what is valid."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read the run config {path}: {error.strerror}") from None
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path} must hold a mapping of keys, got {type(values).__name__}")
    return parse_run_config(values, origin=str(path))


def parse_run_config(values: dict[str, Any], origin: str = "run config") -> RunConfig:
    """Validate a run config given as nested dicts; ConfigError as in `load_run_config`."""
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        # A mistyped key is also a missing one: the hint at what was meant comes first.
        found = sorted(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
        problems = "; ".join(_explain(problem) for problem in found[:3])
        raise ConfigError(f"{origin}: {problems}") from None


def _explain(problem: Any) -> str:
    location = [str(part) for part in problem["loc"] if part not in ("images", "table") or part == problem["loc"][-1]]
    place = ".".join(location)
    if problem["type"] == "extra_forbidden":
        valid = _valid_keys(location[:-1])
        nearest = difflib.get_close_matches(location[-1], valid, n=1, cutoff=0.5)
        hint = f"did you mean {nearest[0]!r}?" if nearest else f"valid keys: {', '.join(sorted(valid))}"
        return f"unknown key {place!r}; {hint}"
    if problem["type"] == "missing":
        return f"key {place!r} is required"
    return f"{place}: {problem['msg'].removeprefix('Value error, ')} (got {problem['input']!r})"


def _valid_keys(location: list[str]) -> list[str]:
    sections: list[type[BaseModel]] = [RunConfig]
    for part in location:
        fields = [section.model_fields[part] for section in sections if part in section.model_fields]
        sections = [kind for field in fields for kind in _sections_of(field.annotation)]
    return sorted({key for section in sections for key in section.model_fields})


def _sections_of(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [kind for part in getattr(annotation, "__args__", ()) for kind in _sections_of(part)]
